"""Waiting for a condition: how often is looked, what is said meanwhile, and what ends it."""

import threading
from collections.abc import Iterator

import pytest

from provider.rpc import Cancelled, operation
from provider.rpc.operation import Operation, serving
from provider.rpc.parallel import at_once
from provider.rpc.waiting import missing_after
from tests.unit.provider.spoken import listening

pytestmark = [pytest.mark.unit, pytest.mark.timeout(10)]


def answers(*given: str) -> Iterator[str]:
    return iter(given)


def test_it_ends_as_soon_as_nothing_is_missing_and_says_each_thing_once() -> None:
    looks = answers("a", "a", "b", "", "c")
    with listening() as spoken:
        assert missing_after(9, lambda: next(looks), pause=0.01, say=lambda x: f"no {x}") == ""
    assert spoken.live == ["no a", "no b"]
    assert next(looks) == "c"


def test_the_last_answer_is_what_was_missing_when_the_time_was_up() -> None:
    looks = answers("a", "b")
    assert missing_after(0, lambda: next(looks), pause=0.01) == "a"


def test_a_long_story_is_cut_for_the_live_line_alone() -> None:
    looks = answers("x" * 500, "")
    with listening() as spoken:
        missing_after(9, lambda: next(looks), pause=0.01)
    assert spoken.live == ["x" * 200]
    assert missing_after(0, lambda: "x" * 500, pause=0.01) == "x" * 500


def test_a_cancel_ends_it() -> None:
    cancelled = threading.Event()
    cancelled.set()
    with serving(Operation(cancelled=cancelled)), pytest.raises(Cancelled):
        missing_after(600, lambda: "a", pause=600)


def test_many_are_asked_at_once_and_each_within_the_operation() -> None:
    together = threading.Barrier(3, timeout=5)

    def ask(name: str) -> str:
        together.wait()
        return f"{name} in {operation.current().name}"

    with serving(Operation(urn="urn:pulumi:s::p::t::mine")):
        assert at_once(ask, ["a", "b", "c"]) == ["a in mine", "b in mine", "c in mine"]
    assert at_once(ask, []) == []
