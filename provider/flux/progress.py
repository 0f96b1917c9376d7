"""Whether Flux still gets on: what counts as a change, as being at work, and as done.

Pure: whoever watches hands in worlds and the time. A thing that fails, is tried again and fails in
the same way has not changed, and is at work only the first time.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from provider.flux.findings import spoken
from provider.flux.objects import DEPLOYMENT, Item, Ref
from provider.flux.world import World

# What differs between two tries of the same thing.
VARIES = re.compile(
    r"(?:\d+(?:\.\d+)?(?:ns|µs|us|ms|s|m|h))+\b|\d{4}-\d\d-\d\dT[\d:.]+Z?|0x[0-9a-f]+|"
    r":\d{4,5}->|\b\d+ attempt|"
    # A server that hangs up, as the kernel tells it.
    r"read tcp \S+: read: connection reset by peer|\bEOF\b"
)
# Reasons of not being Ready that are no failure: somebody else's turn, as far as they say.
WAITING = frozenset(
    {
        "",
        "ArtifactFailed",
        "DependencyNotReady",
        "HealthCheckCanceled",
        "Progressing",
        "SourceNotReady",
    }
)
SHOWN = 4


@dataclass
class Watch:
    """What was seen so far; `changed` is when something last got on, on the caller's clock."""

    changed: float
    seen: set[str] = field(default_factory=set)
    failed: set[tuple[Ref, int]] = field(default_factory=set)

    def look(self, world: World, now: float) -> None:
        """Take in what there is now."""
        states = {state_of(found) for found in world.items.values()}
        if states - self.seen or self.at_work(world):
            self.changed = now
        self.seen |= states
        self.failed |= {
            (found.ref, found.generation)
            for found in world.unready.values()
            if found.ref.kind != DEPLOYMENT and is_failure(found)
        }

    def at_work(self, world: World) -> list[Ref]:
        """What is being done for the first time, and not merely waiting for what has failed.

        A FluxInstance calls it progress for minutes that its root cannot be built, a Kustomization
        that a release of its own has failed.
        """
        return [
            ref
            for ref, found in world.unready.items()
            if found.progressing
            and not self.has_failed(found)
            and not any(self.has_failed(world.unready[one]) for one in waits_within(world, ref))
        ]

    def has_failed(self, found: Item) -> bool:
        """Whether it has been seen to fail as it is wanted now."""
        return (found.ref, found.generation) in self.failed


def is_failure(found: Item) -> bool:
    """Whether it is not Ready by its own fault; one reason stands for a late source and no path."""
    return found.reason not in WAITING or any(one.final for one in spoken(found.words))


def waits_within(world: World, ref: Ref) -> Iterator[Ref]:
    """What it waits for that is there, over others too."""
    waiting, seen = [ref], {ref}
    while waiting:
        for one in world.waits[waiting.pop()]:
            if one in world.unready and one not in seen:
                seen.add(one)
                waiting.append(one)
                yield one


def state_of(found: Item) -> str:
    """Everything about an object that is not chance."""
    words = VARIES.sub("-", found.words)
    return f"{found.ref} {found.generation} {found.ready} {found.reason} {found.revision} {words}"


@dataclass(frozen=True, kw_only=True)
class Stage:
    """How far a cluster is: `name` is one of operator, controllers, source, root, tree, done."""

    name: str
    words: str


def stage(world: World, namespace: str, instance: str) -> Stage:
    """How far it is, in words for a live line."""
    flux = world.items.get(Ref("FluxInstance", namespace, instance))
    if flux is None:
        return Stage(name="operator", words=f"no FluxInstance {namespace}/{instance} yet")
    if not flux.conditions:
        return Stage(name="operator", words="flux-operator has not taken up the FluxInstance yet")
    down = [ref.name for ref in world.unready if ref.kind == DEPLOYMENT]
    if not flux.ready or down:
        said = f"not running yet: {', '.join(down)}" if down else flux.words.partition("\n")[0]
        return Stage(name="controllers", words=f"Flux's controllers: {said}")
    root = world.items.get(Ref("Kustomization", namespace, namespace))
    source = world.items.get(root.source) if root and root.source else None
    if root is None or source is None or not source.ready:
        said = source.words.partition("\n")[0] if source else "not there yet"
        return Stage(name="source", words=f"the source of the tree: {said}")
    if not root.ready:
        return Stage(name="root", words=f"the root: {root.words.partition(chr(10))[0]}")
    return tree_stage(world)


def tree_stage(world: World) -> Stage:
    """How much of the tree is Ready."""
    waiting = [*world.unready, *behind(world)]
    if not waiting:
        return Stage(name="done", words=counted(world))
    names = [str(ref) for ref in dict.fromkeys(waiting)]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return Stage(
        name="tree", words=f"{counted(world)}; waiting for {', '.join(names[:SHOWN])}{more}"
    )


def counted(world: World) -> str:
    """How many of which kind are Ready."""
    parts = []
    for kind in ("Kustomization", "HelmRelease"):
        wanted = [found for found in world.of(kind) if not found.suspended]
        if wanted or kind == "Kustomization":
            ready = sum(found.ready for found in wanted)
            parts.append(f"{ready} of {len(wanted)} {kind}s are Ready")
    return ", ".join(parts)


def behind(world: World) -> list[Ref]:
    """Kustomizations that are Ready with another revision than their source offers."""
    found = []
    for one in world.of("Kustomization"):
        source = world.items.get(one.source) if one.source else None
        if source and one.ready and not one.suspended and one.revision != source.revision:
            found.append(one.ref)
    return found
