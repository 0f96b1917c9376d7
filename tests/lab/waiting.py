"""Waiting on a condition with a deadline: the only way a test of ours lets time pass."""

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], bool], what: str, deadline: float = 30.0) -> None:
    """Return when the condition holds; fail with what was waited for when it does not in time."""
    end = time.monotonic() + deadline
    while not condition():
        assert time.monotonic() < end, f"waited {deadline:.0f} s for {what}"
        time.sleep(0.01)
