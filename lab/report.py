"""The rehearsal's report: `.lab/report.json`, one object per stack, written after every scenario.

Plain data for people and for checks; a rehearsal that was cut off leaves what it had seen. Stacks
may be rehearsed side by side: each run writes its own stack's object and no other.
"""

import fcntl
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lab.critical import CriticalPath
from lab.events import Stage


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of one scenario; `detail` is what was seen, or what went wrong."""

    name: str
    passed: bool
    seconds: float
    detail: str


@dataclass(kw_only=True)
class Report:
    """Everything a stack's rehearsal has to tell.

    `tools` and `providers` map names to version and origin, `charts` to "real" or "lab";
    `replaced` is what the lab put in place of the stack's own values; `create_seconds` what the
    create took, its stages those of `stages`, the longest chain among them `critical_path`. `flux`
    is what Flux said of its own objects when a cluster had been made.
    """

    tools: Mapping[str, Mapping[str, str]]
    providers: Mapping[str, Mapping[str, str]]
    charts: Mapping[str, str]
    replaced: Sequence[str]
    scenarios: list[Result] = field(default_factory=list)
    leftovers: int | None = None
    second_up_changes: int | None = None
    identity_stable: bool | None = None
    stages: list[Stage] = field(default_factory=list)
    create_seconds: float | None = None
    critical_path: CriticalPath | None = None
    flux: Mapping[str, Any] | None = None

    def document(self) -> dict[str, Any]:
        """The report as JSON takes it, in camelCase."""
        return {
            "tools": dict(self.tools),
            "providers": dict(self.providers),
            "charts": dict(self.charts),
            "replaced": list(self.replaced),
            "scenarios": [asdict(result) for result in self.scenarios],
            "leftovers": self.leftovers,
            "secondUpChanges": self.second_up_changes,
            "identityStable": self.identity_stable,
            "stages": [
                {
                    "urn": stage.urn,
                    "layer": stage.layer,
                    "start": round(stage.start, 3),
                    "end": round(stage.end, 3),
                }
                for stage in self.stages
            ],
            "createSeconds": self.create_seconds,
            "criticalPath": self.critical_path
            and {
                "seconds": round(self.critical_path.seconds, 3),
                "urns": list(self.critical_path.urns),
            },
            "flux": self.flux,
        }


def write(path: Path, stack: str, report: Report) -> None:
    """Put the stack's report beside those of other stacks; a reader never sees half a file."""
    with alone(path):
        documents = json.loads(path.read_text()) if path.exists() else {}
        documents[stack] = report.document()
        half = path.with_suffix(".part")
        half.write_text(json.dumps(documents, indent=2) + "\n")
        half.replace(path)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """No other run writes this report meanwhile; the kernel ends this with its holder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
