"""Control planes one at a time: what stands before what, and what makes a turn be taken."""

from collections.abc import Callable
from typing import Any

import pytest

from components.infrastructure.rollout import Founding, costly_facts
from tests.graph import harness
from tests.graph.recorded import Graph, Registered
from tests.unit.components.committed import cluster

pytestmark = pytest.mark.graph

STACK = "test-cluster"
PLANES = ("cp1", "cp2", "cp3")
APPLY = "configurationApply:ConfigurationApply"


def turn(graph: Graph, machine: str) -> Registered:
    return graph.one("hearth:index:Turn", f"{machine}-turn")


def back(graph: Graph, machine: str) -> Registered:
    return graph.one("hearth:index:Turn", f"{machine}-back")


def is_registered_before(graph: Graph, first: Registered, then: Registered) -> bool:
    return graph.resources.index(first) < graph.resources.index(then)


def triggers(change: Callable[[dict[str, Any]], object] | None = None) -> dict[str, Any]:
    """What makes every turn be taken, with the committed facts or changed ones."""
    settings = harness.changed(STACK, change) if change else None
    graph = harness.run(STACK, settings=settings)
    return {item.name: item.inputs["trigger"] for item in graph.of("hearth:index:Turn")}


def test_every_control_plane_has_two_turns_and_workers_have_none(graph: Graph) -> None:
    turns = {item.name.removeprefix("infrastructure-fleet-") for item in graph.of("index:Turn")}
    assert turns == {f"{name}-{end}" for name in PLANES for end in ("turn", "back")}


def test_a_control_plane_comes_between_its_turns(graph: Graph) -> None:
    for name in PLANES:
        machine, applied = graph.one("VmLegacy", name), graph.one(APPLY, name)
        assert is_registered_before(graph, turn(graph, name), machine)
        assert graph.comes_before(machine, applied)
        assert graph.comes_before(applied, back(graph, name))


def test_a_control_planes_turn_comes_after_the_one_before_it_is_back(graph: Graph) -> None:
    for first, then in (("cp1", "cp2"), ("cp2", "cp3")):
        assert graph.comes_before(back(graph, first), turn(graph, then))
        assert is_registered_before(graph, back(graph, first), graph.one("VmLegacy", then))


def test_a_destroy_may_take_all_control_planes_at_once(graph: Graph) -> None:
    machines = [graph.one("VmLegacy", name) for name in PLANES]
    for machine in machines:
        before = graph.before(machine)
        assert [other.name for other in machines if other.urn in before] == []
        assert [item.name for item in graph.of("index:Turn") if item.urn in before] == []


def test_workers_wait_for_no_control_plane(graph: Graph) -> None:
    for worker in ("worker1", "worker2"):
        before = graph.before(graph.one(APPLY, worker))
        assert [item.name for item in graph.of("index:Turn") if item.urn in before] == []


def test_the_cluster_is_used_only_once_every_control_plane_is_back(graph: Graph) -> None:
    for name in PLANES:
        assert graph.comes_before(back(graph, name), graph.one("hearth:index:Bootstrap"))


def test_no_input_of_a_machine_comes_from_a_turn(graph: Graph) -> None:
    """An engine that replaces one machine looks along inputs for what to replace with it."""
    turns = {item.urn for item in graph.of("index:Turn")}
    for machine in (*graph.of("VmLegacy"), *graph.of(APPLY)):
        for name, dependency in dict(machine.request.propertyDependencies).items():
            assert turns.isdisjoint(dependency.urns), (machine.name, name)


def test_a_machine_made_anew_is_waited_for_though_no_fact_changed(graph: Graph) -> None:
    for name in PLANES:
        assert back(graph, name).replaced_with == [graph.one("VmLegacy", name).urn]
        assert turn(graph, name).replaced_with == []


def test_a_turn_asks_every_control_plane_with_credentials_that_stay_secret(graph: Graph) -> None:
    addresses = {"cp1": "10.0.1.1", "cp2": "10.0.1.2", "cp3": "10.0.1.3"}
    wanted = harness.SECRETS_OUTPUT["clientConfiguration"]
    for item in graph.of("index:Turn"):
        assert item.inputs["controlPlanes"] == addresses
        assert item.inputs["clientConfiguration"] == wanted
        assert item.is_secret("clientConfiguration")
        assert not item.is_secret("trigger")


def test_the_first_turn_looks_at_the_others_and_the_second_at_all(graph: Graph) -> None:
    for name in PLANES:
        assert turn(graph, name).inputs["waitsFor"] == "others"
        assert back(graph, name).inputs["waitsFor"] == "all"


def test_every_machine_takes_a_value_from_what_the_quorum_let_through(graph: Graph) -> None:
    quorum, preflight = graph.one("index:Quorum"), graph.one("index:Preflight")
    assert quorum.urn in dict(preflight.request.propertyDependencies)["pool"].urns
    for machine in graph.of("VmLegacy"):
        assert preflight.urn in dict(machine.request.propertyDependencies)["disks"].urns
        assert graph.comes_before(quorum, machine)


def test_the_quorum_keeps_the_facts_of_control_planes_only(graph: Graph) -> None:
    facts = graph.one("index:Quorum").inputs["controlPlanes"]
    assert set(facts) == set(PLANES)
    assert facts["cp1"] == {
        "VMID": "1011",
        "host": "atlas",
        "MAC address": "BC:24:11:0A:01:01",
        "addresses": "10.0.1.1",
    }


def test_a_machine_on_no_hypervisor_has_neither_number_nor_host() -> None:
    (first, *_) = cluster("home-ops").machines
    assert set(costly_facts(first)) == {"MAC address", "addresses"}


def test_the_same_facts_trigger_nothing(graph: Graph) -> None:
    known = {item.name: item.inputs["trigger"] for item in graph.of("index:Turn")}
    assert triggers() == known


def test_other_deadlines_trigger_nothing_and_reach_the_turns(graph: Graph) -> None:
    deadlines = {"turnSeconds": 7, "backSeconds": 8}
    changed = harness.changed(STACK, lambda facts: facts.update(deadlines=deadlines))
    for item in harness.run(STACK, settings=changed).of("index:Turn"):
        assert item.inputs["trigger"] == graph.one("index:Turn", item.name).inputs["trigger"]
        assert item.inputs["deadlineSeconds"] == (7 if item.name.endswith("-turn") else 8)


def test_a_new_number_of_one_machine_triggers_its_turns_and_no_others() -> None:
    def renumber(facts: dict[str, Any]) -> None:
        facts["machines"][1]["vm"]["id"] = 2012

    before, after = triggers(), triggers(renumber)
    moved = {name for name in before if before[name] != after[name]}
    assert moved == {"infrastructure-fleet-cp2-turn", "infrastructure-fleet-cp2-back"}


def test_only_a_run_in_which_the_quorum_is_made_counts_as_founding() -> None:
    founding = Founding()
    assert not founding.now
    founding.begin(None)  # type: ignore[arg-type]
    assert founding.now
