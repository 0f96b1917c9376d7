"""How a plugin's process ends while a program of its own still runs."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.lab.waiting import wait_until

pytestmark = pytest.mark.lab

ROOT = Path(__file__).resolve().parents[2]
# A program that ends only by SIGKILL, so that the plugin is busy ending it when it is told again.
PLUGIN = (
    "import threading\n"
    "from provider.rpc import life\n"
    "life.install()\n"
    "stubborn = ['sh', '-c', 'trap \"\" TERM; echo $$ >&2; sleep 60 & wait; wait']\n"
    "threading.Thread(target=life.run, args=(stubborn,)).start()\n"
    "print('up', flush=True)\n"
    "threading.Event().wait()\n"
)


def children(pid: int) -> list[int]:
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(word) for word in path.read_text().split()]
    return found


@contextmanager
def plugin() -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        [sys.executable, "-c", PLUGIN],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    wait_until(lambda: bool(children(process.pid)), "the plugin's program")
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_plugin_that_is_told_twice_ends_and_takes_its_program_along(
    second: signal.Signals,
) -> None:
    with plugin() as process:
        [program] = children(process.pid)
        process.send_signal(signal.SIGTERM)
        process.send_signal(second)
        assert process.wait(10) == 0
        wait_until(lambda: not Path(f"/proc/{program}").exists(), "the program's end")
