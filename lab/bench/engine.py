"""The parts that need a world and the real engine: preview, scale, starts.

From outside: starts a world with nothing in it, has `lab.bench.inside` measure there, and puts what
it found into words.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from lab.assembly import assemble
from lab.bench.inside import Order, write_order
from lab.bench.table import Failed, Row, seconds, spread
from lab.plugins import select
from lab.rehearse import forget
from lab.world import World

ROOT = Path(__file__).resolve().parents[2]
STACK = "test-cluster"
PART_SECONDS = 1200
MIB = 1 << 20
RATIO_GOAL, TIME_GOAL, MEMORY_GOAL = 1.5, 0.060, 1.0
PYTHON = "python"


def preview() -> Iterator[Row]:
    """Ours against the bare program."""
    found = measured("preview")
    command = "python -m lab.bench preview"
    middle = {
        name: {kind: median(values) for kind, values in kinds.items()}
        for name, kinds in found.items()
    }
    words = {"ours": "preview, empty state", "bare": "the same resources, constant"}
    for name, kinds in found.items():
        figure = f"{middle[name]['seconds']:.2f} s ({spread(kinds['seconds'])})"
        yield Row(
            what=f"{words[name]} ({len(kinds['seconds'])} runs)", figure=figure, command=command
        )
    for kind, word in (("seconds", "clock"), ("processor", "processor time")):
        ratio = middle["ours"][kind] / middle["bare"][kind]
        goal = f"<= {RATIO_GOAL}" if kind == "seconds" else ""
        yield Row(what=f"  ours / bare, {word}", figure=f"{ratio:.2f}", goal=goal, command=command)


def scale() -> Iterator[Row]:
    """Time and memory of a preview against the number of machines."""
    sizes = measured("scale")["sizes"]
    command = "python -m lab.bench scale"
    best = [{"machines": size["machines"], **middle_of(size["runs"])} for size in sizes]
    for item, size in zip(best, sizes, strict=True):
        figure = (
            f"{item['seconds']:.1f} s, program {item['program'] / MIB:.0f} MiB,"
            f" CLI {item['cli'] / MIB:.0f} MiB (bare {size['bare']['seconds']:.1f} s,"
            f" {size['bare']['program'] / MIB:.0f}, {size['bare']['cli'] / MIB:.0f})"
        )
        yield Row(what=f"preview, {item['machines']} machines", figure=figure, command=command)
    for less, more in pairwise(best):
        added = more["machines"] - less["machines"]
        slope = {key: (more[key] - less[key]) / added for key in ("seconds", "program", "cli")}
        span = f"  per machine, {less['machines']} to {more['machines']}"
        yield Row(
            what=span,
            figure=f"{slope['seconds'] * 1000:.0f} ms",
            goal=f"<= {TIME_GOAL * 1000:.0f} ms",
            command=command,
        )
        yield Row(
            what=span,
            figure=f"program {slope['program'] / MIB:.2f}, CLI {slope['cli'] / MIB:.2f} MiB",
            goal=f"<= {MEMORY_GOAL:.0f} MiB each",
            command=command,
        )


def middle_of(runs: list[dict[str, float]]) -> dict[str, float]:
    """The median of each figure over several runs."""
    return {key: median(run[key] for run in runs) for key in runs[0]}


def starts() -> Iterator[Row]:
    """How many processes each command starts."""
    for name, found in measured("starts").items():
        count: dict[str, int] = found["starts"]
        python = sum(n for program, n in count.items() if program.startswith(PYTHON))
        others = [
            f"{n} {program}"
            for program, n in sorted(count.items())
            if not program.startswith(PYTHON)
        ]
        figure = ", ".join([f"{python} Python", *others])
        yield Row(
            what=f"starts: {name} ({seconds(found['seconds'])})",
            figure=figure,
            command="python -m lab.bench starts",
        )


def measured(part: str) -> dict[str, Any]:
    """The figures of a part, from a world of its own that has ended when this returns."""
    plan = assemble(ROOT, STACK, select.Providers.AUTO, None).plan
    forget(plan)
    results, order = plan.state / "bench.json", plan.state / "bench-order.json"
    results.unlink(missing_ok=True)
    text = {"project": str(ROOT), "state": str(plan.state), "results": str(results)}
    write_order(order, Order(stack=plan.stack, **text))
    with World(plan, lambda _text, _seconds: None) as running:
        argv = running.command([sys.executable, "-m", "lab.bench.inside", part, str(order)])
        done = subprocess.run(
            argv,
            env=running.environment,
            stdin=subprocess.DEVNULL,
            timeout=PART_SECONDS,
            check=False,
        )
    # It holds the lab's secrets in clear.
    shutil.rmtree(plan.state / "bare", ignore_errors=True)
    if done.returncode != 0:
        raise Failed(f"the part {part} failed")
    found: dict[str, Any] = json.loads(results.read_text())
    return found
