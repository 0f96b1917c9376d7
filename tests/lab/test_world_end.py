"""Whoever is killed, processes, namespaces and ports are afterwards as they were before."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lab.world import Running, World
from lab.world.inventory import members
from tests.lab.ordinary_user import opened
from tests.lab.waiting import wait_until
from tests.lab.world_driver import ADDRESS, ROOT, small

pytestmark = pytest.mark.lab

KINDS = ("user", "net", "mnt", "pid")


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What a world leaves on the system while it is up: to be looked for afterwards."""

    lab: str
    state: Path
    namespaces: frozenset[str] = frozenset()
    seen: float = field(default_factory=lambda: time.clock_gettime(time.CLOCK_BOOTTIME))

    @classmethod
    def of(cls, lab: str, init: int, state: Path) -> "Trace":
        links = [str(Path(f"/proc/{init}/ns/{kind}").readlink()) for kind in KINDS]
        inodes = frozenset(link.split("[")[1].strip("]") for link in links)
        return cls(lab=lab, state=state, namespaces=inodes)

    def left(self) -> list[str]:
        """Name every process, namespace and listening port that is still there."""
        left = [f"process {member.pid} {member.command}" for member in members(self.lab)]
        left += [f"process {line}" for line in _output("ps", "-eo", "pid,args") if self.is_in(line)]
        for line in _namespaces():
            inode, pid = line.split()
            # The kernel gives numbers away again at once: a younger process has a namespace of its
            # own. A younger one of ours is found by its mark.
            if inode in self.namespaces and _born(pid) <= self.seen:
                left.append(f"namespace {inode} of process {pid}")
        left += [line for line in _output("ss", "-Hltn") if f"{ADDRESS}:" in line]
        return left

    def is_in(self, line: str) -> bool:
        return str(self.state) in line and "ps -eo" not in line and "pytest" not in line


def _namespaces() -> list[str]:
    """List namespaces; lsns gives up when a process ends under its eyes, so it is asked again."""
    command = ["lsns", "--noheadings", "--output", "NS,PID"]
    for _ in range(20):
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        if done.returncode == 0:
            return done.stdout.splitlines()
    raise AssertionError(f"lsns failed twenty times: {done.stderr}")


def _born(pid: str) -> float:
    """Return when a process started, in seconds since boot; a process that is gone never did."""
    try:
        started = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except (FileNotFoundError, ProcessLookupError):
        return float("inf")
    return int(started) / os.sysconf("SC_CLK_TCK")


def _output(*argv: str) -> list[str]:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=True)
    return done.stdout.splitlines()


@contextmanager
def owner(state: Path, mode: str, *wrapper: str) -> Iterator["subprocess.Popen[str]"]:
    command = [*wrapper, sys.executable, "-m", "tests.lab.world_driver", str(state), mode]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _trace(process: "subprocess.Popen[str]", state: Path) -> Trace:
    assert process.stdout is not None
    lab, init = process.stdout.readline().split()
    trace = Trace.of(lab, int(init), state)
    assert len(trace.left()) >= len(KINDS) + 3
    return trace


def _nothing_is_left(trace: Trace) -> None:
    wait_until(lambda: not trace.left(), "everything of the lab to be gone", 20)


def test_an_orderly_end_leaves_nothing(tmp_path: Path) -> None:
    with owner(tmp_path, "hold") as process:
        trace = _trace(process, tmp_path)
        process.communicate(timeout=60)
        assert process.returncode == 0
        _nothing_is_left(trace)
    assert not (tmp_path / "world.json").exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_world_ends_with_its_owner_however_that_ends(tmp_path: Path, number: int) -> None:
    with owner(tmp_path, "hold") as process:
        trace = _trace(process, tmp_path)
        process.send_signal(number)
        process.communicate(timeout=60)
        _nothing_is_left(trace)


def test_a_killed_supervisor_takes_everything_with_it(tmp_path: Path) -> None:
    with owner(tmp_path, "hold") as process:
        trace = _trace(process, tmp_path)
        init = next(member.pid for member in members(trace.lab) if member.is_init)
        os.kill(init, signal.SIGKILL)
        _nothing_is_left(trace)


