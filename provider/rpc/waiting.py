"""Waiting for a condition: look, say what is missing, look again, until the time is up.

Whoever waits decides what to do about what is still missing then: most refuse with a sentence of
their own. A cancel and the deadline of the call itself end the wait by themselves. What has to hold
more than once in a row, or to be done in between, is not for here.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from provider.rpc import operation

T = TypeVar("T")
# What a terminal's line shows of it.
SHOWN = 200


def missing_after(
    seconds: float, look: Callable[[], T], *, pause: float, say: Callable[[T], str] = str
) -> T:
    """Look until nothing is missing (an answer that is false) or `seconds` are over.

    Returns the last answer. `say` puts one into words for the live line, which changes when the
    words do. Looks at least once.
    """
    call, deadline, shown = operation.current(), time.monotonic() + seconds, ""
    while True:
        missing = look()
        if not missing or time.monotonic() >= deadline:
            return missing
        words = say(missing)[:SHOWN]
        if words != shown:
            call.status(words)
            shown = words
        call.wait(pause)
