"""What the supervisor tells whoever started it: one JSON object per line on a pipe.

The other direction is a second pipe, the lifeline: when it closes, the owner is gone and the world
ends; the one byte that may be written on it lets the world live on by itself.
"""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Literal

LET_LIVE = b"L"


@dataclass(frozen=True, kw_only=True)
class Message:
    """One line: a stage that was reached and its seconds, readiness, or the reason of failure."""

    kind: Literal["stage", "ready", "failed"]
    text: str = ""
    seconds: float = 0.0


def send(pipe: int, message: Message) -> None:
    """Write a message; an owner that is gone hears nothing, and the lifeline says so."""
    with suppress(BrokenPipeError):
        os.write(pipe, json.dumps(asdict(message)).encode() + b"\n")


def parse(line: str) -> Message:
    """Read a message back."""
    fields = json.loads(line)
    return Message(kind=fields["kind"], text=fields["text"], seconds=fields["seconds"])
