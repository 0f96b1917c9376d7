"""Whose lock it is: freed only when it is our own and its process is no more."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ops.errors import VerbError
from ops.recover import processes
from ops.recover.lock import (
    Here,
    Lock,
    backend_url,
    free,
    lock_folder,
    objection,
    read_lock,
    read_locks,
    state_folder,
)

pytestmark = pytest.mark.unit

TEXT = (
    '{"pid":4711,"username":"ada","hostname":"desk",'
    '"timestamp":"2026-11-21T18:00:00.123456789+01:00"}'
)
PATH = Path("a.json")


def backend(url: str) -> Path:
    found = state_folder(url)
    assert found is not None
    return found


def here(*, alive: bool = False, host: str = "desk", user: str = "ada") -> Here:
    return Here(host=host, user=user, lives=lambda pid, since: alive and pid == 4711 and since > 0)


def test_a_lock_as_the_cli_writes_it_is_read() -> None:
    lock = read_lock(PATH, TEXT)
    assert (lock.pid, lock.user, lock.host) == (4711, "ada", "desk")
    assert lock.since == pytest.approx(1795280400.123456)
    assert "ada@desk, process 4711" in str(lock)


def test_a_time_without_fractions_and_in_utc_is_read_too() -> None:
    text = TEXT.replace("2026-11-21T18:00:00.123456789+01:00", "2026-11-21T17:00:00Z")
    assert read_lock(PATH, text).since == 1795280400


@pytest.mark.parametrize("text", ["", "{}", "[1]", TEXT.replace("4711", '"x"')])
def test_a_lock_that_cannot_be_read_is_an_error_and_never_freed(text: str) -> None:
    with pytest.raises(VerbError, match="delete it by hand"):
        read_lock(PATH, text)


def test_our_own_dead_lock_may_be_freed() -> None:
    assert objection(read_lock(PATH, TEXT), here()) is None


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (here(host="attic"), "written on desk, and this is attic"),
        (here(user="bob"), "it is ada's, and you are bob"),
        (here(alive=True), "process 4711 still runs"),
    ],
)
def test_any_other_lock_is_kept_with_what_to_do(where: Here, said: str) -> None:
    assert said in str(objection(read_lock(PATH, TEXT), where))


def test_freeing_takes_this_lock_and_no_other(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(TEXT)
    first, second = read_locks(tmp_path)
    free(first)
    free(first)
    assert read_locks(tmp_path) == [second]


def test_a_stack_that_was_never_locked_has_no_locks(tmp_path: Path) -> None:
    assert read_locks(tmp_path / "absent") == []


def test_locks_lie_below_the_backend_by_project_and_stack() -> None:
    folder = lock_folder(backend("file:///srv/my%20state"), "hearth", "home")
    assert folder == Path("/srv/my state/.pulumi/locks/organization/hearth/home")
    assert lock_folder(backend("file://~"), "hearth", "home") == (
        Path.home() / ".pulumi/locks/organization/hearth/home"
    )


@pytest.mark.parametrize("url", ["s3://bucket", "https://api.pulumi.com"])
def test_a_backend_that_is_no_folder_has_no_lock_files_of_ours(url: str) -> None:
    assert state_folder(url) is None


def test_the_backend_is_found_in_the_order_of_the_cli(tmp_path: Path) -> None:
    project = tmp_path / "Pulumi.yaml"
    project.write_text("name: hearth\n")
    (tmp_path / "credentials.json").write_text('{"current": "file://~"}')
    home = {"PULUMI_HOME": str(tmp_path)}
    assert backend_url(tmp_path, home) == "file://~"
    project.write_text("name: hearth\nbackend: {url: 's3://bucket'}\n")
    assert backend_url(tmp_path, home) == "s3://bucket"
    assert backend_url(tmp_path, {**home, "PULUMI_BACKEND_URL": "file:///x"}) == "file:///x"


def test_without_any_login_the_backend_is_pulumis_own(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: hearth\n")
    assert backend_url(tmp_path, {"PULUMI_HOME": str(tmp_path)}) == "https://api.pulumi.com"


def test_a_process_that_ended_does_not_live() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not processes.lives(ended.pid, time.time())


def test_a_process_lives_unless_its_number_was_given_away_since_the_lock() -> None:
    assert processes.lives(os.getpid(), time.time())
    assert not processes.lives(os.getpid(), 1.0)


def test_a_lock_names_its_holder_for_a_person() -> None:
    lock = Lock(path=PATH, pid=1, user="ada", host="desk", since=0.0)
    assert str(lock).startswith("ada@desk, process 1, since ")
