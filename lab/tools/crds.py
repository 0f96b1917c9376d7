"""Making a vendor's CRDs of its API types with controller-gen: one file, the same every time.

The types come from the module proxy like everything that is built; nothing is taken out of a
release or a chart. It decides nothing about which CRDs somebody needs.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from lab.tools.errors import ToolError
from lab.tools.gobuild import GoBuilder
from lab.tools.rows import CRD_OPTIONS, CrdBuild


class Generator(Protocol):
    """Whatever can make the file of one CrdBuild."""

    def generate(
        self, build: CrdBuild, program: Path, into: Path, log: Path, tick: Callable[[], None]
    ) -> None:
        """Write all CRDs to the file `into` by running `program`, or raise ToolError."""


class CrdGenerator:
    """The real one: `controller-gen`, which asks Go for the types' sources."""

    def __init__(self, go: GoBuilder | None = None) -> None:
        self._go = go or GoBuilder()

    def generate(
        self, build: CrdBuild, program: Path, into: Path, log: Path, tick: Callable[[], None]
    ) -> None:
        """Run it once for each module folder; CRDs are sorted by group and plural name."""
        files: dict[str, str] = {}
        for number, types in enumerate(build.types):
            self._go.go(types.module)
            folder = into.with_name(f"{into.name}-{number}")
            paths = [f"paths={package}" for package in types.packages]
            command = [str(program), *CRD_OPTIONS, *paths, f"output:crd:dir={folder}"]
            self._go.run("controller-gen", command, types.module, log, tick)
            made = {path.name: path.read_text() for path in folder.glob("*.yaml")}
            if not made or files.keys() & made.keys():
                raise ToolError(
                    f"controller-gen made {', '.join(sorted(made)) or 'nothing'} of"
                    f" {', '.join(types.packages)}: correct the row in lab/tools/catalog.py"
                )
            files |= made
        into.write_text("".join(files[name] for name in sorted(files)))
