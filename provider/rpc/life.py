"""How a plugin's process ends: with its parent, quietly, and with everything it started.

The engine may be killed at any moment, and then nobody tells its plugins. So the kernel is asked
for a signal when the parent dies, and a thread watches the parent as well (the signal is tied to
the parent's *thread*, and is not to be had outside Linux). The engine starts each plugin in a
process group of its own, so Ctrl-C does not reach it: SIGINT is how the engine itself says that it
is done, and a plugin that lingers costs the user five seconds.

Programs that a plugin runs go through `run`, which ends them on cancel, at the deadline and with
the plugin. What is not here: any protocol.
"""

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NoReturn

from provider.rpc import operation
from provider.rpc.errors import Cancelled, Refused

_PR_SET_PDEATHSIG = 1
_GRACE = 2.0
_POLL = 0.1

_children: set[subprocess.Popen[bytes]] = set()
_children_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Completed:
    """What a program left: its exit status and what it wrote."""

    status: int
    stdout: bytes = field(repr=False)
    stderr: str


def run(
    argv: Sequence[str],
    *,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    timeout: float = 60.0,
    pass_fds: Sequence[int] = (),
) -> Completed:
    """Run a program to its end; `Refused` when it is missing or does not end in time.

    Secrets belong into `stdin`, `env` or a file of its own (`pass_fds` hands down open ones): every
    user of the machine can read `argv`.
    """
    call = operation.current()
    deadline = time.monotonic() + call.remaining(timeout)
    child = _start(argv, env, pass_fds)
    try:
        data: bytes | None = stdin
        while True:
            try:
                out, err = child.communicate(data, timeout=_POLL)
            except subprocess.TimeoutExpired:
                data = None  # communicate keeps what it has not written yet
                if call.cancelled.is_set():
                    raise Cancelled(f"{argv[0]}: cancelled") from None
                if time.monotonic() >= deadline:
                    raise Refused(f"{argv[0]} did not end within {timeout:g} s") from None
                continue
            return Completed(child.returncode, out, err.decode(errors="replace"))
    finally:
        _end([child])
        _close(child)
        with _children_lock:
            _children.discard(child)


def _start(
    argv: Sequence[str], env: Mapping[str, str] | None, pass_fds: Sequence[int]
) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    try:
        with _children_lock:
            child = subprocess.Popen(
                list(argv), stdin=pipe, stdout=pipe, stderr=pipe, env=env, pass_fds=pass_fds
            )
            _children.add(child)
    except FileNotFoundError:
        raise Refused(f"{argv[0]} is not installed: it is not on PATH") from None
    return child


def _close(child: subprocess.Popen[bytes]) -> None:
    for stream in (child.stdin, child.stdout, child.stderr):
        if stream is not None:
            with suppress(OSError):  # what it did not read any more is lost, and may be
                stream.close()


def _end(children: Sequence[subprocess.Popen[bytes]]) -> None:
    running = [child for child in children if child.poll() is None]
    for child in running:
        child.terminate()
    deadline = time.monotonic() + _GRACE
    for child in running:
        try:
            child.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def leave() -> NoReturn:
    """End this process at once and in silence, after the programs that it started."""
    with _children_lock:
        _end(list(_children))
    os._exit(0)


def install() -> None:
    """Tie this process to its parent, and settle what its signals do. Call from the main thread."""
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    # Signals come in twos: the engine's own, and the kernel's when it dies. A handler in Python
    # interrupts whatever the main thread does, another handler with its locks included, and does
    # not run at all while that thread sleeps and another one got the signal. So the handlers do
    # nothing, and the interpreter tells the watching thread through a pipe.
    signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda _signal, _frame: None)
    parent = os.getppid()
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 (only where it is of use)

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    threading.Thread(target=_watch, args=(parent, told), daemon=True, name="parent").start()


def _watch(parent: int, told: int) -> None:
    """Leave when the parent is gone or a signal came; the only thread that does."""
    watched, poll = [told], _POLL
    with suppress(OSError, AttributeError):  # gone already; or no such call on this system
        watched.append(os.pidfd_open(parent))
        poll = 60.0
    while os.getppid() == parent and not select.select(watched, [], [], poll)[0]:
        pass
    leave()


def hand_over_port(port: int) -> None:
    """Tell the engine where we listen; from here on whatever is printed goes to stderr.

    The engine reads the port from the first line of stdout and shows the rest to the user.
    """
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    os.dup2(2, 1)
    sys.stdout = sys.stderr
