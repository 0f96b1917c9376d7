"""Kustomizations, or HelmReleases, that wait for each other."""

from collections.abc import Iterator, Mapping, Sequence

from checks.finding import Finding, Rule
from checks.tree.model import HelmRelease, Kustomization, Tree

NAME = "dependency-cycle"


def find(tree: Tree) -> Iterator[Finding]:
    """One finding for each ring, at its first member by name."""
    for kind in (tree.kustomizations, tree.releases):
        members: dict[tuple[str, str], Kustomization | HelmRelease] = {
            (one.namespace, one.name): one for one in kind
        }
        waits = {key: one.depends_on for key, one in members.items()}
        told: set[frozenset[tuple[str, str]]] = set()
        for start in sorted(members):
            ring = ring_through(start, waits)
            if ring and frozenset(ring) not in told:
                told.add(frozenset(ring))
                way = " -> ".join(name for _, name in (*ring, start))
                number = waits[start].index((*ring, start)[1])
                yield members[start].finding(
                    NAME,
                    f"these wait for each other, so none of them ever begins: {way}",
                    "take one `dependsOn` of the ring away",
                    *("spec", "dependsOn", number),
                )


def ring_through(
    start: tuple[str, str], waits: Mapping[tuple[str, str], Sequence[tuple[str, str]]]
) -> tuple[tuple[str, str], ...]:
    """The shortest way from one back to itself; empty where there is none."""
    ways: list[tuple[tuple[str, str], ...]] = [(start,)]
    seen: set[tuple[str, str]] = set()
    for way in ways:
        for following in waits.get(way[-1], ()):
            if following == start:
                return way
            if following not in seen:
                seen.add(following)
                ways.append((*way, following))
    return ()


RULE = Rule(
    name=NAME,
    forbids="a ring of `dependsOn`, of Kustomizations or of HelmReleases",
    outage="the ingress controllers waited for monitoring, Authentik for them, and monitoring for "
    "what they would have made: nothing of it was ever reconciled",
    find=find,
)
