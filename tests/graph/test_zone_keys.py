"""The keys of a zone that the cluster serves itself, and the levels of the program's namespaces."""

import pytest

from tests.graph import harness
from tests.graph.recorded import Graph

pytestmark = pytest.mark.graph

WRITERS = ("powerdns", "external-dns", "cert-manager")
ENFORCE = "pod-security.kubernetes.io/enforce"


def test_who_writes_records_gets_the_name_servers_key_in_its_own_namespace(graph: Graph) -> None:
    secrets = [
        item
        for item in graph.of("core/v1:Secret")
        if item.inputs["metadata"]["name"] == "powerdns-api"
    ]
    assert {item.inputs["metadata"]["namespace"] for item in secrets} == set(WRITERS)
    assert all(list(item.inputs["stringData"]) == ["api-key"] for item in secrets)
    assert all(item.is_secret("stringData") for item in secrets)


def test_the_zones_keys_lie_there_before_flux_begins(graph: Graph) -> None:
    instance = graph.one("FluxInstance")
    keys = [item for item in graph.of("core/v1:Secret") if item.name.startswith("dns-")]
    assert len(keys) == 4
    assert all(graph.comes_before(key, instance) for key in keys)


@pytest.mark.parametrize("stack", ["test-cluster", "home-ops"])
def test_every_namespace_of_the_program_says_what_pods_may_ask_for(stack: str) -> None:
    made = {
        item.inputs["metadata"]["name"]: item.inputs["metadata"]["labels"][ENFORCE]
        for item in harness.run(stack).of("core/v1:Namespace")
    }
    assert made.pop("csi-proxmox", "privileged") == "privileged"
    assert set(made.values()) == {"restricted"}
