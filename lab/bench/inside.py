"""The half of a bench that runs in a world: `python -m lab.bench.inside PART ORDER.json`.

It runs the engine and writes raw figures into the order's `results`; words and goals are
`lab.bench.engine`'s.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lab.bench import bare, grown
from lab.bench.cli import Cli, Run
from lab.bench.processes import peak, processor
from lab.bench.table import Failed
from lab.scenarios.facts_file import FactsFile

PAIRS = 7
SIZES = {5: 3, 50: 2, 500: 1}  # machines: runs
# Of the bare program beside ours; what it costs at 500 machines follows from these.
BARE_SIZES = (5, 50)
PROGRAM, COMMAND, PLUGINS = "pulumi-language-python", "pulumi", "pulumi-resource-"
Figures = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Order:
    """Where the project lies, where the world keeps things, and where the figures go."""

    stack: str
    project: str
    state: str
    results: str

    @property
    def ours(self) -> Cli:
        """The program as it is."""
        return Cli(project=Path(self.project), stack=self.stack, log=Path(self.state) / "bench.log")

    @property
    def facts(self) -> FactsFile:
        """The stack's file, as this world's engine reads it."""
        return FactsFile(path=Path(self.state) / f"Pulumi.{self.stack}.yaml")

    def bare(self) -> Cli:
        """A bare program made from the plan that a preview of ours has now."""
        folder = Path(self.state) / "bare"
        bare.write(folder, self.ours.plan(), Path(self.project))
        cli = Cli(project=folder, stack=self.stack, log=Path(self.state) / "bench-bare.log")
        cli.select()
        return cli


def preview(order: Order) -> Figures:
    """Previews from an empty state, ours and bare by turns; one of each before does not count."""
    ours, plain = order.ours, order.bare()
    plain.preview()
    runs: dict[str, list[Run]] = {"ours": [], "bare": []}
    for _ in range(PAIRS):
        runs["ours"].append(ours.preview())
        runs["bare"].append(plain.preview())
    return {
        name: {"seconds": [run.seconds for run in of], "processor": [run.processor for run in of]}
        for name, of in runs.items()
    }


def scale(order: Order) -> Figures:
    """Previews from an empty state with more and more machines, and of the bare program beside."""
    sizes = []
    for machines, runs in SIZES.items():
        with order.facts.edited(partial(grown.grow, machines=machines)):
            done = [order.ours.preview(watched=True) for _ in range(runs)]
            plain = [order.bare().preview(watched=True)] if machines in BARE_SIZES else []
        ours, bare_runs = map(costs, done), map(costs, plain)
        sizes.append({"machines": machines, "ours": list(ours), "bare": list(bare_runs)})
    return {"sizes": sizes}


def costs(run: Run) -> Figures:
    """What a run took: seconds, seconds of processors by who used them, largest sets in bytes."""
    if run.watch is None:
        raise ValueError("this run was not watched")
    program, cli = run.watch.given(PROGRAM), run.watch.running(COMMAND)
    return {
        "seconds": run.seconds,
        "processor": run.processor,
        "processor of the program": processor(program),
        "processor of the CLI": processor(cli),
        "processor of plugins": processor(run.watch.given(PLUGINS)),
        "program": peak(program),
        "cli": peak(cli),
    }


def starts(order: Order) -> Figures:
    """What each command starts, from an empty state to an empty one."""
    ours = order.ours
    commands: dict[str, Callable[[], Run]] = {
        "preview": partial(ours.preview, watched=True),
        "up": partial(ours.change, "up", watched=True),
        "second up": partial(ours.change, "up", watched=True),
        "preview of no change": partial(ours.preview, watched=True),
        "refresh": partial(ours.change, "refresh", watched=True),
        "destroy": partial(ours.change, "destroy", watched=True),
    }
    figures: Figures = {}
    for name, command in commands.items():
        run = command()
        counted = run.watch.starts() if run.watch else {}
        figures[name] = {"seconds": run.seconds, "starts": dict(counted)}
    return figures


PARTS: dict[str, Callable[[Order], Figures]] = {
    "preview": preview,
    "scale": scale,
    "starts": starts,
}


def write_order(path: Path, order: Order) -> None:
    """Save an order for the process inside."""
    path.write_text(json.dumps(asdict(order)))


def main(argv: list[str]) -> int:
    """Measure one part."""
    part, path = argv
    order = Order(**json.loads(Path(path).read_text()))
    try:
        order.ours.select()
        figures = PARTS[part](order)
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    Path(order.results).write_text(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
