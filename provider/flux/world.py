"""Everything of Flux in a cluster at one moment, and what waits for what in it.

Pure. What the words of the controllers mean is for `findings`, how to ask is for `reading`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from provider.flux.objects import (
    CONTROLLERS,
    DEPLOYMENT,
    READY,
    Item,
    Ref,
)

# The order in which kinds come to be, for lists that a person reads.
ORDER = (
    "FluxInstance",
    DEPLOYMENT,
    "GitRepository",
    "OCIRepository",
    "Bucket",
    "HelmRepository",
    "HelmChart",
    "Kustomization",
    "HelmRelease",
)
# How health checks name objects: `Kind/namespace/name status: 'InProgress'`; and how Helm does.
NAMED = re.compile(
    r"(?P<ref>[A-Z]\w*(?:/[\w.:-]+){1,2})(?: not ready\.)? status: '?(?P<status>[A-Z]\w+)"
)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What else was heard of an object that a Flux object waits for: its own words, and events."""

    ref: Ref
    words: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class World:
    """All objects by reference; `kinds` are those whose definitions the cluster has."""

    items: Mapping[Ref, Item] = field(default_factory=dict)
    kinds: frozenset[str] = frozenset()
    evidence: tuple[Evidence, ...] = ()

    def of(self, kind: str) -> list[Item]:
        """All objects of a kind, by name."""
        return [found for ref, found in sorted(self.items.items()) if ref.kind == kind]

    @cached_property
    def unready(self) -> dict[Ref, Item]:
        """What should be Ready and is not; what somebody has suspended is not waited for."""
        return {
            ref: found
            for ref, found in sorted(self.items.items(), key=lambda pair: rank(pair[0]))
            if not found.ready and not found.suspended
        }

    @cached_property
    def waits(self) -> dict[Ref, tuple[Ref, ...]]:
        """For all that is not Ready, what it waits for: of Flux, not Ready either, or missing."""
        return {
            ref: tuple(dict.fromkeys(self._waits_for(found))) for ref, found in self.unready.items()
        }

    def _waits_for(self, found: Item) -> Iterator[Ref]:
        """Which others, by the spec and by what its controller says."""
        for ref in found.depends_on:
            if not self.is_ready(ref):
                yield ref
        if found.source is not None and not self.is_ready(found.source):
            yield found.source
        checked = [ref for ref in self.checked(found) if ref.kind in CONTROLLERS]
        for ref in checked:
            if ref != found.ref and ref in self.unready:
                yield ref
        if READY not in found.conditions or found.ref.kind == "FluxInstance":
            yield from self._controllers_of(found)
        if found.ref.kind == "FluxInstance":
            yield from self._synced_by(found)

    def checked(self, found: Item) -> list[Ref]:
        """What its health depends on: named in a failure, else all that it may check."""
        named = [ref for ref, _ in named_in(found.words)]
        return named or [*found.checks, *(found.inventory if found.waits else ())]

    def _controllers_of(self, found: Item) -> Iterator[Ref]:
        """Controllers that are not there to look at it."""
        wanted = CONTROLLERS.get(found.ref.kind, "")
        for ref in self.unready:
            if ref.kind == DEPLOYMENT and (ref.name == wanted or found.ref.kind == "FluxInstance"):
                yield ref

    def _synced_by(self, found: Item) -> Iterator[Ref]:
        """The root that flux-operator makes and waits for; it is named as its namespace."""
        root = Ref("Kustomization", found.ref.namespace, found.ref.namespace)
        if root in self.unready:
            yield root

    def is_ready(self, ref: Ref) -> bool:
        """Whether an object is there and Ready; suspended ones can be."""
        return ref in self.items and self.items[ref].ready

    @cached_property
    def cycles(self) -> list[tuple[Ref, ...]]:
        """Rings of objects that wait for each other, each once, from its first by name."""
        found: dict[frozenset[Ref], tuple[Ref, ...]] = {}
        for start in sorted(self.waits):
            ring = self._ring_through(start)
            if ring and frozenset(ring) not in found:
                found[frozenset(ring)] = ring
        return list(found.values())

    def _ring_through(self, start: Ref) -> tuple[Ref, ...]:
        """The shortest way from an object back to itself, () when there is none."""
        ways: list[tuple[Ref, ...]] = [(start,)]
        seen: set[Ref] = set()
        for way in ways:
            for following in self.waits.get(way[-1], ()):
                if following == start:
                    return way
                if following not in seen:
                    seen.add(following)
                    ways.append((*way, following))
        return ()

    @cached_property
    def roots(self) -> list[Ref]:
        """What waits for nothing of Flux that could still come, in the order they come to be."""
        return [
            ref
            for ref, others in self.waits.items()
            if not any(other in self.unready for other in others)
        ]

    def waiting_for(self, ref: Ref) -> list[Ref]:
        """What waits for an object directly."""
        return [other for other, others in self.waits.items() if ref in others and other != ref]


def rank(ref: Ref) -> tuple[int, Ref]:
    """The place of an object in a list."""
    return (ORDER.index(ref.kind) if ref.kind in ORDER else len(ORDER), ref)


def parse(text: str) -> Ref:
    """A reference from `Kind/namespace/name` or `Kind/name`."""
    kind, *rest = text.split("/")
    return Ref(kind, rest[0] if len(rest) > 1 else "", rest[-1])


def named_in(words: str) -> list[tuple[Ref, str]]:
    """The objects that a failed health check names, each with its status, once."""
    found = {parse(one["ref"]): one["status"] for one in NAMED.finditer(words)}
    return list(found.items())


def world(items: Iterable[Item], kinds: Iterable[str] = ()) -> World:
    """A world of these."""
    return World(items={found.ref: found for found in items}, kinds=frozenset(kinds))
