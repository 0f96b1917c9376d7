"""Suspending all of Flux, so that it does not fight a teardown, and taking exactly that back.

What somebody else has suspended stays as it is: only what carries our mark is taken back. Knows
paths and bodies; how to ask is the caller's, and when to give up too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from provider.flux.objects import KINDS, SUSPENDED_BY, Item, Json, Ref

SUSPENDABLE = ("Kustomization", "HelmRelease")
MANAGER = "hearth"


@dataclass(frozen=True, kw_only=True)
class Patch:
    """One merge patch."""

    ref: Ref
    path: str
    body: Json


def suspending(items: Sequence[Item], root: Ref, whose: str) -> Iterator[Patch]:
    """What suspends them, the root first: it would take the rest back."""
    found = [one for one in items if one.ref.kind in SUSPENDABLE and not one.suspended]
    for one in sorted(found, key=lambda one: (one.ref != root, order(one))):
        yield patch(one.ref, marked=whose, suspended=True)


def resuming(items: Sequence[Item]) -> Iterator[Patch]:
    """What takes our own suspension back, the root last: what it makes has to go on with it."""
    found = [one for one in items if one.ref.kind in SUSPENDABLE and one.suspended_by]
    for one in sorted(found, key=order, reverse=True):
        yield patch(one.ref, marked=None, suspended=None)


def order(one: Item) -> tuple[int, Ref]:
    """Kustomizations before what they apply."""
    return SUSPENDABLE.index(one.ref.kind), one.ref


def patch(ref: Ref, *, marked: str | None, suspended: bool | None) -> Patch:
    """One merge patch, where None takes a field away."""
    group, _, plural = KINDS[ref.kind].rpartition("/")
    return Patch(
        ref=ref,
        path=f"{group}/namespaces/{ref.namespace}/{plural}/{ref.name}?fieldManager={MANAGER}",
        body={
            "metadata": {"annotations": {SUSPENDED_BY: marked}},
            "spec": {"suspend": suspended},
        },
    )


def at_stake(volumes: Sequence[Json], services: Sequence[Json]) -> list[str]:
    """What a teardown takes with it or leaves behind, a line each: volumes and load balancers."""
    found = []
    for one in volumes:
        spec = one.get("spec") or {}
        claim = spec.get("claimRef") or {}
        owner = f"{claim.get('namespace')}/{claim.get('name')}" if claim else "claimed by nobody"
        size = (spec.get("capacity") or {}).get("storage", "?")
        kept = spec.get("persistentVolumeReclaimPolicy", "?")
        found.append(f"PersistentVolume {one['metadata']['name']} {size} ({owner}, {kept})")
    for one in services:
        if (one.get("spec") or {}).get("type") == "LoadBalancer":
            given = ((one.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
            shown = ", ".join(str(item.get("ip") or item.get("hostname")) for item in given)
            meta = one["metadata"]
            found.append(
                f"LoadBalancer {meta['namespace']}/{meta['name']} {shown or 'without address'}"
            )
    return found
