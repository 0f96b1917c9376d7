"""`./hearth lab up|shell|down|doctor`: a stack's world by hand, outside any scenario.

It dispatches and prints; worlds are made in `lab.world`, tools found in `lab.tools`.
"""

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from config.cluster import Cluster
from config.errors import ConfigError
from lab import boxes, tools
from lab import doctor as examination
from lab.assembly import assemble
from lab.plugins import select
from lab.stackfile import OverlayError
from lab.tools.progress import Printer
from lab.world import Running, World, WorldError, WorldPlan, namespace
from lab.world.facts import read_facts
from lab.world.inventory import dead_labs
from lab.world.services import require_setups

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_STACK = "test-cluster"
UP_SECONDS = 1800

app = typer.Typer(
    name="lab",
    help="A stack's world on this machine: machines, hypervisor, DNS provider, charts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_MISTAKES = (
    WorldError,
    ConfigError,
    OverlayError,
    tools.ToolError,
    tools.ToolsMissing,
    select.MissingPluginError,
)
Stack = Annotated[str, typer.Argument(help="the stack, as in Pulumi.STACK.yaml")]


def main(argv: list[str]) -> int:
    """Run one verb; return its exit code. A user's mistake ends in a sentence, not a traceback."""
    verb, command = split(argv)
    try:
        app(args=verb, prog_name="hearth lab", obj=command)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except _MISTAKES as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(tools.explain(error, "making the lab"), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted: a world that was not up yet has ended", file=sys.stderr)
        return 130
    return 0


def split(argv: list[str]) -> tuple[list[str], list[str]]:
    """Split at the first `--`: before it the lab's own words, after it a command to run inside."""
    if "--" not in argv:
        return argv, []
    place = argv.index("--")
    return argv[:place], argv[place + 1 :]


@app.command()
def up(
    stack: Stack = DEFAULT_STACK,
    providers: Annotated[
        select.Providers, typer.Option(help="vendors' own plugins, or our stand-ins")
    ] = select.Providers.AUTO,
    empty: Annotated[
        bool, typer.Option("--empty", help="only the vendors' world; no `pulumi up` in it")
    ] = False,
) -> None:
    """Bring the world of a stack up, with the stack's cluster in it, and leave it running."""
    # Before minutes of building: is there such a stack, and can this machine make a world at all?
    read_facts(ROOT, stack)
    namespace.check()
    if Running.find(state_of(stack)):
        raise WorldError(f"the lab of {stack} is up already: `./hearth lab shell {stack}`")
    namespace.check()
    assembly = assemble(ROOT, stack, providers, Printer(sys.stdout))
    plan = assembly.plan
    require_setups(plan)
    started = time.monotonic()
    running = bring_up(plan, assembly.prepared.cluster)
    if not empty:
        inhabit(running)
    print(f"\nup after {time.monotonic() - started:.1f} s\n\n{describe(running, plan)}")


def bring_up(plan: WorldPlan, cluster: Cluster | None = None) -> Running:
    """Start a world, with a cluster's boxes in it, print its stages, and let it live on."""

    def say(text: str, seconds: float) -> None:
        print(f"  {text:<20} {seconds:6.1f} s", flush=True)

    with ExitStack() as unless_whole:
        world = World(plan, say)
        running = world.start()
        unless_whole.callback(world.end)
        if cluster is not None:
            boxes.set_up(running, cluster, say)
        unless_whole.pop_all()
    world.let_live()
    return running


def inhabit(running: Running) -> None:
    """Create the stack's cluster; a world in which that failed stays up, to be looked into."""
    argv = running.command([sys.executable, "-m", "lab.inhabit", running.stack])
    done = subprocess.run(
        argv, env=running.environment, stdin=subprocess.DEVNULL, timeout=UP_SECONDS, check=False
    )
    if done.returncode != 0:
        raise WorldError(
            f"the cluster of {running.stack} was not made; its world is still up:"
            f" `./hearth lab shell {running.stack}` looks into it, `lab down` ends it"
        )


def describe(running: Running, plan: WorldPlan) -> str:
    """Say what is where, and what to do next."""
    lines = [f"operator             {', '.join(plan.addresses)} on the LAN"]
    for service in plan.services:
        where = f"{', '.join(service.names)} at {service.address}" if service.names else "-"
        lines.append(f"{service.name:<20} {where}")
    lines += [
        f"state and logs       {running.state}",
        "",
        f"enter it:  ./hearth lab shell {running.stack}",
        f"end it:    ./hearth lab down {running.stack}",
    ]
    return "\n".join(lines)


@app.command()
def shell(context: typer.Context, stack: Stack = DEFAULT_STACK) -> None:
    """Enter the world of a stack, or run one command in it: `shell STACK -- COMMAND...`."""
    command: list[str] = context.obj
    running = find(stack)
    argv = command or [os.environ.get("SHELL", "/bin/sh")]
    inside = {**running.environment, "TERM": os.environ.get("TERM", "dumb")}
    sys.stdout.flush()
    entering = running.command(argv)
    os.execvpe(entering[0], entering, inside)  # noqa: S606 - a list of arguments, no shell


@app.command()
def down(stack: Stack = DEFAULT_STACK) -> None:
    """End the world of a stack and prove that nothing of it is left."""
    started = time.monotonic()
    running = find(stack)
    running.end()
    print(f"down after {time.monotonic() - started:.1f} s: no process of {running.lab} is left")


@app.command()
def doctor(
    end: Annotated[
        bool, typer.Option("--end", help="end processes of dead labs without asking")
    ] = False,
) -> None:
    """Look at everything the lab needs from this machine."""
    findings = examination.examine(ROOT)
    for finding in findings:
        print(f"{'ok  ' if finding.fine else 'FAIL'} {finding.subject:<12} {finding.text}")
    left = dead_labs()
    if left and (end or (sys.stdin.isatty() and typer.confirm("end these processes now?"))):
        print(f"ended {examination.end(left)} processes")
    if not all(finding.fine for finding in findings):
        raise typer.Exit(1)


def state_of(stack: str) -> Path:
    """Return where the lab of a stack keeps everything."""
    return ROOT / ".lab" / stack


def find(stack: str) -> Running:
    """Return the world of a stack, or say that it is not up."""
    running = Running.find(state_of(stack))
    if running is None:
        raise WorldError(
            f"the lab of {stack} is not up: bring it up with `./hearth lab up {stack}`"
        )
    return running
