"""The shape of a stack's graph: type tokens, URNs, providers, and what leaves them as they are."""

import subprocess
import sys
from typing import Any

import pytest
import yaml

from tests.graph import harness
from tests.graph.recorded import UNKNOWN, Graph, Registered

pytestmark = pytest.mark.graph

STACK = "test-cluster"
# Each is part of every URN below it: a renamed one is a cluster destroyed and made anew.
# Add freely, never change.
TOKENS = {
    "hearth:auth:Auth",
    "hearth:cni:Cni",
    "hearth:dns:DelegatedZone",
    "hearth:gitops:Converged",
    "hearth:gitops:Flux",
    "hearth:index:Anchor",
    "hearth:index:Bootstrap",
    "hearth:index:Convergence",
    "hearth:index:Delegation",
    "hearth:index:Gate",
    "hearth:index:MachineAnswers",
    "hearth:index:Membership",
    "hearth:index:Preflight",
    "hearth:index:VolumeSweep",
    "hearth:infrastructure:ConfiguredMachine",
    "hearth:infrastructure:Fleet",
    "hearth:infrastructure:Infrastructure",
    "hearth:infrastructure:VirtualMachine",
    "hearth:secrets:SecretSeeds",
    "hearth:storage:Storage",
    "hearth:storage:VolumeClaim",
    "hearth:index:Quorum",
    "hearth:index:Turn",
    "kubernetes:core/v1:ConfigMap",
    "kubernetes:core/v1:Namespace",
    "kubernetes:core/v1:Secret",
    "kubernetes:fluxcd.controlplane.io/v1:FluxInstance",
    "kubernetes:helm.sh/v3:Release",
    "proxmoxve:download/file:File",
    "proxmoxve:index/acl:Acl",
    "proxmoxve:index/poolLegacy:PoolLegacy",
    "proxmoxve:index/roleLegacy:RoleLegacy",
    "proxmoxve:index/userLegacy:UserLegacy",
    "proxmoxve:index/vmLegacy:VmLegacy",
    "proxmoxve:user/token:Token",
    "pulumi:index:Stash",
    "pulumi:providers:hearth",
    "pulumi:providers:kubernetes",
    "pulumi:providers:proxmoxve",
    "pulumi:providers:random",
    "pulumi:providers:talos",
    "random:index/randomPassword:RandomPassword",
    "talos:cluster/kubeconfig:Kubeconfig",
    "talos:imageFactory/schematic:Schematic",
    "talos:machine/configurationApply:ConfigurationApply",
    "talos:machine/secrets:Secrets",
}


def package(item: Registered) -> str:
    return item.type.partition(":")[0]


def worker(number: int) -> dict[str, Any]:
    return {
        "name": f"worker{number}",
        "role": "worker",
        "addresses": [f"10.0.2.{number}"],
        "mac": f"BC:24:11:0A:02:{number:02X}",
        "interface": "eth0",
        "vm": {"host": "atlas", "id": 1020 + number, "cores": 2, "memoryMib": 4096, "diskGib": 20},
    }


def test_type_tokens_are_exactly_the_committed_ones(graph: Graph) -> None:
    assert {item.type for item in graph.resources} == TOKENS


def test_no_two_resources_share_a_urn(graph: Graph) -> None:
    assert len(graph.urns()) == len(set(graph.urns()))


def test_a_second_run_registers_the_same_resources_with_the_same_inputs(graph: Graph) -> None:
    again = harness.run(STACK)
    assert again.urns() == graph.urns()
    assert [item.name for item in again.resources if item.wire != graph.by_urn[item.urn].wire] == []


def test_a_preview_registers_what_an_update_does(graph: Graph, preview: Graph) -> None:
    assert preview.urns() == graph.urns()


def test_a_preview_knows_what_it_can_and_nothing_it_cannot(preview: Graph) -> None:
    machine = preview.one("VmLegacy", "cp1").inputs
    assert machine["disks"][0]["importFrom"] == UNKNOWN
    assert machine["initialization"]["ipConfigs"][0]["ipv4"]["address"] == "10.0.1.1/16"
    applied = preview.one("ConfigurationApply", "cp1").inputs
    assert applied["machineConfigurationInput"] == UNKNOWN


def test_a_preview_of_a_new_cluster_asks_no_provider_anything(preview: Graph) -> None:
    assert preview.invokes == []


