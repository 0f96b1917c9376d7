"""What a row of the catalog holds: a program, its question, where it may come from. Data only."""

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Question:
    """How a program is asked for its version: arguments, and a pattern with one group."""

    arguments: tuple[str, ...]
    pattern: str

    def answer(self, text: str) -> str | None:
        """Return the version in the program's output, without a leading `v`."""
        found = re.search(self.pattern, text, re.MULTILINE)
        return found.group(1) if found else None


@dataclass(frozen=True, kw_only=True)
class Release:
    """One official file: for which platform (`linux-amd64`), and the checksum it must have.

    `member` is the program's path inside a `.tar.gz` or `.zip`; None means the file is the program.
    """

    platform: str
    url: str
    sha256: str
    member: str | None = None


@dataclass(frozen=True, kw_only=True)
class GoBuild:
    """A `go build` of one package in a module folder.

    `binary` is the name Go gives the result. Rows with the same module and flags share one build.
    """

    module: Path
    package: str
    binary: str
    ldflags: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """One program of the lab.

    Without a question a program is never looked for on PATH and never asked: that is for programs
    of our own, whose version is the hash of what they are built from.
    """

    name: str
    version: str
    question: Question | None
    build: GoBuild | None
    releases: tuple[Release, ...] = ()

    @property
    def of_sources(self) -> bool:
        """Whether the version is the hash of the module's own sources."""
        return self.question is None
