"""Why an object is not Ready, as findings: what it means, what to do, and whether waiting helps.

Pure: the shape of the world (rings, missing and suspended dependencies) is judged here, the words
by `rules`. An object that only waits for others has no finding of its own.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from provider.flux.objects import CONTROLLERS, DEPLOYMENT, READY, Item, Ref
from provider.flux.rules import GENERAL, RULES
from provider.flux.world import World, named_in


@dataclass(frozen=True, kw_only=True)
class Finding:
    """`final` means that it does not pass by itself."""

    rule: str
    means: str
    fix: str
    final: bool = False


def findings(world: World, ref: Ref) -> list[Finding]:
    """Everything that is known about why an object is not Ready."""
    found = world.items[ref]
    shaped = [*rings(world, ref), *missing(world, found), *suspended(world, found)]
    fetches = CONTROLLERS.get(ref.kind) == "source-controller"
    return shaped + (
        spoken(heard(world, found), fetches=fetches) or list(silent(world, found))
        if not shaped
        else []
    )


def rings(world: World, ref: Ref) -> Iterator[Finding]:
    """Whether it waits for itself, over others."""
    for ring in world.cycles:
        if ref in ring:
            way = " -> ".join(str(one) for one in (*ring, ring[0]))
            yield Finding(
                rule="dependency-cycle",
                means=f"these wait for each other, so none of them ever begins: {way}",
                fix="take one `dependsOn` or health check of the ring away",
                final=True,
            )


def missing(world: World, found: Item) -> Iterator[Finding]:
    """Whether it depends on what does not exist, once somebody could have made it."""
    for ref in found.depends_on:
        if ref in world.items:
            continue
        known = [str(one) for one in world.items if one.kind == ref.kind]
        near = get_close_matches(str(ref), known, n=1)
        question = f"; did you mean {near[0]}?" if near else ""
        yield Finding(
            rule="dependency-missing",
            means=f"it depends on {ref}, which does not exist{question}",
            fix="mend the name in `dependsOn`, or put what it names into the tree",
        )


def suspended(world: World, found: Item) -> Iterator[Finding]:
    """Whether what it needs is suspended and was never Ready."""
    for ref in (*found.depends_on, *([found.source] if found.source else [])):
        other = world.items.get(ref)
        if other is not None and other.suspended and not other.ready:
            yield Finding(
                rule="dependency-suspended",
                means=f"it needs {ref}, which is suspended, so nobody makes it Ready",
                fix=f"take `suspend` away from {ref}",
                final=True,
            )


def heard(world: World, found: Item) -> str:
    """Its controller's words, and those of what it checks."""
    about = {ref for ref, _ in named_in(found.words)} | {found.ref}
    others = [line for one in world.evidence if one.ref in about for line in one.words]
    return "\n".join([found.words, *others])


def spoken(words: str, *, fetches: bool = False) -> list[Finding]:
    """What the words mean; general rules only where no other applies."""
    found = []
    for one in RULES:
        caught = one.pattern.search(words)
        if caught is None or (one.fetching and not fetches):
            continue
        quoted = defaultdict(str, {key: text or "" for key, text in caught.groupdict().items()})
        made = Finding(
            rule=one.name,
            means=one.means.format_map(quoted),
            fix=one.fix.format_map(quoted),
            final=one.final,
        )
        found.append(made)
    said = {one.rule for one in found}
    if "external-secrets-v1beta1" in said:
        found = [one for one in found if one.rule != "kind-unknown"]
    if "immutable-job" in said:
        found = [one for one in found if one.rule != "immutable"]
    known = [one for one in found if one.rule not in GENERAL]
    return known or found[:1]


def silent(world: World, found: Item) -> Iterator[Finding]:
    """What there is to say of an object whose controller has said nothing that is known."""
    controller = CONTROLLERS.get(found.ref.kind, "its controller")
    if found.ref.kind == DEPLOYMENT:
        yield Finding(
            rule="controller-not-ready",
            means="a controller of Flux does not run",
            fix=f"{described(found.ref)}, and its pods' logs",
        )
    elif READY not in found.conditions:
        yield Finding(
            rule="never-looked-at",
            means=f"{controller} has not looked at it yet",
            fix=f"look at {controller}: `kubectl -n flux-system logs deploy/{controller}`",
        )
    elif found.observed < found.generation:
        yield Finding(
            rule="not-yet-looked-at",
            means=f"{controller} has not looked at its last change yet",
            fix=f"wait, or look at {controller}",
        )
    elif found.progressing is None and not any(
        ref in world.unready for ref in world.waits[found.ref]
    ):
        yield Finding(
            rule="other",
            means=f"{controller} says why",
            fix=described(found.ref),
        )


def described(ref: Ref) -> str:
    """The command that shows all there is of an object."""
    inside = f"-n {ref.namespace} " if ref.namespace else ""
    return f"`kubectl {inside}describe {ref.kind.lower()} {ref.name}`"
