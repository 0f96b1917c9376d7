"""What the resolver hands out and what it tells on the way. Values only."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Origin = Literal["path", "cache", "release", "built"]


@dataclass(frozen=True, kw_only=True)
class Tool:
    """One program, ready to run, or file; `seconds` is what it cost this run to get it.

    `place` is its path on a shelf.
    """

    name: str
    version: str
    path: Path
    origin: Origin
    seconds: float
    place: str


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What is being done at this moment: `label` names the program or programs, `doing` the verb.

    `first` and `last` say which of `total` programs these are; `settled` marks the last word on
    them, and `note` is something worth a line of its own.
    """

    label: str
    doing: str
    first: int
    last: int
    total: int
    seconds: float
    settled: bool = False
    note: str | None = None


Report = Callable[[Progress], None]


def silent(_progress: Progress) -> None:
    """Report nothing."""
