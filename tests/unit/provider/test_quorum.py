"""Quorum: of a plan that takes down more than one control plane nothing runs."""

from collections.abc import Mapping
from typing import Any

import pytest

from provider.quorum import Quorum, losses, spare
from provider.rpc import UNKNOWN

pytestmark = pytest.mark.unit

Planes = dict[str, dict[str, str]]


def planes(count: int = 3) -> Planes:
    return {
        f"cp{i}": {"VMID": f"101{i}", "host": "atlas", "MAC": f"BC:24:11:0A:01:0{i}"}
        for i in range(1, count + 1)
    }


def altered(base: Planes, **facts: Mapping[str, str]) -> Planes:
    return {name: {**known, **facts.get(name, {})} for name, known in base.items()}


def without(base: Planes, *names: str) -> Planes:
    return {name: facts for name, facts in base.items() if name not in names}


def inputs(control_planes: Any) -> dict[str, Any]:
    return {"cluster": "test", "controlPlanes": control_planes}


def reason(before: Any, after: Any) -> str:
    """What a plan from one set of facts to another is refused with, "" when it is not."""
    checked, failures = Quorum().check(inputs(before), inputs(after))
    assert checked == inputs(after)
    assert [failure.property for failure in failures] in ([], [""])
    return "".join(failure.reason for failure in failures)


MOVED = {"VMID": "2000"}
REFUSED = {
    "two replaced": altered(planes(), cp1=MOVED, cp3={"host": "titan"}),
    "all replaced": altered(planes(), cp1=MOVED, cp2=MOVED, cp3=MOVED),
    "two removed": without(planes(), "cp2", "cp3"),
    "one replaced and one removed": without(altered(planes(), cp1=MOVED), "cp3"),
    "one replaced, one exchanged": without(altered(planes(4), cp1=MOVED), "cp3"),
}
LET_THROUGH = {
    "nothing changed": planes(),
    "one replaced": altered(planes(), cp2=MOVED),
    "several facts of one": altered(planes(), cp2={**MOVED, "host": "titan"}),
    "one removed": without(planes(), "cp3"),
    "one exchanged for another": without(planes(4), "cp3"),
    "two added": planes(5),
    "one replaced and two added": altered(planes(5), cp1=MOVED),
}


@pytest.mark.parametrize("after", REFUSED)
def test_a_plan_is_refused_with(after: str) -> None:
    assert "control planes of test in one run" in reason(planes(), REFUSED[after])


@pytest.mark.parametrize("after", LET_THROUGH)
def test_a_plan_is_let_through_with(after: str) -> None:
    assert reason(planes(), LET_THROUGH[after]) == ""


def test_a_refusal_names_each_machine_what_changed_and_the_way_to_go() -> None:
    text = reason(planes(), without(altered(planes(), cp1={**MOVED, "host": "titan"}), "cp3"))
    assert "2 of 3 control planes of test" in text
    assert "cp1 is made anew or cut off: VMID 1011 -> 2000; host atlas -> titan" in text
    assert "cp3 is no control plane any more" in text
    assert "cp2" not in text
    assert "one at a time" in text
    assert "Nothing was changed" in text


@pytest.mark.parametrize("after", [altered(planes(1), cp1=MOVED), {}])
def test_the_only_control_plane_is_not_taken_down_and_the_ways_around_are_told(after: Any) -> None:
    text = reason(planes(1), after)
    assert "the only control plane of test" in text
    assert "Add two control planes" in text
    assert "pulumi destroy" in text


@pytest.mark.parametrize(("members", "may_go"), [(1, 0), (2, 0), (3, 1), (4, 1), (5, 1), (7, 1)])
def test_one_may_go_where_the_others_are_a_majority(members: int, may_go: int) -> None:
    assert spare(members) == may_go


def test_a_first_run_has_nothing_to_lose() -> None:
    _, failures = Quorum().check({}, inputs(planes()))
    assert failures == []


def test_a_fact_that_the_run_before_did_not_keep_is_no_change() -> None:
    newer = {name: {**facts, "bridge": "vmbr0"} for name, facts in planes().items()}
    assert losses(planes(), newer) == []
    assert losses(newer, planes()) == []


def test_a_fact_that_a_preview_does_not_know_counts_as_changed() -> None:
    unsure: Any = {name: {**facts, "host": UNKNOWN} for name, facts in planes().items()}
    assert [loss.name for loss in losses(planes(), unsure)] == ["cp1", "cp2", "cp3"]


def test_missing_inputs_are_told_together() -> None:
    _, failures = Quorum().check({}, {})
    assert [failure.property for failure in failures] == ["cluster", "controlPlanes"]


def test_no_change_replaces_it_and_the_facts_let_through_are_kept() -> None:
    before, after = inputs(planes()), inputs(altered(planes(), cp2=MOVED))
    diff = Quorum().diff("quorum", before, before, after, [])
    assert diff.changed
    assert list(diff.replaces) == []
    assert Quorum().update("quorum", before, after, False, 0.0) == after


def test_it_makes_nothing_and_leaves_nothing() -> None:
    assert Quorum().create(inputs({}), True, 0.0) == ("", inputs({}))
    assert Quorum().create(inputs({}), False, 0.0) == ("quorum", inputs({}))
    Quorum().delete("quorum", inputs({}), 0.0)
