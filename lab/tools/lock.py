"""One run at a time per program: an advisory lock on a file that names who holds it.

The kernel drops the lock when its holder ends, however it ends, so there is nothing to clean up
after a killed run.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.tools.errors import ToolError

DEADLINE = 3600.0  # seconds; another run may be building


@contextmanager
def held(
    folder: Path, name: str, waiting: Callable[[str], None], deadline: float = DEADLINE
) -> Iterator[None]:
    """Hold the lock `name`; `waiting` is told once a second who has it."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _take(handle, name, waiting, deadline)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def _take(handle: int, name: str, waiting: Callable[[str], None], deadline: float) -> None:
    started = time.monotonic()
    told = -1.0
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waited = time.monotonic() - started
            holder = os.pread(handle, 32, 0).decode(errors="replace").strip() or "unknown"
            if waited >= deadline:
                raise ToolError(
                    f"waited {waited:.0f} s for another run (pid {holder}) that is working on"
                    f" {name}: end it, or wait for it and run this again"
                ) from None
            if waited - told >= 1.0:
                told = waited
                waiting(holder)
            time.sleep(0.1)
        else:
            return
