"""Tiny programs, rows and builders for the tests of the resolver; also a process of its own.

`python -m tests.lab.tools_world ROOT MODE` runs one search in ROOT and prints what it found, so
that a test can kill it, run two at once, or give it a disk that is full.
"""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from lab.tools.cache import Cache
from lab.tools.crds import CrdGenerator, Generator
from lab.tools.errors import ToolError, ToolsMissing
from lab.tools.gobuild import Builder, GoBuilder
from lab.tools.model import Progress
from lab.tools.resolve import Surroundings, resolve
from lab.tools.rows import CrdBuild, GoBuild, Question, Release, Row, Types


def script(version: str, padding: int = 0) -> str:
    """Return a program that says its version; `padding` makes it that many bytes longer."""
    return f"#!/bin/sh\necho tool version {version}\n" + "#" * padding


def program(folder: Path, name: str, text: str) -> Path:
    """Put an executable into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return path


def row(
    name: str,
    *,
    version: str = "1.2.3",
    module: Path | None = Path("/no/module"),
    releases: tuple[Release, ...] = (),
) -> Row:
    """Return a row whose program says `tool version X`."""
    return Row(
        name=name,
        version=version,
        question=Question(arguments=("--version",), pattern=r"^tool version (\S+)"),
        build=GoBuild(module=module, package=name, binary=name, ldflags="") if module else None,
        releases=releases,
    )


def crds(
    name: str, module: Path, *packages: str, generator: Row | None = None, version: str = "1.2.3"
) -> Row:
    """Return a row for the CRDs of some packages; the generator is a script that is built."""
    build = CrdBuild(
        types=(Types(module=module, packages=packages),),
        generator=generator or row("controller-gen"),
    )
    place = f"crds/{name}.yaml"
    return Row(name=f"{name}-crds", version=version, question=None, build=build, shelf=place)


class ScriptGenerator:
    """Writes down what it was asked for, in place of CRDs."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def generate(
        self, build: CrdBuild, program: Path, into: Path, log: Path, tick: Callable[[], None]
    ) -> None:
        packages = " ".join(name for types in build.types for name in types.packages)
        self.made.append(packages)
        tick()
        log.write_text("making\n")
        into.write_text(f"{program.name} {packages}\n")


class ScriptBuilder:
    """Builds shell scripts; some names fail, and each build is counted."""

    def __init__(self, *, version: str = "1.2.3", failing: Sequence[str] = ()) -> None:
        self.version = version
        self.failing = failing
        self.built: list[list[str]] = []

    def build(
        self, builds: Sequence[GoBuild], into: Path, log: Path, tick: Callable[[], None]
    ) -> None:
        self.built.append([build.binary for build in builds])
        tick()
        log.write_text("building\n")
        for build in builds:
            if build.binary in self.failing:
                raise ToolError(f"{build.binary} does not build (all it said: {log})")
            program(into, build.binary, script(self.version))


class StuckBuilder(ScriptBuilder):
    """Leaves half a program, says so in a file, and waits until it is let go on."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root

    def build(
        self, builds: Sequence[GoBuild], into: Path, log: Path, tick: Callable[[], None]
    ) -> None:
        program(into, builds[0].binary, script("1.2.3")[:12])
        (self._root / "half-built").touch()
        while not (self._root / "go-on").exists():
            tick()
            time.sleep(0.02)
        super().build(builds, into, log, tick)


class LargeBuilder(ScriptBuilder):
    """Builds programs of 4 MB: more than a small disk holds."""

    def build(
        self, builds: Sequence[GoBuild], into: Path, log: Path, tick: Callable[[], None]
    ) -> None:
        tick()
        log.write_text("building\n")
        for build in builds:
            program(into, build.binary, script(self.version, padding=4 << 20))


def around(
    root: Path,
    builder: Builder | None = None,
    folders: str = "",
    generator: Generator | None = None,
) -> Surroundings:
    """Return surroundings below `root`."""
    return Surroundings(
        cache=Cache(root / "cache"),
        builder=builder or ScriptBuilder(),
        generator=generator or CrdGenerator(),
        folders=folders,
        ask_deadline=5.0,
    )


def main(root: Path, mode: str) -> int:
    """Search for the program `tool` and print what came of it."""
    builders: dict[str, Builder] = {
        "plain": ScriptBuilder(),
        "stuck": StuckBuilder(root),
        "large": LargeBuilder(),
        "go": GoBuilder(),
    }
    (root / "go.mod").write_text("module tool\n\ngo 1.21\n")

    def say(progress: Progress) -> None:
        print(progress.doing, progress.label, flush=True)

    try:
        tools = resolve([row("tool", module=root)], around(root, builders[mode]), say)
    except ToolsMissing as missing:
        print(missing, flush=True)
        return 1
    print(tools["tool"].origin, tools["tool"].path, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
