"""Striking a run: real processes, held still while the world is looked at, and hit by their ids."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from lab.errors import EngineError
from lab.events import Log
from lab.strikes import (
    Moment,
    Run,
    below,
    blacked_out_at,
    command_line,
    done_at,
    interrupted_at,
    killed_at,
    plugin_killed_at,
)
from tests.lab.waiting import wait_until

pytestmark = pytest.mark.lab

URN = "urn:pulumi:home::hearth::proxmoxve:index/vmLegacy:VmLegacy::cp1"
IDLE = "import time; time.sleep(60)"
# A CLI with a plugin below it: ends with 3 when the plugin is gone, with 4 on Ctrl-C.
ENGINE = (
    "import subprocess, sys\n"
    f"child = subprocess.Popen([sys.executable, '-c', {IDLE!r}, 'pulumi-resource-toy'])\n"
    "try:\n"
    "    print('up', flush=True)\n"
    "    child.wait()\n"
    "except KeyboardInterrupt:\n"
    "    child.kill()\n"
    "    sys.exit(4)\n"
    "sys.exit(3)\n"
)


@contextmanager
def running(pending: Callable[[], list[str]] = lambda: [URN]) -> Iterator[Run]:
    process = subprocess.Popen([sys.executable, "-c", ENGINE], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    log = Log()
    log.begun[URN] = 0.0
    children = below(process.pid)
    try:
        yield Run(process=process, log=log, pending=pending)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)


def state(run: Run) -> str:
    """The process's state as the kernel has it: T while it is held still."""
    return Path(f"/proc/{run.process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_killed_run_ends_by_sigkill_even_while_it_is_held_still() -> None:
    with running() as run:
        killed_at(Moment(resource="VmLegacy::cp1"))(run)
        assert run.process.wait(5) == -signal.SIGKILL


def test_a_run_stands_still_while_the_effect_is_looked_for() -> None:
    with running() as run:
        states = []

        def effect() -> bool:
            states.append(state(run))
            return len(states) > 1

        killed_at(Moment(resource="cp1", effect=effect))(run)
        assert states == ["T", "T"]


def test_a_slow_effect_is_awaited_while_the_run_goes_on() -> None:
    with running() as run:
        states = []

        def effect() -> bool:
            states.append(state(run))
            return len(states) > 2

        killed_at(Moment(resource="cp1", effect=effect, slow=True))(run)
        assert "T" not in states
        assert run.process.wait(5) == -signal.SIGKILL


def test_an_operation_that_is_not_in_the_checkpoint_yet_is_waited_for() -> None:
    looks: list[float] = []

    def pending() -> list[str]:
        looks.append(time.monotonic())
        return [URN] if len(looks) > 2 else []

    with running(pending) as run:
        killed_at(Moment(resource="cp1"))(run)
        assert len(looks) == 3


def test_a_moment_that_never_comes_is_an_error_that_names_it() -> None:
    with running() as run:
        run.process.kill()
        run.process.wait()
        with pytest.raises(EngineError, match="cp1 never came: the run ended first"):
            killed_at(Moment(resource="cp1"))(run)


def test_an_interrupted_run_ends_in_its_own_way() -> None:
    with running() as run:
        interrupted_at(Moment(resource="cp1"))(run)
        assert run.process.wait(5) == 4


def test_a_plugin_is_found_below_the_cli_and_nothing_else_is_hit() -> None:
    with running() as run:
        [plugin] = below(run.process.pid)
        wait_until(lambda: "pulumi-resource-toy" in command_line(plugin), "the plugin's exec")
        plugin_killed_at(Moment(resource="cp1"), "pulumi-resource-toy")(run)
        assert run.process.wait(5) == 3


def test_a_power_cut_ends_the_cli_and_all_below_it() -> None:
    with running() as run:
        [plugin] = below(run.process.pid)
        blacked_out_at(Moment(resource="cp1"))(run)
        assert run.process.wait(5) == -signal.SIGKILL
        wait_until(lambda: not command_line(plugin), "the plugin to be gone")


def test_a_plugin_that_is_not_there_is_an_error() -> None:
    with running() as run, pytest.raises(EngineError, match="pulumi-resource-none"):
        plugin_killed_at(Moment(resource="cp1"), "pulumi-resource-none")(run)


def test_a_run_goes_on_when_something_else_was_struck() -> None:
    done: list[str] = []
    with running() as run:
        done_at(Moment(resource="cp1"), lambda: done.append("cable"))(run)
        wait_until(lambda: state(run) != "T", "it to run")
    assert done == ["cable"]
