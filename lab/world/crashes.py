"""Asking the supervisor to have a service crash and come back: a power cut, on request.

A request is a file named after the service in a folder of the world's state; it goes when the
service answers again. Services that die by themselves are never started anew: that is a finding.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.world.errors import WorldError

POLL = 0.05  # seconds between two looks
DEADLINE = 120.0  # seconds for a service to answer again
_FAILED = ".failed"


@dataclass(frozen=True, kw_only=True)
class Crashes:
    """The requests of one world, below its state."""

    state: Path

    @property
    def folder(self) -> Path:
        """Where they lie."""
        return self.state / "crashes"

    def forget(self) -> None:
        """Start without requests of an earlier world."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in self.folder.iterdir():
            path.unlink()

    def wanted(self) -> Iterator[str]:
        """The services that are to crash, or are coming back."""
        for path in sorted(self.folder.iterdir()):
            if path.suffix != _FAILED:
                yield path.name

    def over(self, service: str) -> None:
        """The service answers again."""
        (self.folder / service).unlink(missing_ok=True)

    def failed(self, service: str, why: str) -> None:
        """The service did not come back."""
        (self.folder / f"{service}{_FAILED}").write_text(why)
        self.over(service)

    def crash(self, service: str, deadline: float = DEADLINE) -> float:
        """Have a service killed and started again; the seconds until it answered."""
        started = time.monotonic()
        request, failure = self.folder / service, self.folder / f"{service}{_FAILED}"
        request.touch()
        while request.exists():
            if time.monotonic() - started > deadline:
                raise WorldError(f"{service} did not come back within {deadline:.0f} s")
            time.sleep(POLL)
        if failure.exists():
            raise WorldError(failure.read_text())
        return time.monotonic() - started
