"""Every object of a cluster with who makes it: the program, a Kustomization, or a chart's release.

One line each, sorted, so that two of them can be compared. What a chart makes is not known here:
its release stands for it.
"""

from collections.abc import Iterator

from checks.tree.model import Tree
from checks.wording import titled

PROGRAM = "the program"


def owned(tree: Tree) -> list[str]:
    """`STACK KIND[.GROUP] [NAMESPACE/]NAME: WHO`, for the whole cluster."""
    return sorted(f"{tree.stack} {line}" for line in (*by_the_program(tree), *by_flux(tree)))


def by_the_program(tree: Tree) -> Iterator[str]:
    """What the program makes in the cluster, and the releases that it installs."""
    for one in tree.owned.objects:
        yield f"{told(one.group, one.kind, one.namespace, one.name)}: {PROGRAM}"
    for release in tree.owned.releases:
        name = f"{release.namespace}/{release.name}"
        yield f"release {name}: {PROGRAM}, chart {release.chart}"


def by_flux(tree: Tree) -> Iterator[str]:
    """What Kustomizations bring, and the releases of their HelmReleases."""
    for one in tree.objects:
        who = f"Kustomization {one.brought_by}, {one.place}"
        yield f"{told(one.group, one.kind, one.namespace, one.name)}: {who}"
    for release in tree.releases:
        namespace, name = release.release
        who = f"HelmRelease {release.namespace}/{release.name}, {release.item.place}"
        yield f"release {namespace}/{name}: {who}, chart {release.chart or 'unknown'}"


def told(group: str, kind: str, namespace: str, name: str) -> str:
    """An object in one word and its name."""
    return titled(".".join(filter(None, (kind, group))), namespace, name)
