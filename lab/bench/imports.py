"""How long imports take: of the program, and of every plugin up to where it can serve.

Warm: byte code lies on disk, as after any first run. Cold: there is none, as right after an
installation, so everything is compiled; the files themselves are in the kernel's cache both times,
which no program can empty without root.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lab.bench.table import Failed, Row, seconds

ROOT = Path(__file__).resolve().parents[2]
WARM_RUNS = 5
RUN_SECONDS = 120
HEAVIEST = 4
MICROSECONDS = 1_000_000
PROGRAM = "stacks.program"
# What a stack loads beside that, when its run comes to what is special about it.
STACKS = {
    "test-cluster": "stacks.test_cluster",
    "home-ops": "stacks.home_ops, components.dns.cloudflare",
}


def imports() -> Iterator[Row]:
    """The program, our provider and each stand-in, cold and warm; of the program, what weighs."""
    for module in (PROGRAM, "provider.plugin", *plugins()):
        command = f'python -X importtime -c "import {module}"'
        with tempfile.TemporaryDirectory() as empty:
            cold = total(report(module, {"PYTHONPYCACHEPREFIX": empty}))
        # Whatever else runs here only makes an import slower, so the best run is the truest.
        warm = min((report(module, {}) for _ in range(WARM_RUNS)), key=total)
        figure = f"warm {seconds(total(warm))}, cold {seconds(cold)}"
        yield Row(what=f"imports of {module}", figure=figure, command=command)
        if module == PROGRAM:
            for package, own in heaviest(warm):
                yield Row(what=f"  of which {package}", figure=seconds(own), command=command)
            yield from alone(warm)


def alone(program: str) -> Iterator[Row]:
    """What one stack imports and no other does, by the report of the program's own import."""
    common = {module for module, _ in times(program)}
    for stack, module in STACKS.items():
        both = f"{PROGRAM}, {module}"
        more = [(name, own) for name, own in times(report(both, {})) if name not in common]
        yield Row(
            what=f"  beside that, for {stack} alone",
            figure=f"{len(more)} modules, {seconds(sum(own for _, own in more))}",
            command=f'python -X importtime -c "import {both}"',
        )


def plugins() -> list[str]:
    """The stand-ins' main modules."""
    return [
        f"lab.plugins.{path.parent.name}.__main__"
        for path in sorted((ROOT / "lab" / "plugins").glob("*/__main__.py"))
    ]


def report(module: str, extra: dict[str, str]) -> str:
    """What `-X importtime` says of one import in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", f"import {module}"],
        cwd=ROOT,
        env={**os.environ, **extra},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise Failed(f"import {module} failed: {done.stderr.strip()[-1000:]}")
    return done.stderr


def times(text: str) -> Iterator[tuple[str, float]]:
    """Every module of a report with the seconds of its own, imports within it not counted."""
    for line in text.splitlines():
        own, _, rest = line.removeprefix("import time:").partition("|")
        if own.strip().isdigit():
            yield rest.partition("|")[2].strip(), int(own) / MICROSECONDS


def total(text: str) -> float:
    """The seconds of all modules of a report."""
    return sum(own for _, own in times(text))


def heaviest(text: str) -> list[tuple[str, float]]:
    """The top-level packages that weigh most, by the seconds of their own modules."""
    sums: dict[str, float] = {}
    for module, own in times(text):
        package = module.partition(".")[0]
        sums[package] = sums.get(package, 0.0) + own
    return sorted(sums.items(), key=lambda item: -item[1])[:HEAVIEST]
