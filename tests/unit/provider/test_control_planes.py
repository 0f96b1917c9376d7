"""Control planes judged by their own words: who is missed, who is not, and why."""

import socket
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from provider import control_planes
from provider.control_planes import Answer, ask_all, judge, words_of
from provider.rpc import Cancelled, operation
from provider.rpc.operation import Operation, serving
from provider.talos_output import Member
from provider.talosctl import Credentials, Machine
from tests.unit.provider import https_server

pytestmark = pytest.mark.unit

CREDENTIALS = Credentials("ca", "certificate", "key")
SILENT = Answer(silence="10.0.1.1: rpc error: code = Unavailable")
BLANK = Answer(silence="10.0.1.1: etcd is not running", blank=True)


def member(number: int, *, learner: bool = False, name: str | None = None) -> Member:
    url = f"https://10.0.1.{number}:23"
    called = f"cp{number}" if name is None else name
    return Member(f"id{number}", called, (f"{url}80",), (f"{url}79",), learner)


MEMBERS = tuple(member(number) for number in (1, 2, 3))
WELL = Answer(members=MEMBERS)


def answers(**changes: Answer) -> dict[str, Answer]:
    return {name: changes.get(name, WELL) for name in ("cp1", "cp2", "cp3")}


def missing(given: dict[str, Answer], machine: str = "cp1", *, others: bool = False) -> set[str]:
    """Who is missed; the reasons must be sentences."""
    found = judge(given, machine, others_only=others).missing
    assert all(len(why) > 5 for why in found.values())
    return set(found)


UNWELL = {
    "silent": (SILENT, "Unavailable"),
    "rebooting": (replace(WELL, stage="rebooting"), "its Talos is rebooting"),
    "booting": (replace(WELL, stage="booting"), "its Talos is booting"),
    "without API server": (replace(WELL, api_server="its API server is down"), "API server"),
    "of another opinion": (Answer(members=MEMBERS[:2]), "same members"),
}


def test_well_members_are_not_missed() -> None:
    for others in (True, False):
        verdict = judge(answers(), "cp1", others_only=others)
        assert verdict.founded
        assert verdict.missing == {}


@pytest.mark.parametrize("state", UNWELL)
def test_a_member_is_missed_that_is(state: str) -> None:
    answer, why = UNWELL[state]
    found = judge(answers(cp2=answer), "cp1", others_only=False).missing
    assert why in found["cp2"]
    assert "cp2" in missing(answers(cp2=answer), others=True)
    assert "cp2" in missing(answers(cp2=answer), "cp2")


@pytest.mark.parametrize("state", ["silent", "rebooting", "without API server"])
def test_what_is_about_to_change_may_be_unwell_itself(state: str) -> None:
    assert missing(answers(cp2=UNWELL[state][0]), "cp2", others=True) == set()


def test_a_learner_is_no_voter_yet() -> None:
    learning = Answer(members=(*MEMBERS[:2], member(3, learner=True)))
    given = dict.fromkeys(("cp1", "cp2", "cp3"), learning)
    assert missing(given, "cp3") == {"cp3"}
    assert missing(given, "cp1", others=True) == {"cp3"}
    assert missing(given, "cp3", others=True) == set()


def test_a_machine_that_has_not_joined_is_missed_only_when_it_is_its_turn() -> None:
    two = Answer(members=MEMBERS[:2])
    given = {"cp1": two, "cp2": two, "cp3": BLANK}
    assert missing(given, "cp3") == {"cp3"}
    assert missing(given, "cp2") == set()
    assert missing(given, "cp3", others=True) == set()


def test_a_member_that_has_not_started_is_missed() -> None:
    joining = Answer(members=(*MEMBERS[:2], member(3, name="")))
    given = {"cp1": joining, "cp2": joining, "cp3": SILENT}
    assert missing(given, "cp3") == {"cp3", "etcd"}


def test_a_member_that_the_facts_do_not_name_is_nobodys_to_miss() -> None:
    four = Answer(members=(*MEMBERS, member(4)))
    assert missing(dict.fromkeys(("cp1", "cp2", "cp3"), four)) == set()


def test_before_a_cluster_is_founded_a_machine_has_only_to_answer() -> None:
    given = {"cp1": BLANK, "cp2": SILENT, "cp3": SILENT}
    verdict = judge(given, "cp1", others_only=False)
    assert not verdict.founded
    assert verdict.missing == {}
    assert missing(given, "cp2") == {"cp2"}


def test_before_a_cluster_is_founded_nobody_keeps_another_from_changing() -> None:
    assert missing(dict.fromkeys(("cp1", "cp2", "cp3"), SILENT), others=True) == set()


