"""The table that a bench prints, row by row, each figure with the command that made it."""

from collections.abc import Iterable
from dataclasses import dataclass

WHAT, FIGURE, GOAL = 40, 34, 14


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure: what was measured, what it came to, what was hoped for, how to see it again."""

    what: str
    figure: str
    command: str
    goal: str = ""


class Failed(Exception):  # noqa: N818 (reads as what happened)
    """A command whose cost was to be measured did not end well; the message says what it said."""


def line(what: str, figure: str, goal: str, command: str) -> str:
    """The four columns; what is too wide pushes the rest, and is never cut."""
    return f"{what:{WHAT}} {figure:{FIGURE}} {goal:{GOAL}} {command}".rstrip()


def header() -> str:
    """The columns' names."""
    return line("what", "figure", "goal", "command")


def shown(rows: Iterable[Row]) -> None:
    """Print rows."""
    for row in rows:
        print(line(row.what, row.figure, row.goal, row.command), flush=True)


def seconds(value: float) -> str:
    """Seconds with one decimal, or milliseconds where those say more."""
    return f"{value:.1f} s" if value >= 1 else f"{value * 1000:.0f} ms"


def spread(values: Iterable[float]) -> str:
    """The smallest and the largest of several runs."""
    every = sorted(values)
    return f"{every[0]:.2f} to {every[-1]:.2f} s"
