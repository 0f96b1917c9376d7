"""A volume's handle is made of region, zone and datastore: they agree wherever they stand."""

from typing import Any

import pytest
import yaml

from tests.graph import harness
from tests.graph.recorded import Graph, unwrapped

pytestmark = pytest.mark.graph

STACK = "test-cluster"


def claimed_hosts(*, machine_there: bool) -> list[str]:
    def second_host(cluster: dict[str, Any]) -> None:
        cluster["proxmox"]["hosts"].append({"name": "titan", "bridge": "vmbr1"})
        if machine_there:
            cluster["machines"][4]["vm"]["host"] = "titan"

    graph = harness.run(STACK, settings=harness.changed(STACK, second_host))
    hosts: list[str] = graph.one("VolumeSweep").inputs["hosts"]
    return hosts


def test_the_claim_covers_the_hosts_that_machines_stand_on() -> None:
    assert claimed_hosts(machine_there=True) == ["atlas", "titan"]


def test_a_host_without_machines_is_not_claimed() -> None:
    assert claimed_hosts(machine_there=False) == ["atlas"]


def test_claim_driver_and_class_speak_of_one_region_and_datastore(graph: Graph) -> None:
    claim = graph.one("VolumeSweep").inputs
    secret = graph.one("core/v1:Secret", "storage-config").inputs["stringData"]
    (told,) = yaml.safe_load(unwrapped(secret)["config.yaml"])["clusters"]
    (made,) = graph.one("Release", "storage-driver").inputs["values"]["storageClass"]
    (topology,) = made["allowedTopologies"]
    places = {item["key"]: item["values"] for item in topology["matchLabelExpressions"]}
    assert claim["region"] == told["region"]
    assert places == {
        "topology.kubernetes.io/region": [claim["region"]],
        "topology.kubernetes.io/zone": claim["hosts"],
    }
    assert made["storage"] == claim["datastore"]