def test_every_resource_has_an_explicit_provider(graph: Graph) -> None:
    implicit = {item.type for item in graph.custom() if not item.provider}
    # The engine's own; it has no provider to be explicit about.
    assert implicit == {"pulumi:index:Stash"}


def test_every_resource_goes_to_a_provider_of_its_own_package(graph: Graph) -> None:
    for item in graph.custom():
        if item.provider:
            assert graph.by_urn[item.provider].type == f"pulumi:providers:{package(item)}"


def test_default_providers_are_off_for_every_vendor_by_name() -> None:
    project = yaml.safe_load((harness.ROOT / "Pulumi.yaml").read_text())
    off = set(project["config"]["pulumi:disable-default-providers"]["value"])
    # "*" would also forbid what the engine brings itself.
    assert off == {"kubernetes", "talos", "proxmoxve", "cloudflare", "random", "tls"}


def test_every_vendor_of_the_graph_is_among_those_switched_off(graph: Graph) -> None:
    project = yaml.safe_load((harness.ROOT / "Pulumi.yaml").read_text())
    off = set(project["config"]["pulumi:disable-default-providers"]["value"])
    vendors = {package(item) for item in graph.custom()} - {"hearth", "pulumi"}
    assert vendors - off == set()


def test_our_own_provider_is_found_through_the_project() -> None:
    project = yaml.safe_load((harness.ROOT / "Pulumi.yaml").read_text())
    assert project["plugins"]["providers"] == [{"name": "hearth", "path": "./provider"}]
    assert (harness.ROOT / "provider" / "pulumi-resource-hearth").stat().st_mode & 0o111


def test_everything_but_providers_and_layers_has_a_parent(graph: Graph) -> None:
    orphans = {item.type for item in graph.resources if not graph.by_urn.get(item.parent)}
    assert orphans == {
        "hearth:auth:Auth",
        "hearth:cni:Cni",
        "hearth:dns:DelegatedZone",
        "hearth:gitops:Converged",
        "hearth:gitops:Flux",
        "hearth:infrastructure:Infrastructure",
        "hearth:secrets:SecretSeeds",
        "hearth:storage:Storage",
        "hearth:storage:VolumeClaim",
    }


def test_a_worker_added_in_the_middle_changes_nobody_else(graph: Graph) -> None:
    settings = harness.changed(STACK, lambda cluster: cluster["machines"].insert(4, worker(9)))
    more = harness.run(STACK, settings=settings)
    new = set(more.urns()) - set(graph.urns())
    assert set(graph.urns()) - set(more.urns()) == set()
    assert {urn.rpartition("::")[2].split("-")[2] for urn in new} == {"worker9"}
    assert changed_inputs(graph, more) == {
        "hearth:index:Gate",  # which wait for one more node
        "hearth:index:Preflight",  # which asks for rights on one more machine
    }


def test_a_worker_removed_from_the_middle_changes_nobody_else(graph: Graph) -> None:
    fewer = harness.run(
        STACK, settings=harness.changed(STACK, lambda cluster: cluster["machines"].pop(3))
    )
    gone = set(graph.urns()) - set(fewer.urns())
    assert set(fewer.urns()) - set(graph.urns()) == set()
    assert {urn.rpartition("::")[2].split("-")[2] for urn in gone} == {"worker1"}
    assert changed_inputs(graph, fewer) == {"hearth:index:Gate", "hearth:index:Preflight"}


def changed_inputs(before: Graph, after: Graph) -> set[str]:
    """Types of resources that stand in both graphs with different inputs."""
    return {
        item.type
        for item in after.resources
        if item.urn in before.by_urn and item.wire != before.by_urn[item.urn].wire
    }


def test_every_name_that_leaves_the_stack_carries_it(graph: Graph) -> None:
    outside = {
        "poolLegacy:PoolLegacy": "poolId",
        "roleLegacy:RoleLegacy": "roleId",
        "userLegacy:UserLegacy": "userId",
        "user/token:Token": "tokenName",
        "download/file:File": "fileName",
    }
    for kind, name in outside.items():
        assert graph.one(kind).inputs[name].startswith(STACK)


def test_cloudflares_two_seconds_of_import_are_not_paid_by_a_stack_without_it() -> None:
    # A fresh interpreter: this one may have imported anything.
    code = (
        "import sys; from tests.graph import harness; harness.run('test-cluster');"
        "sys.exit('pulumi_cloudflare' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=harness.ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
