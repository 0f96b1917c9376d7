"""`./hearth export bgp-peer STACK`: the other side's configuration, from the same facts.

Prints it and sends it nowhere: the router is its owner's. Needs no passphrase and no cluster.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from config.errors import ConfigError
from config.load import CLUSTER_KEY, load_cluster, no_such_stack, read_stack_file, stack_paths
from ops.bgp_peer import frr_config
from ops.errors import VerbError

ROOT = Path(__file__).resolve().parent.parent

app = typer.Typer(
    name="export",
    help="The other side's configuration, from the stack's facts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main(argv: list[str]) -> int:
    """Run one verb; its exit code."""
    try:
        app(args=argv, prog_name="hearth export")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except (VerbError, ConfigError) as error:
        print(f"hearth: {error}", file=sys.stderr)
        return 1
    return 0


@app.callback()
def words() -> None:
    """Make `bgp-peer` a word of its own, though it is the only one so far."""


@app.command("bgp-peer")
def bgp_peer(
    stack: Annotated[str, typer.Argument(help="the stack, as in Pulumi.STACK.yaml")],
    asn: Annotated[
        int | None, typer.Option(help="the router's AS number, where the peers have several")
    ] = None,
    cwd: Annotated[Path, typer.Option("--cwd", "-C", help="where the stack files lie")] = ROOT,
) -> None:
    """Print the router's frr.conf: the nodes as its neighbours, the pools as what it takes."""
    paths = stack_paths(cwd)
    if stack not in paths:
        raise VerbError(no_such_stack(stack, paths))
    cluster = load_cluster(read_stack_file(paths[stack]).config.get(CLUSTER_KEY), stack)
    print(frr_config(cluster, asn), end="")
