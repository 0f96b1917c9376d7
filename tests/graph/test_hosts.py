"""A stack on physical hosts: looked at, adopted, configured like any machine, reset at the end."""

import pytest
import yaml

from components.infrastructure.image import schematic_id
from config import versions
from config.load import CLUSTER_KEY, load_cluster, read_stack_file
from tests.graph import harness
from tests.graph.recorded import UNKNOWN, Graph, Registered

pytestmark = pytest.mark.graph

STACK = "home-ops"
MACHINES = ("mini01", "mini02", "mini03")
# Each is part of every URN below it: a renamed one is a cluster reset and founded anew.
# Add freely, never change.
TOKENS = {
    "hearth:auth:HostAuth",
    "hearth:index:AdoptedHost",
    "hearth:index:HostPreflight",
}


def adopted(graph: Graph, machine: str = "mini01") -> Registered:
    return graph.one("index:AdoptedHost", machine)


def test_the_tokens_of_physical_hosts_are_the_committed_ones(metal: Graph) -> None:
    assert {item.type for item in metal.resources} >= TOKENS


def test_a_stack_on_hosts_has_nothing_of_a_hypervisor(metal: Graph) -> None:
    assert not [item.urn for item in metal.resources if "proxmox" in item.urn.lower()]


def test_everything_but_the_machine_step_is_what_virtual_machines_have(
    metal: Graph, graph: Graph
) -> None:
    def layer(found: Graph) -> set[str]:
        return {item.type for item in found.resources if "infrastructure" in item.urn}

    assert layer(graph) - layer(metal) == {
        "hearth:index:MachineAnswers",
        "hearth:index:Preflight",
        "hearth:infrastructure:VirtualMachine",
        "proxmoxve:download/file:File",
        "proxmoxve:index/vmLegacy:VmLegacy",
    }
    assert layer(metal) - layer(graph) == {"hearth:index:AdoptedHost", "hearth:index:HostPreflight"}


def test_every_resource_of_hosts_has_an_explicit_provider(metal: Graph) -> None:
    assert {item.type for item in metal.custom() if not item.provider} == {"pulumi:index:Stash"}


def test_all_hosts_are_looked_at_before_one_is_touched(metal: Graph) -> None:
    preflight = metal.one("index:HostPreflight")
    assert [host["machine"] for host in preflight.inputs["hosts"]] == list(MACHINES)
    for machine in MACHINES:
        assert metal.comes_before(preflight, adopted(metal, machine))


def test_a_plan_that_takes_two_control_planes_down_is_refused_before_hosts_are_looked_at(
    metal: Graph,
) -> None:
    assert metal.comes_before(metal.one("index:Quorum"), metal.one("index:HostPreflight"))


def test_preflight_knows_the_image_that_a_host_has_to_be_booted_from(metal: Graph) -> None:
    cluster = load_cluster(
        read_stack_file(harness.ROOT / f"Pulumi.{STACK}.yaml").config[CLUSTER_KEY], STACK
    )
    inputs, expected = metal.one("index:HostPreflight").inputs, schematic_id(cluster.talos)
    assert inputs["schematic"] == expected
    assert inputs["talosVersion"] == versions.TALOS
    assert inputs["image"].endswith(f"/image/{expected}/{versions.TALOS}/metal-amd64.iso")


def test_a_host_is_adopted_where_it_waits_and_configured_where_it_will_live(metal: Graph) -> None:
    host = adopted(metal)
    assert host.inputs["maintenanceAddress"] == "172.29.51.101"
    applied = metal.one("ConfigurationApply", "mini01")
    assert applied.inputs["node"] == host.inputs["address"] == "172.29.51.11"
    assert metal.comes_before(host, applied)


def test_adopting_sends_a_host_its_name_and_addresses_and_nothing_else(metal: Graph) -> None:
    host = adopted(metal)
    documents = list(yaml.safe_load_all(host.inputs["network"]))
    assert [document["kind"] for document in documents] == ["HostnameConfig", "LinkConfig"]
    assert not host.is_secret("network")
    assert documents[1]["name"] == "enp3s0f0"
    assert [item["address"] for item in documents[1]["addresses"]] == [
        "172.29.51.11/24",
        "fd47:25e1:2f96:51::11/64",
    ]


def test_the_credentials_for_a_reset_are_secret(metal: Graph) -> None:
    host = adopted(metal)
    assert host.is_secret("clientConfiguration")
    assert harness.CANARY not in host.readable


def test_a_reset_leaves_data_disks_alone_unless_the_stack_says_sweep(metal: Graph) -> None:
    assert adopted(metal).inputs["dataOnDestroy"] == "keep"
    swept = harness.run(
        STACK,
        settings=harness.changed(
            STACK, lambda cluster: cluster["storage"].update(dataOnDestroy="sweep")
        ),
    )
    assert adopted(swept).inputs["dataOnDestroy"] == "sweep"


def test_a_protected_stacks_hosts_are_neither_reset_nor_replaced(metal: Graph) -> None:
    assert all(adopted(metal, machine).request.protect for machine in MACHINES)
    open_stack = harness.run(
        STACK, settings=harness.changed(STACK, lambda cluster: cluster.update(protected=False))
    )
    assert not any(adopted(open_stack, machine).request.protect for machine in MACHINES)


def test_a_box_that_takes_anothers_place_comes_after_it(metal: Graph) -> None:
    assert adopted(metal).request.deleteBeforeReplace


def test_a_host_that_is_adopted_anew_is_configured_anew_and_joins_anew(metal: Graph) -> None:
    host = adopted(metal).urn
    assert host in metal.one("ConfigurationApply", "mini01").replaced_with
    assert host in metal.one("index:Membership", "mini01").replaced_with


def test_a_host_is_reset_for_real_at_the_end_and_not_with_the_cluster(metal: Graph) -> None:
    # `deleted_with` would drop it from the state without a visit.
    assert metal.hangs_on(adopted(metal)) == ""


def test_the_keys_that_a_reset_asks_with_go_after_it(metal: Graph) -> None:
    assert metal.comes_before(metal.one("machine/secrets:Secrets"), adopted(metal))


def test_a_preview_of_hosts_registers_what_an_update_does(
    metal: Graph, metal_preview: Graph
) -> None:
    assert metal_preview.urns() == metal.urns()
    # It is known only once all hosts have passed.
    assert adopted(metal_preview).inputs["address"] == UNKNOWN


def test_installers_and_images_of_hosts_are_made_for_metal(metal: Graph) -> None:
    patches = [call.args for call in metal.calls("machine/getConfiguration:getConfiguration")]
    assert len(patches) == len(MACHINES)
    assert all("metal-installer/" in "".join(args["configPatches"]) for args in patches)
