"""What recover knows of one cut-off create, and what it means to do about it. Data only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Properties = Mapping[str, Any]


class Verdict(StrEnum):
    """What becomes of a cut-off create."""

    CLEARED = "cleared"
    ADOPTED = "adopted"
    REMOVED = "removed"
    LEFT = "left"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was seen in the world, and the verdict.

    `identity` is the provider's id of what is adopted, `outputs` what its state needs beside the
    inputs, `remove` takes away what is half made.
    """

    verdict: Verdict
    seen: str
    identity: str = ""
    outputs: Properties = field(default_factory=dict)
    remove: Callable[[], None] | None = None


def cleared(seen: str) -> Finding:
    """Nothing is there, or making it again does no harm."""
    return Finding(verdict=Verdict.CLEARED, seen=seen)


def adopted(seen: str, identity: str, outputs: Properties | None = None) -> Finding:
    """It is ours and whole."""
    return Finding(verdict=Verdict.ADOPTED, seen=seen, identity=identity, outputs=outputs or {})


def removed(seen: str, remove: Callable[[], None]) -> Finding:
    """It is ours and of no use."""
    return Finding(verdict=Verdict.REMOVED, seen=seen, remove=remove)


def left(seen: str) -> Finding:
    """It is not ours, or nobody could be asked; a person decides."""
    return Finding(verdict=Verdict.LEFT, seen=seen)
