"""What the everyday commands take: tools, tests, rehearsals; and where a create's seconds go."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from checks.tree.ask import default_cache
from lab.bench.memory import Memory
from lab.bench.table import Failed, Row
from lab.rehearse import REPORT

ROOT = Path(__file__).resolve().parents[2]
RUN_SECONDS = 1800
CHECK = ["hearth", "check"]
MIB = 1024  # kB, as the kernel counts


def commands() -> Iterator[Row]:
    """Tools and quick tests."""
    yield timed("tools, all cached", ["-m", "lab.tools"])
    yield timed("unit and graph tests", ["-m", "pytest", "-q", "tests/unit", "tests/graph"])


def checks() -> Iterator[Row]:
    """The trees' check, with nothing kept of an earlier one but tools, and again."""
    shutil.rmtree(default_cache(), ignore_errors=True)
    yield replace(timed("checks, nothing kept but tools", CHECK), goal="< 10 s")
    yield replace(timed("checks, nothing changed", CHECK), goal="< 2 s")


def rehearsal(stack: str) -> Iterator[Row]:
    """The core rehearsal with its create looked into, and the one without a network."""
    core = ["hearth", "rehearse", stack, "--scenarios", "core"]
    yield timed("rehearsal: core", core)
    report = json.loads(REPORT.read_text())[stack]
    for what, figure in create(report):
        yield Row(what=f"  {what}", figure=figure, command="python " + " ".join(core))
    yield timed("rehearsal: cni-missing", [*core[:-1], "cni-missing"])


def create(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Where the seconds of a create went, from a report: they add up to the whole."""
    whole, path = report["createSeconds"], report["criticalPath"]
    spans = {stage["urn"]: (stage["start"], stage["end"]) for stage in report["stages"]}
    chain = [spans[urn] for urn in path["urns"]]
    first, last = chain[0][0], chain[-1][1]
    yield "create", f"{whole:.1f} s, {len(spans)} resources and components"
    share = 100 * path["seconds"] / whole
    yield "on the critical path", f"{path['seconds']:.1f} s ({share:.0f} %), {len(chain)} resources"
    yield "before its first resource", f"{first:.1f} s: CLI, plugins, imports, first calls"
    yield "between its resources", f"{last - first - path['seconds']:.1f} s: engine and program"
    yield "after its last resource", f"{whole - last:.1f} s: others' ends, saving the state"


def timed(what: str, arguments: list[str]) -> Row:
    """Run a Python command quietly and say what it took; raises Failed when it fails."""
    memory = Memory()
    memory.start()
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    seconds = time.monotonic() - started
    memory.done.set()
    memory.join()
    if done.returncode != 0:
        raise Failed(f"{what} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    peak = f", {memory.peak / MIB:.0f} MiB of lab at its peak" if memory.peak else ""
    command = "python " + " ".join(arguments)
    return Row(what=what, figure=f"{seconds:.1f} s{peak}", command=command)
