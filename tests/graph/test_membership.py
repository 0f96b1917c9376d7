"""Founding the cluster once, and how machines enter and leave it: options that lose clusters."""

import pytest

from provider.founding import Bootstrap
from provider.membership import Membership
from tests.graph import harness
from tests.graph.recorded import Graph, Registered

pytestmark = pytest.mark.graph

STACK = "test-cluster"
CONTROL_PLANES = ["10.0.1.1", "10.0.1.2", "10.0.1.3"]
MACHINES = ("cp1", "cp2", "cp3", "worker1", "worker2")


def membership(graph: Graph, machine: str) -> Registered:
    return graph.one("hearth:index:Membership", f"membership-{machine}")


def downstream(graph: Graph, item: Registered) -> list[Registered]:
    """All that is made after a resource because of it."""
    return [other for other in graph.resources if graph.comes_before(item, other)]


def test_bootstrap_asks_every_control_plane_and_founds_on_the_first(graph: Graph) -> None:
    assert graph.one("hearth:index:Bootstrap").inputs["controlPlanes"] == CONTROL_PLANES


def test_bootstrap_waits_for_every_control_planes_configuration(graph: Graph) -> None:
    bootstrap = graph.one("hearth:index:Bootstrap")
    for machine in ("cp1", "cp2", "cp3"):
        applied = graph.one("configurationApply:ConfigurationApply", machine)
        assert graph.comes_before(applied, bootstrap)


def test_a_worker_that_does_not_answer_keeps_no_cluster_from_being_founded(graph: Graph) -> None:
    applied = graph.one("configurationApply:ConfigurationApply", "worker1")
    assert not graph.comes_before(applied, graph.one("hearth:index:Bootstrap"))


def test_bootstrap_is_in_no_replace_set(graph: Graph) -> None:
    bootstrap = graph.one("hearth:index:Bootstrap")
    assert bootstrap.replaced_with == []
    assert list(bootstrap.request.replaceOnChanges) == []
    assert not bootstrap.request.HasField("replacement_trigger")
    assert [item.name for item in graph.resources if bootstrap.urn in item.replaced_with] == []


def test_no_change_of_its_inputs_replaces_bootstrap(graph: Graph) -> None:
    given = graph.one("hearth:index:Bootstrap").inputs
    changed = dict.fromkeys(given, "another value")
    diff = Bootstrap().diff("etcd", given, given, changed, [])
    assert diff.changed
    assert list(diff.replaces) == []


def test_the_vendors_bootstrap_which_founds_a_second_cluster_is_not_used(graph: Graph) -> None:
    assert graph.of("machine/bootstrap:Bootstrap") == []


def test_the_kubeconfig_is_fetched_after_bootstrap(graph: Graph) -> None:
    kubeconfig = graph.one("kubeconfig:Kubeconfig")
    assert graph.comes_before(graph.one("hearth:index:Bootstrap"), kubeconfig)


@pytest.mark.parametrize("machine", MACHINES)
def test_a_machine_is_a_member_after_its_configuration_and_leaves_before_its_vm(
    graph: Graph, machine: str
) -> None:
    member = membership(graph, machine)
    applied = graph.one("configurationApply:ConfigurationApply", f"{machine}-config")
    made = graph.one("vmLegacy:VmLegacy", machine)
    assert applied.urn in member.dependencies
    assert graph.comes_before(made, member)
    assert member.replaced_with == [made.urn]
    assert member.inputs["controlPlane"] == machine.startswith("cp")
    assert member.inputs["controlPlanes"] == CONTROL_PLANES


def test_a_membership_goes_with_the_whole_cluster_without_a_word(graph: Graph) -> None:
    anchor = graph.one("hearth:index:Anchor").urn
    assert {item.deleted_with for item in graph.of("hearth:index:Membership")} == {anchor}


def test_new_credentials_or_control_planes_replace_no_membership(graph: Graph) -> None:
    given = membership(graph, "cp1").inputs
    changed = {**dict.fromkeys(given, "another value"), "machine": given["machine"]}
    diff = Membership().diff("cp1", given, given, changed, [])
    assert diff.changed
    assert list(diff.replaces) == []


def test_nothing_hangs_on_a_membership(graph: Graph) -> None:
    # Else whatever waits for a machine to join would be touched when it is replaced.
    for machine in MACHINES:
        assert downstream(graph, membership(graph, machine)) == []


def test_a_virtual_machine_goes_before_its_successor_comes(graph: Graph) -> None:
    for item in graph.of("vmLegacy:VmLegacy"):
        assert item.request.deleteBeforeReplaceDefined
        assert item.request.deleteBeforeReplace


def test_another_vm_id_changes_nothing_but_the_machine_and_who_looks_after_it(
    graph: Graph,
) -> None:
    def renumber(cluster: dict[str, list[dict[str, dict[str, int]]]]) -> None:
        cluster["machines"][0]["vm"]["id"] = 1099

    again = harness.run(STACK, settings=harness.changed(STACK, renumber))
    assert again.urns() == graph.urns()
    changed = {item.name for item in again.resources if item.wire != graph.by_urn[item.urn].wire}
    own = {"cp1", "cp1-answers", "cp1-turn", "cp1-back"}
    assert changed == {f"infrastructure-fleet-{name}" for name in (*own, "preflight", "quorum")}


def test_the_other_order_of_control_planes_replaces_nothing(graph: Graph) -> None:
    settings = harness.changed(
        STACK, lambda cluster: cluster["machines"].insert(0, cluster["machines"].pop(1))
    )
    again = harness.run(STACK, settings=settings)
    changed = {item.type for item in again.resources if item.wire != graph.by_urn[item.urn].wire}
    # All of them are updated in place; a kubeconfig that was fetched anew replaces no provider,
    # because the cluster is known by its name.
    assert not {kind for kind in changed if kind.startswith(("kubernetes:", "proxmoxve:"))}
    assert "hearth:index:Bootstrap" in changed
