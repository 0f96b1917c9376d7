"""The client over talosctl: what it reads out of tables, what it hands over, how it fails."""

import json
from pathlib import Path

import pytest

from provider import talosctl
from provider.rpc import Refused
from provider.talos_output import EtcdStatus, Member, Service
from provider.talosctl import Credentials, Machine, TalosError

pytestmark = [pytest.mark.unit, pytest.mark.timeout(10)]

CREDENTIALS = Credentials("the-ca", "the-certificate", "the-key")
MEMBERS = """\
NODE       ID                 HOSTNAME   PEER URLS               CLIENT URLS             LEARNER
10.0.1.1   3a1c2b4f5d6e7081   cp1        https://10.0.1.1:2380   https://10.0.1.1:2379   false
10.0.1.1   b1946ac92492d234              https://10.0.1.2:2380                           true
"""
STATUS = """\
NODE       MEMBER             DB SIZE   IN USE            LEADER             RAFT INDEX   RAFT TERM   RAFT APPLIED INDEX   LEARNER   PROTOCOL   STORAGE   ERRORS
10.0.1.1   3a1c2b4f5d6e7081   2.9 MB    1.1 MB (39.44%)   b1946ac92492d234   3264         2           3264                 false     3.6.7      3.6.0     
"""  # noqa: E501, W291 (as the program prints it)
SERVICES = """\
NODE       SERVICE   STATE       HEALTH   LAST CHANGE   LAST EVENT
10.0.1.1   apid      Running     OK       9s ago        Health check successful
10.0.1.1   etcd      Preparing   ?        2s ago        Running pre state
"""
REFUSED = """\
error executing bootstrap: 1 error occurred:
\t* 10.0.1.1: rpc error: code = AlreadyExists desc = etcd data directory is not empty


"""


def script(folder: Path, body: str) -> Machine:
    """A machine that is asked through a shell script in talosctl's place."""
    program = folder / "talosctl"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    return Machine("10.0.1.1", CREDENTIALS, str(program))


def printing(folder: Path, text: str) -> Machine:
    (folder / "answer").write_text(text)
    return script(folder, f"cat {folder / 'answer'}")


def test_members_are_read_with_empty_cells_in_their_place(tmp_path: Path) -> None:
    assert printing(tmp_path, MEMBERS).members() == [
        Member(
            "3a1c2b4f5d6e7081",
            "cp1",
            ("https://10.0.1.1:2380",),
            ("https://10.0.1.1:2379",),
            learner=False,
        ),
        Member("b1946ac92492d234", "", ("https://10.0.1.2:2380",), (), learner=True),
    ]


def test_a_members_status_says_who_leads(tmp_path: Path) -> None:
    found = printing(tmp_path, STATUS).etcd_status()
    assert found == EtcdStatus(
        member="3a1c2b4f5d6e7081",
        leader="b1946ac92492d234",
        learner=False,
        raft_term=2,
        raft_index=3264,
        raft_applied_index=3264,
        errors=(),
    )
    assert not found.leads


def test_a_status_of_nobody_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TalosError, match="status of 0 members"):
        printing(tmp_path, STATUS.splitlines()[0]).etcd_status()


def test_a_service_is_found_by_its_name(tmp_path: Path) -> None:
    machine = printing(tmp_path, SERVICES)
    assert machine.service("etcd") == Service("etcd", "Preparing", "?")
    assert machine.service("trustd") is None


def test_the_version_is_that_of_the_machine(tmp_path: Path) -> None:
    answer = json.dumps({"metadata": {"hostname": "10.0.1.1"}, "version": {"tag": "v1.13.0"}})
    assert printing(tmp_path, answer).version() == "v1.13.0"


@pytest.mark.parametrize(
    "text", ["NODE       NAME\n10.0.1.1   .\n10.0.1.1   member\n", ".\nmember\nNODE   NAME\n"]
)
def test_a_directory_is_listed_without_itself(tmp_path: Path, text: str) -> None:
    assert printing(tmp_path, text).names_in("/var/lib/etcd") == {"member"}


def test_an_empty_directory_has_no_names(tmp_path: Path) -> None:
    assert printing(tmp_path, "NODE       NAME\n10.0.1.1   .\n").names_in("/") == set()


def test_credentials_are_in_a_file_and_not_on_the_command_line(tmp_path: Path) -> None:
    seen = tmp_path / "arguments"
    recorder = f'echo "$@" > {seen}; while [ "$1" != --talosconfig ]; do shift; done; cat "$2"'
    handed = json.loads(script(tmp_path, recorder).run("etcd", "members"))
    assert handed["contexts"]["hearth"] == {
        "endpoints": [],
        "ca": "the-ca",
        "crt": "the-certificate",
        "key": "the-key",
    }
    arguments = seen.read_text()
    assert "etcd members" in arguments
    assert "--endpoints 10.0.1.1 --nodes 10.0.1.1" in arguments
    assert not any(part in arguments for part in ("the-ca", "the-certificate", "the-key"))
    assert "the-key" not in repr(script(tmp_path, ""))


def test_a_refusal_keeps_talosctls_own_words_and_its_code(tmp_path: Path) -> None:
    (tmp_path / "error").write_text(REFUSED)
    with pytest.raises(TalosError) as caught:
        script(tmp_path, f"cat {tmp_path / 'error'} >&2; exit 1").bootstrap()
    assert caught.value.code == "AlreadyExists"
    assert not caught.value.unanswered
    assert "10.0.1.1: " in str(caught.value)
    assert "etcd data directory is not empty" in str(caught.value)


def test_a_warning_is_a_failure_although_the_exit_status_is_zero(tmp_path: Path) -> None:
    warning = "WARNING: 1 error occurred: * 10.0.1.1: rpc error: code = Unavailable desc = refused"
    with pytest.raises(TalosError) as caught:
        script(tmp_path, f"echo '{warning}' >&2").members()
    assert caught.value.unanswered


def test_a_machine_that_is_older_than_talosctl_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "answer").write_text(MEMBERS)
    warning = "WARNING: 10.0.1.1: server version 1.12.6 is older than client version 1.13.0"
    machine = script(tmp_path, f"echo '{warning}' >&2; cat {tmp_path / 'answer'}")
    assert len(machine.members()) == 2


def test_a_call_that_does_not_end_counts_as_unanswered(tmp_path: Path) -> None:
    with pytest.raises(TalosError, match=r"did not end within 0\.2 s") as caught:
        script(tmp_path, "exec tail -f /dev/null").members(timeout=0.2)
    assert caught.value.unanswered


def test_a_missing_program_is_told_with_where_to_get_it(tmp_path: Path) -> None:
    machine = Machine("10.0.1.1", CREDENTIALS, str(tmp_path / "talosctl"))
    with pytest.raises(Refused, match=r"not on PATH.*github\.com/siderolabs/talos/releases"):
        machine.members()


def test_the_file_of_the_credentials_is_gone_afterwards() -> None:
    with talosctl.unnamed_file(b"secret") as descriptor:
        path = Path(f"/dev/fd/{descriptor}")
        assert path.read_bytes() == b"secret"
    assert not path.exists()
