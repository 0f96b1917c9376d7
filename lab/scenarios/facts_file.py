"""The stack's own file while a scenario changes it: what an owner does in an editor.

Inside a world the file is a copy, and the path in the project leads to it; so it is written in
place and never replaced. Facts only: secrets and identity stay as they are.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CLUSTER_KEY = "hearth:cluster"
Facts = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class FactsFile:
    """`Pulumi.<stack>.yaml` as the world's engine reads it."""

    path: Path

    def read(self) -> Facts:
        """The cluster's facts as they stand."""
        found: Facts = yaml.safe_load(self.path.read_text())["config"][CLUSTER_KEY]
        return found

    def edit(self, change: Callable[[Facts], None]) -> None:
        """Have `change` alter the cluster's facts, and write them back."""
        document = yaml.safe_load(self.path.read_text())
        change(document["config"][CLUSTER_KEY])
        self.path.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))

    @contextmanager
    def edited(self, change: Callable[[Facts], None]) -> Iterator[None]:
        """The facts with a change, for as long as the block lasts."""
        before = self.path.read_text()
        self.edit(change)
        try:
            yield
        finally:
            self.path.write_text(before)


def machine(facts: Facts, name: str) -> Facts:
    """The facts of one machine; raises KeyError for a name that is none."""
    for item in facts["machines"]:
        if item["name"] == name:
            found: Facts = item
            return found
    raise KeyError(f"the stack has no machine {name}")
