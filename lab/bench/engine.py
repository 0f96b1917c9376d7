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

from lab import boxes
from lab.assembly import assemble
from lab.bench.inside import Order, write_order
from lab.bench.table import Failed, Row, seconds, spread
from lab.plugins import select
from lab.rehearse import forget
from lab.world import World

ROOT = Path(__file__).resolve().parents[2]
# Only workers that are made can be added without end.
GROWN_STACK = "test-cluster"
PART_SECONDS = 1200
MIB = 1 << 20
RATIO_GOAL, TIME_GOAL, MEMORY_GOAL = 1.5, 0.060, 1.0
PYTHON, SCALE = "python", "python -m lab.bench scale"


def preview(stack: str) -> Iterator[Row]:
    """Ours against the bare program."""
    found = measured("preview", stack)
    command = f"python -m lab.bench preview --stack {stack}"
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
    sizes = measured("scale", GROWN_STACK)["sizes"]
    for size in sizes:
        for name, runs in (("preview", size["ours"]), ("  the bare program", size["bare"])):
            if runs:
                yield from one_size(f"{name}, {size['machines']} machines", middle_of(runs))
    ours = [(size["machines"], middle_of(size["ours"])) for size in sizes]
    for (few, less), (many, more) in pairwise(ours):
        slope = {key: (more[key] - less[key]) / (many - few) for key in less}
        yield from per_machine(f"per machine, {few} to {many}", slope)


def one_size(what: str, costs: dict[str, float]) -> Iterator[Row]:
    """What a preview of so many machines cost."""
    clock = (
        f"{costs['seconds']:.1f} s; processors {costs['processor']:.1f} s:"
        f" program {costs['processor of the program']:.1f},"
        f" CLI {costs['processor of the CLI']:.1f}, plugins {costs['processor of plugins']:.1f}"
    )
    yield Row(what=what, figure=clock, command=SCALE)
    memory = f"program {costs['program'] / MIB:.0f} MiB, CLI {costs['cli'] / MIB:.0f} MiB"
    yield Row(what="", figure=memory, command=SCALE)


def per_machine(what: str, slope: dict[str, float]) -> Iterator[Row]:
    """What each further machine costs."""
    clock = f"{slope['seconds'] * 1000:.0f} ms; processors {slope['processor'] * 1000:.0f} ms"
    yield Row(what=what, figure=clock, goal=f"<= {TIME_GOAL * 1000:.0f} ms", command=SCALE)
    memory = f"program {slope['program'] / MIB:.2f} MiB, CLI {slope['cli'] / MIB:.2f} MiB"
    yield Row(what="", figure=memory, goal=f"<= {MEMORY_GOAL:.0f} MiB each", command=SCALE)


def middle_of(runs: list[dict[str, float]]) -> dict[str, float]:
    """The median of each figure over several runs."""
    return {key: median(run[key] for run in runs) for key in runs[0]}


def starts(stack: str) -> Iterator[Row]:
    """How many processes each command starts."""
    for name, found in measured("starts", stack).items():
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
            command=f"python -m lab.bench starts --stack {stack}",
        )


def measured(part: str, stack: str) -> dict[str, Any]:
    """The figures of a part, from a world of its own that has ended when this returns."""
    assembly = assemble(ROOT, stack, select.Providers.AUTO, None)
    plan = assembly.plan
    forget(plan)
    results, order = plan.state / "bench.json", plan.state / "bench-order.json"
    results.unlink(missing_ok=True)
    text = {"project": str(ROOT), "state": str(plan.state), "results": str(results)}
    write_order(order, Order(stack=plan.stack, **text))
    with World(plan, lambda _text, _seconds: None) as running:
        boxes.set_up(running, assembly.prepared.cluster, lambda _text, _seconds: None)
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
