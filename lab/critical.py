"""The critical path of a run: the chain of resources, each needing the one before, that is longest.

What needs what is read from the engine's own state, never guessed: dependencies, those of single
properties, parent, provider. Pure; deletes, which run the other way round, are not for it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

from lab.events import Stage

Needs = Mapping[str, frozenset[str]]


@dataclass(frozen=True, kw_only=True)
class CriticalPath:
    """The stages on the longest chain, in the order in which they ran."""

    stages: tuple[Stage, ...]

    @property
    def urns(self) -> tuple[str, ...]:
        """Which resources these are."""
        return tuple(stage.urn for stage in self.stages)

    @property
    def seconds(self) -> float:
        """What they took together: the shortest the run could have been without any overhead."""
        return sum(stage.seconds for stage in self.stages)


def needs(resources: Iterable[Mapping[str, Any]]) -> dict[str, frozenset[str]]:
    """By URN, the URNs that had to be there first; `resources` is the list of a state export."""
    items = list(resources)
    known = {str(item["urn"]) for item in items}
    return {str(item["urn"]): frozenset(_first(item)) & known for item in items}


def _first(item: Mapping[str, Any]) -> Iterable[str]:
    yield from item.get("dependencies") or ()
    for urns in (item.get("propertyDependencies") or {}).values():
        yield from urns or ()
    yield str(item.get("parent", ""))
    # A provider is referred to as URN::ID.
    yield str(item.get("provider", "")).rpartition("::")[0]


def critical_path(stages: Sequence[Stage], needed: Needs) -> CriticalPath:
    """The longest chain by the sum of its stages; a component's span is its children's, not work.

    What has no stage of its own (providers, the stack) counts nothing and still links its
    neighbours. Of two equal chains the one whose URN sorts last is taken, so that the answer is
    the same every time. Raises graphlib.CycleError for what no engine can have run.
    """
    took = {stage.urn: stage for stage in stages if not stage.is_component}
    longest: dict[str, float] = {}
    before: dict[str, str | None] = {}
    graph = {urn: needed.get(urn, frozenset()) for urn in {*needed, *took}}
    for urn in TopologicalSorter(graph).static_order():
        before[urn] = max(graph.get(urn, ()), key=lambda one: (longest[one], one), default=None)
        own = took[urn].seconds if urn in took else 0.0
        longest[urn] = own + longest.get(before[urn] or "", 0.0)
    last = max(longest, key=lambda one: (longest[one], one), default=None)
    chain: list[Stage] = []
    while last is not None:
        if last in took:
            chain.insert(0, took[last])
        last = before[last]
    return CriticalPath(stages=tuple(chain))
