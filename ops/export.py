"""`./hearth export bgp-peer STACK`: the other side's configuration, from the same facts.

Prints it and sends it nowhere: the router is its owner's. Needs no passphrase and no cluster.
"""

from pathlib import Path
from typing import Annotated

import typer

from config.load import load_cluster
from ops.bgp_peer import frr_config
from ops.identity import find
from ops.verbs import run

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
    return run(app, argv, "export")


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
    file, _ = find(cwd, stack)
    print(frr_config(load_cluster(file.cluster, stack), asn), end="")
