"""`./hearth status STACK`: is the cluster as the facts want it, and what not, and what to do.

Reads, and changes nothing. Everybody is asked at the same time, each section within its own
deadline, so that what still lives is told however much of the rest is down.
"""

import json
import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import Annotated

import httpx2
import typer

from config import versions
from config.cluster import Cluster
from config.load import load_cluster
from ops.engine import Engine
from ops.errors import VerbError
from ops.identity import find
from ops.status.access import Access, access
from ops.status.dns import dns
from ops.status.flux import flux
from ops.status.kubernetes import api_servers, cilium, nodes
from ops.status.machines import Wanted, etcd, machines
from ops.status.report import EXIT, Section, Verdict, document, text, verdict
from ops.verbs import run
from provider.rpc import Refused

ROOT = Path(__file__).resolve().parents[2]
SECTION_SECONDS = 40.0
FLUX_NAMESPACE = "flux-system"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
Part = Callable[[], Section]


def main(argv: list[str]) -> int:
    """Run the command: 0 all is well, 1 something is not as wanted, 2 could not ask."""
    return run(app, argv, "status")


@app.command()
def status(
    stack: Annotated[str, typer.Argument(help="the stack, as in Pulumi.STACK.yaml")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="for scripts: docs/status.md")] = False,
    cwd: Annotated[Path, typer.Option("--cwd", "-C", help="the project's folder")] = ROOT,
) -> None:
    """Compare a cluster with the facts: machines, etcd, nodes, Cilium, Flux, names."""
    file, _ = find(cwd, stack)
    cluster = load_cluster(file.cluster, stack)
    try:
        found = access(Engine(cwd, stack, os.environ).export(clear=True))
    except VerbError as error:
        # Not "something is wrong": nothing is known.
        typer.echo(f"hearth: the stack's state could not be read: {error}", err=True)
        raise typer.Exit(EXIT[Verdict.UNKNOWN]) from None
    sections = gathered(parts(cluster, found), SECTION_SECONDS)
    shown = document(stack, sections)
    typer.echo(json.dumps(shown, indent=2) if as_json else text(stack, sections))
    raise typer.Exit(EXIT[verdict(sections)])


def parts(cluster: Cluster, found: Access) -> Mapping[str, Part]:
    """The sections by name, in the order in which a cluster comes to be."""
    addresses = {machine.name: str(machine.addresses[0]) for machine in cluster.machines}
    planes = {machine.name: str(machine.addresses[0]) for machine in cluster.control_planes}
    image = Wanted(talos=versions.TALOS, schematic=found.schematic)
    return {
        "machines": lambda: machines(addresses, image, found.machines()),
        "etcd": lambda: etcd(planes, found.machines()),
        "api": lambda: api_servers(planes, found.cluster()),
        "nodes": lambda: nodes(list(addresses), versions.KUBERNETES, found.cluster()),
        "cilium": lambda: cilium(versions.CILIUM.version, found.cluster()),
        "flux": lambda: flux(FLUX_NAMESPACE, found.cluster()),
        "dns": partial(dns, cluster),
    }


def gathered(asked: Mapping[str, Part], seconds: float) -> list[Section]:
    """All sections at the same time; one that takes too long or cannot ask says so."""
    pool = ThreadPoolExecutor(max_workers=len(asked))
    futures = {name: pool.submit(part) for name, part in asked.items()}
    wait(futures.values(), timeout=seconds)
    pool.shutdown(wait=False, cancel_futures=True)
    return [told(name, future, seconds) for name, future in futures.items()]


def told(name: str, future: "Future[Section]", seconds: float) -> Section:
    """What a section said, or why it said nothing."""
    if not future.done():
        return Section(name=name, unasked=f"no answer within {seconds:.0f} s")
    try:
        return future.result()
    except (VerbError, Refused, httpx2.HTTPError) as error:
        return Section(name=name, unasked=str(error).strip() or type(error).__name__)