def test_one_member_that_answers_is_enough_to_know_that_there_is_a_cluster() -> None:
    given = {"cp1": BLANK, "cp2": SILENT, "cp3": WELL}
    assert missing(given, "cp1") == {"cp1", "cp2"}
    assert missing(given, "cp1", others=True) == {"cp2"}


def test_a_rebooted_machine_whose_etcd_is_only_starting_is_waited_for() -> None:
    starting = Answer(silence="etcd is not running")
    assert missing({"cp1": starting}, "cp1") == {"cp1"}


def test_all_are_asked_at_once() -> None:
    together = threading.Barrier(3, timeout=5)

    def one(address: str, credentials: Credentials) -> Answer:
        together.wait()
        assert credentials == CREDENTIALS
        return Answer(stage=address)

    found = ask_all({"cp1": "a", "cp2": "b", "cp3": "c"}, CREDENTIALS, one)
    assert {name: answer.stage for name, answer in found.items()} == {
        "cp1": "a",
        "cp2": "b",
        "cp3": "c",
    }


def test_a_cancel_reaches_those_who_ask() -> None:
    cancelled = threading.Event()
    cancelled.set()

    def one(_address: str, _credentials: Credentials) -> Answer:
        operation.current().check_cancelled()
        return WELL

    with serving(Operation(cancelled=cancelled)), pytest.raises(Cancelled):
        ask_all({"cp1": "a"}, CREDENTIALS, one)


DATA = "printf 'NODE       NAME\\n10.0.1.1   .\\n10.0.1.1   member\\n'"
NO_DATA = "printf 'NODE       NAME\\n10.0.1.1   .\\n'"
NO_FOLDER = "echo 'rpc error: code = Unknown desc = lstat x: no such file' >&2; exit 1"
NO_ANSWER = "echo 'rpc error: code = Unavailable desc = connection refused' >&2; exit 1"
LISTED = """\
NODE       ID       HOSTNAME   PEER URLS               CLIENT URLS             LEARNER
10.0.1.1   id1      cp1        https://10.0.1.1:2380   https://10.0.1.1:2379   false
"""
STATUS = '{"spec": {"stage": "rebooting", "status": {"ready": false}}}'


def machine(folder: Path, ls: str, members: str = f"printf '{LISTED}'") -> Machine:
    """A machine that is asked through a shell script in talosctl's place."""
    program = folder / "talosctl"
    cases = f"ls) {ls} ;;\netcd) {members} ;;\nget) echo '{STATUS}' ;;"
    program.write_text(f'#!/bin/sh\ncase "$1" in\n{cases}\nesac\n')
    program.chmod(0o755)
    return Machine("10.0.1.1", CREDENTIALS, str(program))


def test_a_member_tells_its_members_and_the_stage_of_its_talos(tmp_path: Path) -> None:
    answer = words_of(machine(tmp_path, DATA))
    assert answer == Answer(members=(member(1),), stage="rebooting")


def test_a_machine_without_data_of_etcd_is_blank_and_asked_no_more(tmp_path: Path) -> None:
    answer = words_of(machine(tmp_path, NO_DATA, members="touch $0.asked"))
    assert answer.blank
    assert answer.silence
    assert not (tmp_path / "talosctl.asked").exists()


@pytest.mark.parametrize("ls", [NO_FOLDER, NO_ANSWER])
def test_a_machine_that_cannot_tell_is_not_blank(tmp_path: Path, ls: str) -> None:
    answer = words_of(machine(tmp_path, ls))
    assert not answer.blank
    assert "rpc error" in answer.silence


def test_a_member_that_does_not_answer_is_silent_and_not_blank(tmp_path: Path) -> None:
    answer = words_of(machine(tmp_path, DATA, members=NO_ANSWER))
    assert not answer.blank
    assert "connection refused" in answer.silence


@pytest.mark.parametrize(("status", "well"), [(200, True), (401, True), (500, False)])
def test_an_api_server_that_answers_need_not_let_us_in(
    tmp_path: Path, status: int, well: bool
) -> None:
    with https_server.serving(
        lambda _request: (status, ""), https_server.make_certificate(), tmp_path, mutual=False
    ) as server:
        host, port = server.url.removeprefix("https://").split(":")
        problem = control_planes.api_server(host, int(port))
        assert (problem == "") is well
        assert well or str(status) in problem


def nobodys_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_an_api_server_that_nobody_runs_does_not_answer() -> None:
    started = time.monotonic()
    assert "does not answer" in control_planes.api_server("127.0.0.1", nobodys_port())
    assert time.monotonic() - started < 2


def test_a_machine_that_is_not_there_is_knocked_at_before_talosctl_waits_for_it() -> None:
    port = nobodys_port()
    assert control_planes.unreachable("127.0.0.1", port).startswith(
        f"nothing answers at 127.0.0.1 port {port} ("
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert control_planes.unreachable("127.0.0.1", server.getsockname()[1]) == ""
