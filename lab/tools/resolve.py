"""The search: on PATH in the right version, in the cache, an official release, built.

It does not know Go or HTTP; it knows the order, who waits for whom, and that the failure of one
program takes nothing from the others.
"""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from lab.tools import ask, lock, release
from lab.tools.cache import Cache, default_root
from lab.tools.crds import CrdGenerator, Generator
from lab.tools.errors import ToolError, ToolsMissing, explain
from lab.tools.gobuild import Builder, GoBuilder
from lab.tools.model import Origin, Progress, Report, Tool, silent
from lab.tools.recipe import source_version, this_platform
from lab.tools.rows import CrdBuild, GoBuild, Row


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Everything the search touches, so that a test can give it another world."""

    cache: Cache = field(default_factory=lambda: Cache(default_root()))
    builder: Builder = field(default_factory=GoBuilder)
    generator: Generator = field(default_factory=CrdGenerator)
    folders: str = field(default_factory=lambda: os.environ.get("PATH", ""))
    patience: release.Patience = field(default_factory=release.Patience)
    ask_deadline: float = ask.DEADLINE
    lock_deadline: float = lock.DEADLINE


class Resolver:
    """One search for some rows."""

    def __init__(self, rows: Sequence[Row], around: Surroundings, report: Report) -> None:
        self._rows = rows
        self._around = around
        self._cache = around.cache
        self._report = report
        self._found: dict[str, Tool] = {}
        self._failures: dict[str, str] = {}

    def run(self) -> dict[str, Tool]:
        """Return a tool per row, in the rows' order; ToolsMissing names those that failed."""
        self._look_around()
        for group in self._groups():
            self._obtain(group)
        found = {row.name: self._found[row.name] for row in self._rows if row.name in self._found}
        if self._failures:
            raise ToolsMissing(self._failures, found)
        return found

    def _look_around(self) -> None:
        def look(row: Row) -> None:
            started = time.monotonic()
            around = self._around
            path = ask.on_path(row, around.folders, self._cache.root, around.ask_deadline)
            if path:
                self._settle(row, path, "path", started)
            elif path := self._cache.find(row):
                self._settle(row, path, "cache", started)

        with ThreadPoolExecutor(max_workers=4) as pool:
            list(pool.map(look, self._rows))

    def _settle(self, row: Row, path: Path, origin: Origin, started: float) -> None:
        self._found[row.name] = Tool(
            name=row.name,
            version=row.version,
            path=path,
            origin=origin,
            seconds=time.monotonic() - started,
            place=row.place,
        )

    def _groups(self) -> list[list[Row]]:
        groups: dict[object, list[Row]] = {}
        for row in self._rows:
            if row.name not in self._found:
                build = row.build
                alike = (build.module, build.ldflags) if isinstance(build, GoBuild) else row.name
                groups.setdefault(alike, []).append(row)
        return list(groups.values())

    def _obtain(self, group: list[Row]) -> None:
        """Get the programs of one group, under a lock for each of them."""
        started = time.monotonic()
        say = self._speaker(group, started)
        try:
            with ExitStack() as stack:
                for row in sorted(group, key=lambda row: row.name):
                    stack.enter_context(self._lock(row, say))
                missing = [row for row in group if not self._from_cache(row, started)]
                missing = [row for row in missing if not self._from_release(row, started, say)]
                if missing:
                    self._build(missing, started, say)
        except ToolError as error:
            self._fail(group, str(error))
        except OSError as error:
            self._fail(group, explain(error, "putting programs into the cache"))
        failed = any(row.name in self._failures for row in group)
        say("FAILED" if failed else "done", settled=True)

    def _fail(self, group: list[Row], why: str) -> None:
        self._failures |= {row.name: why for row in group if row.name not in self._found}

    def _lock(self, row: Row, say: "Speaker") -> "ExitStack":
        stack = ExitStack()
        stack.enter_context(
            lock.held(
                self._cache.tools / ".locks",
                row.name,
                lambda pid: say(f"waiting for another run (pid {pid}):"),
                self._around.lock_deadline,
            )
        )
        return stack

    def _from_cache(self, row: Row, started: float) -> bool:
        """Look again: whoever held the lock may have brought it."""
        path = self._cache.find(row)
        if path:
            self._settle(row, path, "cache", started)
        return path is not None

    def _from_release(self, row: Row, started: float, say: "Speaker") -> bool:
        wanted = [file for file in row.releases if file.platform == this_platform()]
        for file in wanted:
            try:
                with self._cache.workshop(row.name) as work:
                    program = release.fetch(
                        file, work, lambda: say("downloading"), self._around.patience
                    )
                    self._keep(row, program, "release", work, started)
            except ToolError as error:
                if row.build is None:
                    raise
                say("building instead", note=f"{row.name}: {error}")
            else:
                return True
        return False

    def _build(self, rows: list[Row], started: float, say: "Speaker") -> None:
        if any(row.build is None for row in rows):
            raise ToolError(
                f"there is no release for {this_platform()} and no way to build it: put it on PATH"
            )
        self._cache.logs.mkdir(parents=True, exist_ok=True)
        label = rows[0].name
        with self._cache.workshop(label) as work:
            log = self._cache.logs / f"build-{label}.log"
            builds = [row.build for row in rows if isinstance(row.build, GoBuild)]
            if builds:
                self._around.builder.build(builds, work, log, lambda: say("building"))
            for row in rows:
                if isinstance(row.build, CrdBuild):
                    self._generate(row.build, work / row.name, log, say)
                elif row.of_sources and source_version(row.modules[0]) != row.version:
                    raise ToolError(f"{row.modules[0]} changed while it was built: run this again")
                made = row.build.binary if isinstance(row.build, GoBuild) else row.name
                self._keep(row, work / made, "built", work, started)

    def _generate(self, build: CrdBuild, into: Path, log: Path, say: "Speaker") -> None:
        """Make a file of CRDs; the generator itself is got first, when it is not there."""
        name = build.generator.name
        say(f"getting {name} for")
        try:
            program = resolve([build.generator], self._around)[name].path
        except ToolsMissing as missing:
            raise ToolError(missing.failures[name]) from None
        generator = self._around.generator
        generator.generate(build, program, into, log, lambda: say("making"))

    def _keep(self, row: Row, program: Path, origin: Origin, work: Path, started: float) -> None:
        if not program.is_file():
            raise ToolError(f"the build ended well but left no {program.name}")
        if row.question is not None:
            program.chmod(0o755)
            said = ask.ask(program, row.question, self._around.ask_deadline)
            if said != row.version:
                made = "built" if origin == "built" else "downloaded"
                raise ToolError(
                    f"the program that was {made} says it is {said or 'nothing'}, not"
                    f" {row.version}: correct its row in lab/tools/catalog.py"
                )
        self._settle(row, self._cache.put(row, program, origin, work), origin, started)

    def _speaker(self, group: list[Row], started: float) -> "Speaker":
        settled = len(self._found) + len(self._failures)
        first, total = settled + 1, len(self._rows)

        def say(doing: str, *, settled: bool = False, note: str | None = None) -> None:
            self._report(
                Progress(
                    label=group[0].name + (f" and {len(group) - 1} more" if group[1:] else ""),
                    doing=doing,
                    first=first,
                    last=first + len(group) - 1,
                    total=total,
                    seconds=time.monotonic() - started,
                    settled=settled,
                    note=note,
                )
            )

        return say


Speaker = Callable[..., None]


def resolve(
    rows: Sequence[Row], around: Surroundings | None = None, report: Report | None = None
) -> dict[str, Tool]:
    """Search for all rows; see `Resolver.run`."""
    return Resolver(rows, around or Surroundings(), report or silent).run()
