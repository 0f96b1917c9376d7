"""Turns: whoever comes next waits until etcd is whole, and is told why when it is not."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from provider.control_planes import Answer
from provider.rpc import UNKNOWN, Cancelled, Refused, Secret, has_unknown
from provider.rpc.operation import Operation, serving
from provider.talos_output import Member
from provider.talosctl import Credentials
from provider.turn import LOOKS, Turn

pytestmark = pytest.mark.unit

ADDRESSES = {"cp1": "10.0.1.1", "cp2": "10.0.1.2", "cp3": "10.0.1.3"}
CLIENT = {"caCertificate": "ca", "clientCertificate": "certificate", "clientKey": "the-key"}
WELL = Answer(members=tuple(Member(f"id-{name}", name, (), (), False) for name in ADDRESSES))
AWAY = Answer(silence="10.0.1.2: rpc error: code = Unavailable desc = connection refused")
REBOOTING = replace(WELL, stage="rebooting")


class World:
    """Control planes that answer as they are told; cp2's answers come one after the other."""

    def __init__(self, *cp2: Answer) -> None:
        self.cp2: Iterator[Answer] = iter(cp2)
        self.looks = 0
        self.last = WELL

    def ask(self, address: str, credentials: Credentials) -> Answer:
        assert credentials == Credentials("ca", "certificate", "the-key")
        if address != ADDRESSES["cp2"]:
            return WELL
        self.looks += 1
        self.last = next(self.cp2, self.last)
        return self.last

    def turn(self) -> Turn:
        return Turn(self.ask, pause=0.001)


def inputs(**more: Any) -> dict[str, Any]:
    return {
        "machine": "cp1",
        "waitsFor": "all",
        "trigger": {"configuration": "hidden:1"},
        "controlPlanes": ADDRESSES,
        "clientConfiguration": Secret(CLIENT),
        "founding": False,
        "deadlineSeconds": 5,
        **more,
    }


def refusal(world: World, **more: Any) -> str:
    with pytest.raises(Refused) as refused:
        world.turn().create(inputs(deadlineSeconds=0, **more), False, 0.0)
    return str(refused.value)


def test_a_turn_is_over_when_all_were_seen_well_twice() -> None:
    world = World()
    identity, outputs = world.turn().create(inputs(), False, 0.0)
    assert identity == "cp1"
    assert outputs == inputs()
    assert world.looks == LOOKS == 2


def test_twice_means_twice_in_a_row() -> None:
    world = World(WELL, AWAY, WELL, REBOOTING, WELL, WELL, AWAY)
    world.turn().create(inputs(), False, 0.0)
    assert world.looks == 6


def test_where_nobody_knows_of_a_cluster_one_look_is_enough() -> None:
    asked: list[str] = []

    def blank(address: str, _credentials: Credentials) -> Answer:
        asked.append(address)
        return Answer(silence="etcd is not running", blank=True)

    for waits_for in ("others", "all"):
        Turn(blank, pause=0.001).create(inputs(waitsFor=waits_for), False, 0.0)
    assert len(asked) == 2 * len(ADDRESSES)


def test_a_cluster_that_is_only_being_founded_asks_nobody() -> None:
    world = World(AWAY)
    world.turn().create(inputs(founding=True), False, 0.0)
    assert world.looks == 0


def test_a_preview_asks_nobody() -> None:
    world = World(AWAY)
    given = inputs(trigger=UNKNOWN, clientConfiguration=UNKNOWN)
    assert world.turn().create(given, True, 0.0) == ("", given)
    assert has_unknown(world.turn().update("cp1", inputs(), given, True, 0.0))
    assert world.looks == 0


def test_an_update_waits_and_keeps_the_new_inputs() -> None:
    world = World(AWAY, WELL)
    news = inputs(trigger={"configuration": "hidden:2"})
    assert world.turn().update("cp1", inputs(), news, False, 0.0) == news
    assert world.looks == 3


def test_who_is_away_is_named_with_the_reason_and_what_was_left_alone() -> None:
    text = refusal(World(AWAY))
    assert text.startswith("cp1 has changed")
    assert "  cp2: 10.0.1.2: rpc error: code = Unavailable" in text
    assert "were left alone" in text
    assert "cp3:" not in text


def test_a_machine_is_not_touched_while_another_is_away() -> None:
    text = refusal(World(AWAY), waitsFor="others")
    assert text.startswith("cp1 is to change, but")
    assert "  cp2: " in text
    assert "cp1 and the control planes after it were left alone" in text


def test_the_machine_that_is_away_may_be_changed_itself() -> None:
    world = World(AWAY)
    world.turn().create(inputs(machine="cp2", waitsFor="others"), False, 0.0)


def test_a_refusal_holds_no_secret() -> None:
    assert "the-key" not in refusal(World(AWAY))


def test_the_programs_timeout_wins_over_the_deadline() -> None:
    started = time.monotonic()
    with pytest.raises(Refused, match="0 s later"):
        World(AWAY).turn().create(inputs(deadlineSeconds=3600), False, 0.05)
    assert time.monotonic() - started < 5


def test_a_cancel_ends_the_wait() -> None:
    cancelled = threading.Event()
    cancelled.set()
    with serving(Operation(cancelled=cancelled)), pytest.raises(Cancelled):
        World(AWAY).turn().create(inputs(deadlineSeconds=3600), False, 0.0)


@pytest.mark.parametrize(
    "change",
    [
        {"founding": True},
        {"deadlineSeconds": 1},
        {"clientConfiguration": Secret({**CLIENT, "clientKey": "renewed"})},
        {"controlPlanes": {**ADDRESSES, "cp4": "10.0.1.4"}},
    ],
)
def test_nothing_but_the_trigger_makes_a_turn_be_taken(change: dict[str, Any]) -> None:
    diff = Turn().diff("cp1", inputs(), inputs(), inputs(**change), [])
    assert not diff.changed


@pytest.mark.parametrize("trigger", [{"configuration": "hidden:2"}, UNKNOWN, {"VMID": "1"}])
def test_another_trigger_updates_and_never_replaces(trigger: Any) -> None:
    diff = Turn().diff("cp1", inputs(), inputs(), inputs(trigger=trigger), [])
    assert diff.changed
    assert list(diff.replaces) == []


def test_what_nobody_knows_how_to_wait_for_is_refused() -> None:
    _, failures = Turn().check({}, inputs(waitsFor="summer"))
    assert [failure.property for failure in failures] == ["waitsFor"]
    assert Turn().check({}, inputs(waitsFor=UNKNOWN))[1] == []


def test_the_credentials_stay_secret_in_the_outputs() -> None:
    plain = inputs(clientConfiguration=CLIENT)
    assert Turn().sealed(plain)["clientConfiguration"] == Secret(CLIENT)


def test_a_deleted_turn_asks_nobody() -> None:
    world = World(AWAY)
    world.turn().delete("cp1", inputs(), 0.0)
    assert world.looks == 0
