"""Programs that a plugin runs end with their call, and a plugin's imports stay few."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from provider.rpc import Cancelled, Refused, life
from provider.rpc.operation import Operation, serving

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[3]


def test_a_program_gets_its_input_and_gives_its_output() -> None:
    done = life.run(["sh", "-c", "cat; echo wrong >&2; exit 3"], stdin=b"canary" * 50_000)
    assert (done.status, done.stderr) == (3, "wrong\n")
    assert done.stdout == b"canary" * 50_000
    assert "canary" not in repr(done)


def test_a_program_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(Refused, match="no-such-program is not installed"):
        life.run(["no-such-program"])


def test_a_program_ends_at_its_deadline() -> None:
    with pytest.raises(Refused, match=r"sleep did not end within 0\.2 s"):
        life.run(["sleep", "30"], timeout=0.2)


def test_a_program_ends_when_the_user_cancels() -> None:
    cancelled = threading.Event()
    timer = threading.Timer(0.2, cancelled.set)
    timer.start()
    try:
        with serving(Operation(cancelled=cancelled)), pytest.raises(Cancelled):
            life.run(["sleep", "30"])
    finally:
        timer.join()


def test_the_messages_load_without_the_sdk_and_leave_no_trace_of_it() -> None:
    script = (
        "import sys\n"
        "from provider.rpc.proto import provider_pb2 as lean\n"
        "assert not [name for name in sys.modules if name.split('.')[0] == 'pulumi']\n"
        "import pulumi\n"
        "from pulumi.runtime.proto import provider_pb2 as full\n"
        "assert full.CheckRequest is lean.CheckRequest\n"
        "assert pulumi.Config\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, timeout=60)
