"""Saying what is being done: one line that counts on a terminal, a line every 30 s in a log.

Nothing here decides anything, and nothing needs colour or a cursor to be understood.
"""

from collections.abc import Iterable, Mapping
from typing import TextIO

from lab.tools.model import Progress, Tool

EVERY = 30.0  # seconds between two lines about the same thing when the output is no terminal


class Printer:
    """Prints progress to a stream."""

    def __init__(self, stream: TextIO, every: float = EVERY) -> None:
        self._stream = stream
        self._every = every
        self._live = stream.isatty()
        self._said: tuple[str, str] | None = None
        self._at = 0.0
        self._width = 0

    def __call__(self, progress: Progress) -> None:
        """Take one report."""
        if progress.note:
            self._line(f"note: {progress.note}")
        changed = (progress.label, progress.doing) != self._said
        if self._live or changed or progress.seconds - self._at >= self._every:
            self._said = (progress.label, progress.doing)
            self._at = progress.seconds
            self._say(_sentence(progress), last=progress.settled)

    def _say(self, text: str, *, last: bool) -> None:
        if self._live and not last:
            self._stream.write(f"\r{text.ljust(self._width)}")
            self._width = len(text)
            self._stream.flush()
        else:
            self._line(text)

    def _line(self, text: str) -> None:
        start = "\r" if self._live else ""
        self._stream.write(f"{start}{text.ljust(self._width)}\n")
        self._width = 0
        self._stream.flush()


def _sentence(progress: Progress) -> str:
    which = str(progress.first)
    if progress.last > progress.first:
        which += f"-{progress.last}"
    place = f"({which}/{progress.total})"
    return f"{place} {progress.doing} {progress.label} ... {progress.seconds:.0f} s"


def table(tools: Mapping[str, Tool], missing: Iterable[str]) -> str:
    """Return what was found as aligned text, the missing last."""
    rows = [("tool", "version", "origin", "seconds", "path")]
    rows += [
        (tool.name, tool.version, tool.origin, f"{tool.seconds:.1f}", str(tool.path))
        for tool in tools.values()
    ]
    rows += [(name, "-", "MISSING", "-", "-") for name in missing]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append("  ".join([*cells, row[4]]))
    return "\n".join(lines)
