"""The verbs by hand: enter a world, end it, look the machine over. Worlds here are small."""

import os
import pty
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import doctor
from lab.cli import bring_up, describe
from lab.world import Running
from lab.world.inventory import Member, dead_labs
from tests.lab.waiting import wait_until
from tests.lab.world_driver import NAME, ROOT, small

pytestmark = pytest.mark.lab

CLI = "import sys; from lab.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture(scope="module")
def up() -> Iterator[Running]:
    state = ROOT / ".lab" / f"test-{secrets.token_hex(4)}"
    running = bring_up(small(state, stack=state.name))
    yield running
    running.end()
    shutil.rmtree(state)


def _hearth_lab(*argv: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", CLI, *argv],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_command_is_run_inside_and_its_exit_code_comes_out(up: Running) -> None:
    inside = f"getent hosts {NAME} && ip -brief link && exit 7"
    done = _hearth_lab("shell", up.stack, "--", "sh", "-c", inside)
    assert done.returncode == 7, done.stderr
    assert NAME in done.stdout
    assert "br0" in done.stdout


def test_a_shell_sees_the_labs_environment_and_not_ours(up: Running) -> None:
    done = _hearth_lab("shell", up.stack, "--", "env")
    variables = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert variables["HEARTH_LAB"] == up.lab
    assert variables["SSL_CERT_FILE"].startswith(str(up.state))
    assert "PYTEST_CURRENT_TEST" not in variables


def test_a_shell_ends_when_its_terminal_is_closed(up: Running) -> None:
    def asleep() -> bool:
        return any(member.command == "sleep 4343" for member in up.leftovers())

    terminal, other_end = pty.openpty()
    argv = [sys.executable, "-c", CLI, "shell", up.stack, "--", "sleep", "4343"]
    command = ["setsid", "--ctty", *argv]
    with subprocess.Popen(command, cwd=ROOT, stdin=other_end, stdout=other_end) as process:
        os.close(other_end)
        try:
            wait_until(asleep, "the command in the terminal to run")
        finally:
            os.close(terminal)
        wait_until(lambda: not asleep(), "the command to end with its terminal")
        process.wait(10)
    assert up.alive()


def test_what_is_where_and_what_to_do_next_is_said(up: Running) -> None:
    said = describe(up, small(up.state, stack=up.stack))
    assert f"{NAME} at 127.0.9.1" in said
    assert f"./hearth lab shell {up.stack}" in said
    assert f"./hearth lab down {up.stack}" in said


def test_down_ends_it_and_says_what_it_proved(tmp_path: Path) -> None:
    state = ROOT / ".lab" / f"test-{secrets.token_hex(4)}"
    try:
        running = bring_up(small(state, stack=state.name))
        done = _hearth_lab("down", state.name)
        assert (done.returncode, done.stderr) == (0, "")
        assert f"no process of {running.lab} is left" in done.stdout
        assert running.leftovers() == []
        again = _hearth_lab("down", state.name)
        assert again.returncode == 1
        assert again.stderr == (
            f"the lab of {state.name} is not up: bring it up with `./hearth lab up {state.name}`\n"
        )
    finally:
        shutil.rmtree(state)
    assert list(tmp_path.iterdir()) == []


def test_a_stack_that_is_not_there_ends_in_one_sentence() -> None:
    done = _hearth_lab("up", "no-such-stack")
    assert done.returncode == 1
    assert done.stderr.startswith("there is no stack no-such-stack")
    assert len(done.stderr.splitlines()) == 1


def test_the_doctor_looks_at_everything_and_says_so_line_by_line() -> None:
    done = _hearth_lab("doctor")
    subjects = [line.split()[1] for line in done.stdout.splitlines()]
    assert subjects == ["namespaces", "tools", "disk", "disk", "memory", "leftovers"]
    failed = any(line.startswith("FAIL") for line in done.stdout.splitlines())
    assert done.returncode == int(failed), done.stderr


def test_the_doctor_ends_processes_of_dead_labs_and_no_others(up: Running) -> None:
    lab = f"dead-{secrets.token_hex(4)}"
    marked = {"HEARTH_LAB": lab, "PATH": os.environ["PATH"]}
    with (
        subprocess.Popen(["sleep", "600"], env=marked) as left,
        subprocess.Popen(["sleep", "600"]) as unmarked,
    ):
        try:
            wait_until(lambda: lab in dead_labs(), "the leftover to be seen")
            assert up.lab not in dead_labs()
            assert [member.pid for member in dead_labs()[lab]] == [left.pid]
            assert doctor.end({lab: dead_labs()[lab]}) == 1
            left.wait(10)
            assert unmarked.poll() is None
        finally:
            left.kill()
            unmarked.kill()
    assert up.alive()


def test_the_doctor_ends_no_process_that_is_of_no_dead_lab(up: Running) -> None:
    stranger = Member(pid=up.init, lab=up.lab, command="x", inside=True, is_init=True)
    assert doctor.end({up.lab: [stranger]}) == 0
    assert up.alive()
