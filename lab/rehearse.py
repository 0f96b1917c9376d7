"""`make rehearse`: a stack's scenarios in a world of their own, from outside.

Puts the world together and starts it, has `lab.scenarios` run inside, takes everything down, and
insists that no process is left. Whatever goes wrong is one sentence.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from config.errors import ConfigError
from config.load import CLUSTER_KEY, load_cluster, read_stack_file, stack_paths
from lab import boxes, error_page, tools
from lab.assembly import STACK_STATE, Assembly, assemble
from lab.plugins import select
from lab.scenarios.catalog import chosen, divided, words
from lab.scenarios.entry import Entry
from lab.scenarios.needs import Need, abilities
from lab.scenarios.order import Order, write_order
from lab.tools.progress import Printer
from lab.world import Running, World, WorldError, WorldPlan, namespace
from lab.world.facts import overlay_of, read_facts
from lab.world.services import CHARTS, MACHINES_CONTROL

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_SCENARIOS = "core,cni-missing"
REPORT = ROOT / ".lab" / "report.json"
# A scenario takes a minute or two; what it waits for has deadlines of its own.
SCENARIO_SECONDS = 900

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def main(argv: list[str]) -> int:
    """Run the command; 0 when every scenario of every stack passed."""
    try:
        app(args=argv, prog_name="hearth rehearse")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except (WorldError, ConfigError, tools.ToolError, tools.ToolsMissing, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    except select.MissingPluginError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(tools.explain(error, "making the lab"), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted: the world has ended with it", file=sys.stderr)
        return 130
    return 0


@app.command()
def rehearse(
    stacks: Annotated[
        list[str] | None,
        typer.Argument(help="stacks; all that can be rehearsed when none is named"),
    ] = None,
    scenarios: Annotated[
        str, typer.Option(help="core, all, or names, separated by commas")
    ] = DEFAULT_SCENARIOS,
    providers: Annotated[
        select.Providers, typer.Option(help="vendors' own plugins, or our stand-ins")
    ] = select.Providers.AUTO,
) -> None:
    """Rehearse stacks, one after the other."""
    # Before minutes of building: are there such stacks, can they run what is wanted, and can this
    # machine make a world at all?
    wanted = plan_of(stacks or [], scenarios)
    namespace.check()
    failed = [stack for stack, entries in wanted.items() if not one(stack, entries, providers)]
    if failed:
        print(f"\nrehearsal FAILED: {', '.join(failed)}; report: {REPORT}", file=sys.stderr)
        raise typer.Exit(1)
    print(f"\nrehearsal passed; report: {REPORT}")


def plan_of(stacks: list[str], scenarios: str) -> dict[str, list[Entry]]:
    """What each stack is to run, by its name; ValueError for what it cannot.

    A stack that is named has to be able to run all that is named. Where none is, each runs what it
    can.
    """
    words(scenarios)
    if stacks:
        return {stack: chosen(scenarios, able(stack), stack) for stack in stacks}
    everyone = rehearsed(ROOT)
    parts = divided(scenarios, [able(stack) for stack in everyone])
    return {stack: part for stack, part in zip(everyone, parts, strict=True) if part}


def rehearsed(root: Path) -> list[str]:
    """The stacks that can be rehearsed: those for which the lab has secrets of its own."""
    return [stack for stack in stack_paths(root) if overlay_of(root, stack).is_file()]


def able(stack: str) -> frozenset[Need]:
    """What a stack has, by its committed facts."""
    read_facts(ROOT, stack)  # a stack that there is not ends here, in a sentence
    found = read_stack_file(ROOT / f"Pulumi.{stack}.yaml").config.get(CLUSTER_KEY)
    return abilities(load_cluster(found, stack))


def one(stack: str, entries: list[Entry], providers: select.Providers) -> bool:
    """One stack from nothing to nothing; whether all its scenarios passed."""
    started = time.monotonic()
    namespace.check()  # before minutes of building, and before an earlier run is forgotten
    assembly = assemble(ROOT, stack, providers, Printer(sys.stdout))
    forget(assembly.plan)
    print(f"\nworld of {stack}", flush=True)
    world = World(assembly.plan, announce)
    with world as running:
        boxes.set_up(running, assembly.prepared.cluster, announce)
        passed = run_inside(running, assembly, [entry.name for entry in entries])
    left = inventory_of(running)
    if left:
        print(f"processes left behind: {left}", file=sys.stderr)
    print(f"\n{stack}: {time.monotonic() - started:.1f} s in all", flush=True)
    return passed and not left


def announce(text: str, seconds: float) -> None:
    """A stage of the world's start."""
    print(f"  {text:<20} {seconds:6.1f} s", flush=True)


def forget(plan: WorldPlan) -> None:
    """A rehearsal starts from vendors that have never seen the stack."""
    for name in STACK_STATE:
        shutil.rmtree(plan.state / name, ignore_errors=True)
    for folder in plan.folders:
        folder.mkdir(parents=True, exist_ok=True)


def run_inside(running: Running, assembly: Assembly, scenarios: list[str]) -> bool:
    """Have the scenarios run in the world, their output ours."""
    path = running.state / "order.json"
    write_order(path, order(assembly, scenarios))
    argv = running.command([sys.executable, "-m", "lab.scenarios", str(path)])
    environment = {**running.environment, **error_page.recording(os.environ)}
    seconds = SCENARIO_SECONDS * len(scenarios)
    try:
        done = subprocess.run(
            argv, env=environment, stdin=subprocess.DEVNULL, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise WorldError(
            f"the scenarios {', '.join(scenarios)} did not end within {seconds} s; the last lines"
            f" above say what was waited for, and the logs are in {running.state}"
        ) from None
    return done.returncode == 0


def order(assembly: Assembly, scenarios: list[str]) -> Order:
    """What `lab.scenarios` needs to know."""
    plan = assembly.plan
    worlds = {"machines": f"http://{MACHINES_CONTROL}/world"}
    worlds |= {
        service.name: service.probe.url.removesuffix("healthz") + "world"
        for service in plan.services
        if service.name in {"proxmox", "cloudflare", "git"} and service.probe.kind == "http"
    }
    return Order(
        stack=plan.stack,
        scenarios=",".join(scenarios),
        project=ROOT,
        directory=plan.state,
        report=REPORT,
        bundle=plan.bundle,
        worlds=worlds,
        charts_url=f"{CHARTS.url}/-/charts",
        tools={
            name: {"version": tool.version, "origin": tool.origin}
            for name, tool in assembly.tools.items()
        },
        providers=select.report(assembly.plugins),
        replaced=assembly.prepared.replaced,
    )


def inventory_of(running: Running) -> str:
    """Processes that still carry the lab's mark, as text."""
    return ", ".join(f"{member.pid} {member.command}" for member in running.leftovers())
