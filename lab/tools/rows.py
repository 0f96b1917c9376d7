"""What a row of the catalog holds: a program, its question, where it may come from. Data only.

A row may also be a file that a program makes, kept like a program: a vendor's CRDs.
"""

import re
from dataclasses import dataclass
from pathlib import Path

MODULES = Path(__file__).resolve().parent / "modules"  # a folder for each set of programs or types

# Descriptions are left out: they decide nothing, and API servers keep them in memory.
CRD_OPTIONS = ("crd:maxDescLen=0,allowDangerousTypes=true",)


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
class Stamp:
    """For a program that says no version: Go wrote into its file which module it was made of."""

    module: str


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
class Types:
    """The packages of a module folder that hold a vendor's API types."""

    module: Path
    packages: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CrdBuild:
    """One file with the CRDs of some API types, made by `generator`, which is controller-gen.

    Nothing is taken out of a vendor's release: the types are what its CRDs are made of.
    """

    types: tuple[Types, ...]
    generator: "Row"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One program of the lab, or one file with CRDs.

    Without a question a program is never looked for on PATH and never asked: that is for programs
    of our own, whose version is the hash of what they are built from.
    """

    name: str
    version: str
    question: Question | Stamp | None
    build: GoBuild | CrdBuild | None
    releases: tuple[Release, ...] = ()
    shelf: str = ""  # where it lies on a shelf, when not under its name

    @property
    def of_sources(self) -> bool:
        """Whether the version is the hash of the module's own sources."""
        return self.question is None and isinstance(self.build, GoBuild)

    @property
    def is_file(self) -> bool:
        """Whether it is read, not run."""
        return isinstance(self.build, CrdBuild)

    @property
    def place(self) -> str:
        """Its path on a shelf."""
        return self.shelf or self.name

    @property
    def modules(self) -> tuple[Path, ...]:
        """The module folders it is made of, each with a go.mod and a go.sum."""
        if isinstance(self.build, CrdBuild):
            return tuple(types.module for types in self.build.types)
        return (self.build.module,) if self.build else ()
