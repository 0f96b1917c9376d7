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
from lab import error_page, tools
from lab.assembly import STACK_STATE, Assembly, assemble
from lab.plugins import select
from lab.scenarios.catalog import chosen
from lab.scenarios.order import Order, write_order
from lab.tools.progress import Printer
from lab.world import Running, World, WorldError, WorldPlan, namespace
from lab.world.facts import read_facts
from lab.world.services import CHARTS, MACHINES_CONTROL

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_STACKS = ["test-cluster"]
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
        list[str] | None, typer.Argument(help="stacks; test-cluster when none is named")
    ] = None,
    scenarios: Annotated[
        str, typer.Option(help="core, all, or names, separated by commas")
    ] = DEFAULT_SCENARIOS,
    providers: Annotated[
        select.Providers, typer.Option(help="vendors' own plugins, or our stand-ins")
    ] = select.Providers.AUTO,
) -> None:
    """Rehearse stacks, one after the other."""
    chosen(scenarios)
    # Before minutes of building: are there such stacks, and can this machine make a world at all?
    for stack in stacks or DEFAULT_STACKS:
        read_facts(ROOT, stack)
    namespace.check()
    failed = [stack for stack in stacks or DEFAULT_STACKS if not one(stack, scenarios, providers)]
    if failed:
        print(f"\nrehearsal FAILED: {', '.join(failed)}; report: {REPORT}", file=sys.stderr)
        raise typer.Exit(1)
    print(f"\nrehearsal passed; report: {REPORT}")


def one(stack: str, scenarios: str, providers: select.Providers) -> bool:
    """One stack from nothing to nothing; whether all its scenarios passed."""
    started = time.monotonic()
    namespace.check()  # before minutes of building, and before an earlier run is forgotten
    assembly = assemble(ROOT, stack, providers, Printer(sys.stdout))
    forget(assembly.plan)
    print(f"\nworld of {stack}", flush=True)
    world = World(assembly.plan, announce)
    with world as running:
        passed = run_inside(running, assembly, scenarios)
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


def run_inside(running: Running, assembly: Assembly, scenarios: str) -> bool:
    """Have the scenarios run in the world, their output ours."""
    path = running.state / "order.json"
    write_order(path, order(assembly, scenarios))
    argv = running.command([sys.executable, "-m", "lab.scenarios", str(path)])
    environment = {**running.environment, **error_page.recording(os.environ)}
    seconds = SCENARIO_SECONDS * len(chosen(scenarios))
    try:
        done = subprocess.run(
            argv, env=environment, stdin=subprocess.DEVNULL, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise WorldError(
            f"the scenarios {scenarios} did not end within {seconds} s; the last lines above say"
            f" what was waited for, and the logs are in {running.state}"
        ) from None
    return done.returncode == 0


def order(assembly: Assembly, scenarios: str) -> Order:
    """What `lab.scenarios` needs to know."""
    plan = assembly.plan
    worlds = {"machines": f"http://{MACHINES_CONTROL}/world"}
    worlds |= {
        service.name: service.probe.url.removesuffix("healthz") + "world"
        for service in plan.services
        if service.name in {"proxmox", "cloudflare"} and service.probe.kind == "http"
    }
    return Order(
        stack=plan.stack,
        scenarios=scenarios,
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
