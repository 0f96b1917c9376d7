"""The rehearsal as it happens, a line per thing that came to be: when, layer, what, how long.

Plain lines that read the same in a terminal and in a CI log.
"""

import time
from typing import TextIO

from lab.events import Stage

SIGNS = {"create": "+", "update": "~", "delete": "-", "replace": "±", "refresh": "?"}


class Timeline:
    """Writes lines; times count from the last heading."""

    def __init__(self, out: TextIO) -> None:
        self.out = out
        self.started = time.monotonic()

    def heading(self, text: str) -> None:
        """A new scenario begins."""
        self.started = time.monotonic()
        self._line(f"\n── {text} ")

    def stage(self, stage: Stage) -> None:
        """An operation has ended."""
        now = time.monotonic() - self.started
        sign = SIGNS.get(stage.operation, stage.operation)
        took = stage.end - stage.start
        self._line(
            f"{now:7.1f} s  {stage.layer:14} {sign} {stage.kind} {stage.name}"
            + (f"  ({took:.1f} s)" if took >= 0.5 else "")
        )

    def result(self, name: str, *, passed: bool, seconds: float, detail: str) -> None:
        """A scenario has ended."""
        self._line(f"{'passed' if passed else 'FAILED'}: {name} ({seconds:.1f} s): {detail}")

    def _line(self, text: str) -> None:
        self.out.write(text + "\n")
        self.out.flush()
