"""What a check has found, and what a check is. Types alone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from checks.tree.model import Tree


@dataclass(frozen=True, kw_only=True, order=True)
class Finding:
    """One mistake: where it stands (the file below the repository), what it is, what to do."""

    file: Path
    line: int
    rule: str
    message: str
    fix: str

    @property
    def place(self) -> str:
        """`gitops/infrastructure/cilium/release.yaml:3`."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One mistake that can be seen before a commit.

    `forbids` says in one sentence what no tree may have, `outage` what came of it where it was
    there. `find` is asked once for each cluster, with its whole tree.
    """

    name: str
    forbids: str
    outage: str
    find: Callable[["Tree"], Iterator[Finding]]