def test_a_killed_unshare_takes_everything_with_it(tmp_path: Path) -> None:
    with owner(tmp_path, "hold") as process:
        trace = _trace(process, tmp_path)
        unshare = next(m.pid for m in members(trace.lab) if m.command.startswith("unshare "))
        os.kill(unshare, signal.SIGKILL)
        _nothing_is_left(trace)


def test_an_owner_that_is_killed_during_the_start_leaves_nothing(tmp_path: Path) -> None:
    with owner(tmp_path, "hold") as process:
        mark = str(tmp_path / "plan.json")
        wait_until(lambda: any(mark in m.command for m in members()), "the supervisor to start")
        lab = next(m.lab for m in members() if mark in m.command)
        process.kill()
    trace = Trace(lab=lab, state=tmp_path)
    _nothing_is_left(trace)


def test_a_world_that_was_let_live_outlives_its_starter_until_it_is_ended(tmp_path: Path) -> None:
    with owner(tmp_path, "live") as process:
        trace = _trace(process, tmp_path)
        process.communicate(timeout=60)
    running = Running.find(tmp_path)
    assert running is not None
    assert running.services() == {"web": "running"}
    running.end()
    assert running.leftovers() == []
    _nothing_is_left(trace)
    assert Running.find(tmp_path) is None


def test_what_was_started_in_a_world_by_hand_ends_with_it(tmp_path: Path) -> None:
    with World(small(tmp_path)) as running:
        trace = Trace.of(running.lab, running.init, tmp_path)
        daemon = "setsid --fork sh -c 'trap : TERM; while :; do sleep 600; done' >/dev/null 2>&1"
        running.run(["sh", "-c", daemon], timeout=20)
        wait_until(lambda: "trap : TERM" in str(running.leftovers()), "the daemon to run")
    _nothing_is_left(trace)


def test_a_command_ends_when_the_one_who_entered_is_killed(tmp_path: Path) -> None:
    with World(small(tmp_path)) as running:
        entering = running.command(["sleep", "4242"])
        with subprocess.Popen(entering, env=running.environment) as process:
            wait_until(lambda: _asleep(running), "the command to run")
            process.kill()
        wait_until(lambda: not _asleep(running), "the command to end")
        assert running.alive()


def _asleep(running: Running) -> bool:
    return any(member.command == "sleep 4242" for member in running.leftovers())


def test_the_same_world_comes_up_again_after_it_was_killed(tmp_path: Path) -> None:
    authority = tmp_path / "certificates" / "authority.crt"
    with World(small(tmp_path)) as first:
        before = authority.read_bytes()
        os.kill(first.init, signal.SIGKILL)
        wait_until(lambda: not first.leftovers(), "the first world to be gone")
    with World(small(tmp_path)) as second:
        assert second.lab != first.lab
        assert authority.read_bytes() == before


def test_an_ordinary_user_needs_no_root(request: pytest.FixtureRequest) -> None:
    state = Path(tempfile.mkdtemp(prefix="hearth-world-"))
    request.addfinalizer(lambda: shutil.rmtree(state))
    wrapper: list[str] = []
    if os.geteuid() == 0:
        os.chown(state, 65534, 65534)
        wrapper = ["unshare", "--mount", "sh", "-c", _without_root(), "sh"]
    with owner(state / "lab", "hold", *wrapper) as process:
        trace = _trace(process, state)
        assert process.stdin is not None
        process.communicate(timeout=60)
        _nothing_is_left(trace)
    assert (state / "lab" / "world.json").exists() is False


def _without_root() -> str:
    """Return a script that drops root; interpreter and tree may lie below a folder of root's."""
    lines = ["set -e", "export HOME=/tmp PYTHONDONTWRITEBYTECODE=1"]
    lines += opened([Path(sys.base_prefix).resolve(), ROOT])
    lines.append('exec setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@"')
    return "\n".join(lines)
