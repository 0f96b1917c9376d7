"""The tree of what waits for what, as text: causes first, each with its words, then who waits.

Pure. An object that waits for several causes stands below each of them, once.
"""

from collections.abc import Iterator

from provider.flux.findings import Finding, findings, heard
from provider.flux.objects import Item, Ref
from provider.flux.progress import VARIES
from provider.flux.world import World

WORDS = 600
LINES = 8


def causes(world: World) -> list[tuple[Ref, list[Finding]]]:
    """The causes in the order in which they come to be; a ring is one, told at its first."""
    rings = [ring[0] for ring in world.cycles]
    found = [(ref, findings(world, ref)) for ref in dict.fromkeys([*rings, *world.roots])]
    # Whatever else stands in a ring, or has a reason of its own beside those it waits for.
    own = [
        (ref, [one for one in findings(world, ref) if one.rule == "dependency-missing"])
        for ref in world.unready
        if ref not in dict(found)
    ]
    return found + [(ref, said) for ref, said in own if said]


def final(world: World) -> bool:
    """Whether no cause passes by itself, so that waiting is of no use."""
    found = causes(world)
    return bool(found) and all(any(one.final for one in said) for _, said in found)


def lines(world: World) -> list[str]:
    """The whole tree."""
    found: list[str] = []
    for number, (ref, said) in enumerate(causes(world), 1):
        found += [f"{number}. {ref}{headed(world.items[ref])}", *cause(world, ref, said)]
        waiting = list(below(world, ref, {ref}, "   "))
        found += ["   so these wait:", *waiting] if waiting else []
    return found


def headed(item: Item) -> str:
    """Its state in a word or two."""
    doing = item.progressing
    return (
        f" ({doing.message or doing.reason})" if doing else f" ({item.reason or 'no status yet'})"
    )


def cause(world: World, ref: Ref, said: list[Finding]) -> Iterator[str]:
    """One cause: what was said, what it means, what to do."""
    for line in shortened(heard(world, world.items[ref])):
        yield f"   | {line}"
    for one in said:
        yield f"   [{one.rule}] {one.means}"
        yield f"   fix: {one.fix}"


def shortened(words: str) -> list[str]:
    """Words of a controller, whole where they are short, and each once: its events repeat them."""
    kept: list[str] = []
    bare: list[str] = []
    for line in (line.strip() for line in words.splitlines()):
        plain = VARIES.sub("-", line)
        if line and not any(plain.endswith(one) for one in bare):
            kept.append(line)
            bare.append(plain)
    cut = [line if len(line) <= WORDS else f"{line[:WORDS]} ..." for line in kept[:LINES]]
    return cut + ([f"... and {len(kept) - LINES} lines more"] if len(kept) > LINES else [])


def below(world: World, ref: Ref, seen: set[Ref], indent: str) -> Iterator[str]:
    """Who waits for an object, and who for those."""
    for other in world.waiting_for(ref):
        if other in seen:
            continue
        seen.add(other)
        indented = f"{indent}  "
        yield f"{indented}{other}"
        yield from below(world, other, seen, indented)
