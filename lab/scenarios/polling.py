"""Waiting for something to be so, with a deadline that says what it was."""

import time
from collections.abc import Callable

from lab.scenarios.rehearsal import Failed

POLL_SECONDS = 0.3


def wait_until(is_so: Callable[[], bool], seconds: float, what: str) -> None:
    """Ask until it is so; raises Failed with `what` when the time is up."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() >= deadline:
            raise Failed(f"waited {seconds:.0f} s for {what}")
        time.sleep(POLL_SECONDS)
