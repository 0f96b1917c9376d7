"""The engine's event log, read while it grows: stages with start and end, and what it all came to.

The engine stamps whole seconds; a rehearsal's steps are shorter, so times are taken here, when a
line arrives. Nothing is printed.
"""

import json
import re
import time
from dataclasses import dataclass, field
from typing import Any

LAYER = re.compile(r"hearth:(\w+):\w+")
QUIET_TYPES = ("pulumi:pulumi:Stack", "pulumi:providers:")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One operation on one resource; times in seconds since the command started."""

    urn: str
    operation: str
    start: float
    end: float

    @property
    def layer(self) -> str:
        """The layer the resource belongs to, from the component types in its URN."""
        return layer(self.urn)

    @property
    def kind(self) -> str:
        """The resource's own class."""
        return kind(self.urn).rpartition(":")[2]

    @property
    def name(self) -> str:
        """The resource's logical name."""
        return self.urn.rpartition("::")[2]

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.start

    @property
    def is_component(self) -> bool:
        """Whether this is a component of ours, which groups others and does nothing itself."""
        return kind(self.urn).startswith("hearth:") and ":index:" not in kind(self.urn)


def kind(urn: str) -> str:
    """The type token of the resource itself, without its parents'."""
    return urn.split("::")[2].rpartition("$")[2] if urn.count("::") >= 3 else ""


def layer(urn: str) -> str:
    """`auth` from `urn:...::hearth:auth:Auth$proxmoxve:...`; `stack` for what stands outside."""
    found = LAYER.search(urn.split("::")[2] if urn.count("::") >= 3 else "")
    return found.group(1) if found else "stack"


@dataclass
class Log:
    """What one command's events have told so far."""

    started: float = field(default_factory=time.monotonic)
    begun: dict[str, float] = field(default_factory=dict)
    stages: list[Stage] = field(default_factory=list)
    changes: dict[str, int] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def feed(self, line: str) -> Stage | None:
        """Take one line of the log; the stage it ends, if it ends one worth showing."""
        event: dict[str, Any] = json.loads(line)
        now = time.monotonic() - self.started
        if (begin := event.get("resourcePreEvent")) is not None:
            self.begun[begin["metadata"]["urn"]] = now
        elif (end := event.get("resOutputsEvent")) is not None:
            return self._ended(end["metadata"], now)
        elif (summary := event.get("summaryEvent")) is not None:
            self.changes = {key: int(n) for key, n in summary["resourceChanges"].items() if n}
        elif (diagnostic := event.get("diagnosticEvent")) is not None:
            self._said(diagnostic)
        return None

    def _ended(self, metadata: dict[str, Any], now: float) -> Stage | None:
        urn, operation = str(metadata["urn"]), str(metadata["op"])
        start = self.begun.pop(urn, now)
        if kind(urn).startswith(QUIET_TYPES):
            return None
        stage = Stage(urn=urn, operation=operation, start=start, end=now)
        self.stages.append(stage)
        return None if operation in {"same", "read"} or stage.is_component else stage

    def _said(self, diagnostic: dict[str, Any]) -> None:
        text = re.sub(r"<\{%.*?%\}>", "", str(diagnostic.get("message", ""))).strip()
        if text and diagnostic.get("severity") == "error":
            self.errors.append(text)
        elif text and diagnostic.get("severity") == "warning":
            self.warnings.append(text)
