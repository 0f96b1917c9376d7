"""Flux, with the analysis that the program's own watch fails with: what waits for what, and why."""

from contextlib import suppress

from ops.status.report import Row, Section, Verdict
from provider import api_server
from provider.cluster_api import ClusterApi
from provider.flux.objects import READY, Item
from provider.flux.progress import behind, counted
from provider.flux.reading import read, with_evidence
from provider.flux.tree import lines
from provider.flux.world import World, rank
from provider.rpc import Refused

ANSWER_SECONDS = 8.0
TOGETHER_SECONDS = 15.0


def flux(namespace: str, kubeconfig: str) -> Section:
    """Everything of Flux in the cluster."""
    with api_server.connect(kubeconfig) as client:
        api = ClusterApi(client, each=ANSWER_SECONDS, together=TOGETHER_SECONDS)
        world = read(api.get, namespace)
        # Without an answer to that, what Flux itself says is known all the same.
        with suppress(api_server.Unreachable, Refused):
            world = with_evidence(api.get, world) if world.unready else world
    return judged(world)


def judged(world: World) -> Section:
    """A row for every object, and the tree where something is not Ready."""
    if not world.of("FluxInstance"):
        why = "there is no FluxInstance"
        lost = Row(name="flux", verdict=Verdict.WRONG, why=why, todo="`pulumi up` makes it")
        return Section(name="flux", rows=(lost,), summary="not there")
    late = set(behind(world))
    found = sorted(world.items.values(), key=lambda item: rank(item.ref))
    rows = tuple(row(item, late=item.ref in late) for item in found)
    return Section(
        name="flux",
        rows=rows,
        summary=counted(world),
        lines=tuple(lines(world)) if world.waits else (),
    )


def row(item: Item, *, late: bool) -> Row:
    """One object."""
    actual = {
        "ready": item.conditions[READY].status if READY in item.conditions else "Unknown",
        "reason": item.reason,
        "revision": item.revision,
        "suspended": str(item.suspended).lower(),
    }
    if item.suspended_by:
        why = f"it is suspended: {item.suspended_by}"
        return Row(name=str(item.ref), verdict=Verdict.WRONG, actual=actual, why=why)
    if item.suspended:
        why = "somebody has suspended it"
        return Row(name=str(item.ref), verdict=Verdict.NOTE, actual=actual, why=why)
    if not item.ready:
        why = item.words.partition("\n")[0] or "it has no status yet"
        return Row(name=str(item.ref), verdict=Verdict.WRONG, actual=actual, why=why)
    if late:
        why = "it is at another revision than its source"
        return Row(name=str(item.ref), verdict=Verdict.WRONG, actual=actual, why=why)
    return Row(name=str(item.ref), actual=actual)
