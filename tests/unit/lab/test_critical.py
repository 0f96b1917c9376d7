"""The critical path: the longest chain by what the state says needs what, and nothing else."""

from graphlib import CycleError
from typing import Any

import pytest

from lab.critical import critical_path, needs
from lab.events import Stage

pytestmark = pytest.mark.unit

COMPONENT = "urn:pulumi:s::p::hearth:cni:Cni::cni"


def urn(name: str) -> str:
    return f"urn:pulumi:s::p::random:index/randomPet:RandomPet::{name}"


def stage(name: str, start: float, end: float) -> Stage:
    return Stage(urn=name if "::" in name else urn(name), operation="create", start=start, end=end)


def resource(name: str, *first: str, **more: Any) -> dict[str, Any]:
    return {"urn": urn(name), "dependencies": [urn(item) for item in first], **more}


def chain(stages: list[Stage], resources: list[dict[str, Any]]) -> list[str]:
    return [item.name for item in critical_path(stages, needs(resources)).stages]


def test_the_slower_of_two_ways_is_critical_and_its_times_are_added_up() -> None:
    stages = [stage("a", 0, 1), stage("fast", 1, 2), stage("slow", 1, 4), stage("end", 4, 6)]
    resources = [
        resource("a"),
        resource("fast", "a"),
        resource("slow", "a"),
        resource("end", "fast", "slow"),
    ]
    path = critical_path(stages, needs(resources))
    assert [item.name for item in path.stages] == ["a", "slow", "end"]
    assert path.seconds == pytest.approx(6)


def test_waiting_is_not_work_so_a_late_start_makes_no_chain_longer() -> None:
    stages = [stage("a", 0, 3), stage("late", 50, 51)]
    assert chain(stages, [resource("a"), resource("late")]) == ["a"]


def test_a_longer_chain_of_short_stages_beats_one_long_stage() -> None:
    stages = [stage("a", 0, 2), stage("b", 2, 4), stage("long", 0, 3)]
    assert chain(stages, [resource("a"), resource("b", "a"), resource("long")]) == ["a", "b"]


def test_a_dependency_of_a_single_property_counts() -> None:
    stages = [stage("a", 0, 1), stage("b", 1, 2)]
    resources = [resource("a"), resource("b", propertyDependencies={"value": [urn("a")]})]
    assert chain(stages, resources) == ["a", "b"]


def test_a_component_hands_its_needs_to_its_children_and_its_span_counts_nothing() -> None:
    stages = [stage("network", 0, 5), stage(COMPONENT, 0, 90), stage("inside", 5, 6)]
    resources = [
        resource("network"),
        {"urn": COMPONENT, "dependencies": [urn("network")]},
        resource("inside", parent=COMPONENT),
    ]
    path = critical_path(stages, needs(resources))
    assert [item.name for item in path.stages] == ["network", "inside"]
    assert path.seconds == pytest.approx(6)


def test_a_provider_links_what_made_its_credentials_with_what_it_makes() -> None:
    provider = "urn:pulumi:s::p::pulumi:providers:kubernetes::k8s"
    stages = [stage("kubeconfig", 0, 2), stage("secret", 2, 3)]
    resources = [
        resource("kubeconfig"),
        {"urn": provider, "dependencies": [urn("kubeconfig")]},
        resource("secret", provider=f"{provider}::some-id"),
    ]
    assert chain(stages, resources) == ["kubeconfig", "secret"]


def test_what_the_state_no_longer_holds_is_no_need() -> None:
    assert needs([resource("a", "gone")]) == {urn("a"): frozenset()}


def test_a_run_without_stages_has_an_empty_path() -> None:
    path = critical_path([], {})
    assert (path.urns, path.seconds) == ((), 0)


def test_a_circle_is_refused() -> None:
    with pytest.raises(CycleError):
        chain([], [resource("a", "b"), resource("b", "a")])
