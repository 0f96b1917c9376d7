"""Machines and etcd: what each says, judged against the facts."""

import socket

import pytest

from ops.status.machines import Found, Wanted, ask, etcd, judged, machines, row
from ops.status.report import Verdict
from provider.control_planes import Answer
from provider.talos_output import Member
from provider.talosctl import Credentials

pytestmark = pytest.mark.unit

IMAGE = "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba"
WANTED = Wanted(talos="v1.13.0", schematic=IMAGE)
WELL = Found(version="v1.13.0", schematic=IMAGE, stage="running")


def member(number: int, *, learner: bool = False) -> Member:
    return Member(
        id=f"{number:x}", name=f"cp{number}", peer_urls=(), client_urls=(), learner=learner
    )


MEMBERS = tuple(member(number) for number in (1, 2, 3))


def answers(**changed: Answer) -> dict[str, Answer]:
    return {f"cp{number}": Answer(members=MEMBERS) for number in (1, 2, 3)} | changed


def test_a_machine_as_wanted_is_well() -> None:
    found = row("cp1", WELL, WANTED)
    assert (found.verdict, found.why) == (Verdict.WELL, "")
    assert found.actual == {"talos": "v1.13.0", "schematic": IMAGE, "stage": "running"}


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (Found(silence="nothing answers at 10.0.1.1"), "nothing answers"),
        (Found(version="v1.12.4", schematic=IMAGE, stage="running"), "v1.12.4, wanted is v1.13.0"),
        (Found(version="v1.13.0", schematic="f" * 64, stage="running"), "schematic ffffffffffff"),
        (Found(version="v1.13.0", schematic="", stage="running"), "(none)"),
        (Found(version="v1.13.0", schematic=IMAGE, stage="rebooting"), "its Talos is rebooting"),
    ],
)
def test_what_is_not_as_wanted_is_named_with_both_sides(found: Found, word: str) -> None:
    judged_row = row("cp1", found, WANTED)
    assert judged_row.verdict is Verdict.WRONG
    assert word in judged_row.why
    assert judged_row.todo


def test_without_a_schematic_in_the_state_none_is_compared() -> None:
    other = Found(version="v1.13.0", schematic="other", stage="running")
    assert row("cp1", other, Wanted(talos="v1.13.0")).verdict is Verdict.WELL


def test_a_machine_that_is_off_is_wrong_and_costs_no_talosctl() -> None:
    nobody = Credentials("", "", "")
    found = ask("127.0.0.2", nobody)
    assert "nothing answers at 127.0.0.2" in found.silence
    section = machines({"cp1": "127.0.0.2"}, WANTED, nobody)
    assert section.verdict is Verdict.WRONG
    assert section.summary.startswith("0 of 1")


def test_three_voters_that_know_each_other_are_well() -> None:
    section = judged(answers())
    assert (section.verdict, section.summary) == (Verdict.WELL, "3 voting members")
    assert section.rows[0].actual == {"id": "1", "learner": "false"}


def test_a_silent_control_plane_and_a_learner_are_wrong() -> None:
    late = (*MEMBERS[:2], member(3, learner=True))
    known = {name: Answer(members=late) for name in ("cp1", "cp2", "cp3")}
    section = judged({**known, "cp2": Answer(silence="no route to host")})
    wrong = {one.name: one.why for one in section.rows if one.verdict is Verdict.WRONG}
    assert wrong == {"cp2": "no route to host", "cp3": "its etcd member is still a learner"}


def test_a_member_that_no_machine_of_the_facts_is_stands_out() -> None:
    more = (*MEMBERS, Member(id="9", name="old", peer_urls=(), client_urls=(), learner=False))
    section = judged({name: Answer(members=more) for name in ("cp1", "cp2", "cp3")})
    (wrong,) = [one for one in section.rows if one.verdict is Verdict.WRONG]
    assert wrong.name == "old"
    assert "remove-member 9" in wrong.todo


def test_an_api_server_that_is_down_is_not_told_as_etcds_fault() -> None:
    down = Answer(members=MEMBERS, api_server="its API server does not answer")
    assert judged(answers(cp2=down)).verdict is Verdict.WELL


def test_etcd_that_nobody_can_be_asked_about_is_unknown() -> None:
    def silent(address: str, _credentials: Credentials) -> Answer:
        return Answer(silence=f"nothing answers at {address}")

    section = etcd({"cp1": "10.0.1.1"}, Credentials("", "", ""), silent)
    assert section.verdict is Verdict.UNKNOWN
    assert section.unasked == "cp1: nothing answers at 10.0.1.1"


def test_these_tests_knock_at_an_address_where_nobody_is() -> None:
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", 50000), 1)
