"""How a run that met a fault is judged, and in which order faults are rehearsed."""

from contextlib import nullcontext
from dataclasses import replace

import pytest

from lab.engine import Outcome
from lab.error_page import AREAS, read
from lab.events import Log
from lab.scenarios.fault import Fault, Takeover, said
from lab.scenarios.faults import ENTRIES, FAULTS
from lab.scenarios.polling import wait_until
from lab.scenarios.rehearsal import Failed

pytestmark = pytest.mark.unit

KNOWN = next(fault for fault in FAULTS if fault.name == "fault-proxmox-content")
FAULT = replace(KNOWN, setting=lambda _: nullcontext())


def outcome(*errors: str, code: int = 1, seconds: float = 1.0, output: str = "") -> Outcome:
    log = Log(errors=[*errors, "update failed"])
    return Outcome(command="up", exit_code=code, seconds=seconds, log=log, output=output)


def as_on_the_page(fault: Fault) -> Outcome:
    return outcome("\n".join(read()[fault.name].said))


def test_an_error_that_is_as_on_the_page_passes() -> None:
    FAULT.judge(as_on_the_page(FAULT))


@pytest.mark.parametrize(
    ("seen", "complaint"),
    [
        (replace(as_on_the_page(FAULT), exit_code=0), "ended well"),
        (replace(as_on_the_page(FAULT), seconds=FAULT.seconds + 1), "more than"),
        (replace(as_on_the_page(FAULT), output="Traceback (most recent call last)"), "traceback"),
        (outcome("something went wrong"), "does not say"),
        (outcome(*FAULT.says), "docs/errors.md says of"),
    ],
)
def test_any_other_end_fails_with_what_was_seen(seen: Outcome, complaint: str) -> None:
    with pytest.raises(Failed, match=complaint):
        FAULT.judge(seen)


def test_errors_are_told_once_and_in_one_order_whoever_fails_first() -> None:
    assert said(outcome("b", "a", "b")) == said(outcome("a", "b")) == ("a", "b")


def test_faults_that_need_a_cluster_share_one() -> None:
    needing = [entry.starts_with_cluster for entry in ENTRIES]
    assert needing == sorted(needing, reverse=True)


def test_every_fault_has_an_area_of_the_page_and_says_something() -> None:
    assert {fault.area for fault in FAULTS} <= set(AREAS)
    assert all(fault.says and fault.remedy for fault in FAULTS)
    assert {fault.takeover for fault in FAULTS} == set(Takeover)


def test_waiting_has_an_end_that_says_for_what() -> None:
    wait_until(lambda: True, 0.0, "nothing")
    with pytest.raises(Failed, match="waited 0 s for a miracle"):
        wait_until(lambda: False, 0.0, "a miracle")
