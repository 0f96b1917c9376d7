"""Who owns what: nothing in the cluster is made by the program and by Flux, nor by Flux twice.

Asked before every run, because the outcome is the worst there is: Flux updates a Cilium that it
does not own, the nodes lose the network they need to pull the images that would restore it, and
Flux is among those who cannot. It reads files alone; what charts bring besides their release is
seen only by its chart's name.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from checks.gitops_tree import Placed, Reader, TreeError
from checks.wording import titled
from config.owned import Owned, OwnedObject, OwnedRelease

HELM = "helm.toolkit.fluxcd.io"
SOURCES = "source.toolkit.fluxcd.io"


def problem(root: Path, path: str, ours: Owned, values: Mapping[str, str]) -> str | None:
    """What to say of a tree in which anything has two owners; None where each has one.

    `root` is the repository, `path` the cluster's folder as Flux is told it. A tree that is not in
    this repository cannot be asked: that is no problem here.
    """
    if not (root / path).is_dir():
        return None
    try:
        tree = Reader(root=root, values=values).cluster(path)
    except TreeError as error:
        return f"the GitOps tree cannot be read: {error}"
    found = [str(one) for one in twice(tree, ours)]
    if not found:
        return None
    count = f"{len(found)} {'thing' if len(found) == 1 else 'things'}"
    return "\n".join([f"{count} in the cluster would have two owners:", *found])


@dataclass(frozen=True, kw_only=True)
class Twice:
    """One thing that two make: `item` is one of the places, `owners` names all of them.

    `ours` says that the program is one of the two.
    """

    what: str
    owners: str
    reason: str
    item: Placed
    ours: bool

    @property
    def fix(self) -> str:
        """What to do."""
        return "take it out of the tree" if self.ours else "keep one"

    def __str__(self) -> str:
        """Both owners by their places, why it matters, what to do."""
        end = f". {self.fix.capitalize()}" if self.ours else f": {self.fix}"
        return f"  {self.what}: {self.owners}.\n    {self.reason}{end}."


def twice(tree: Sequence[Placed], ours: Owned) -> Iterator[Twice]:
    """All that has two owners."""
    yield from twice_by_us_and_flux(tree, ours)
    yield from twice_by_flux(tree)


def twice_by_us_and_flux(tree: Sequence[Placed], ours: Owned) -> Iterator[Twice]:
    """What the program makes, and the tree too."""
    objects = {identity(item): item for item in ours.objects}
    charts = {item.chart: item for item in ours.releases}
    releases = {(item.namespace, item.name): item for item in ours.releases}
    for item in tree:
        mine = objects.get(identity(item))
        if mine is not None:
            yield by_both(mine, item, "One undoes what the other did, for ever")
        if is_release(item):
            release = releases.get(release_of(item)) or charts.get(chart_of(item, tree))
            if release is not None:
                yield by_both(release, item, because(release))


def by_both(mine: OwnedObject | OwnedRelease, item: Placed, reason: str) -> Twice:
    """One thing that the program makes, and a place of the tree too."""
    owners = (
        f"made by this program, and by {item.kind} {item.name} in {item.place} "
        f"(Kustomization {item.brought_by})"
    )
    return Twice(what=str(mine), owners=owners, reason=reason, item=item, ours=True)


def twice_by_flux(tree: Sequence[Placed]) -> Iterator[Twice]:
    """What two places of the tree make."""
    seen: dict[tuple[str, ...], list[Placed]] = defaultdict(list)
    for item in tree:
        seen[identity(item)].append(item)
        if is_release(item):
            seen[("release", *release_of(item))].append(item)
    for key, items in seen.items():
        if len(items) > 1 and not (key[0] == "release" and same_object(items)):
            yield Twice(
                what=titled(items[0].kind, *key[-2:]),
                owners=places(items),
                reason="Each of them prunes and changes what the other made",
                item=items[-1],
                ours=False,
            )


def places(items: Iterable[Placed]) -> str:
    """Where some objects stand, and who brings them."""
    return " and ".join(f"{item.place} ({item.brought_by})" for item in items)


def same_object(items: Iterable[Placed]) -> bool:
    """Whether these are one object, which is told as such."""
    return len({(item.namespace, item.name) for item in items}) == 1


def identity(item: OwnedObject | Placed) -> tuple[str, str, str, str]:
    """What makes an object this one, whatever the version of its API."""
    return (item.group, item.kind, item.namespace, item.name)


def is_release(item: Placed) -> bool:
    """Whether Flux installs a chart for it."""
    return item.group == HELM and item.kind == "HelmRelease"


def release_of(item: Placed) -> tuple[str, str]:
    """Namespace and name of the Helm release, by Flux' rules.

    Source: fluxcd.io/flux/components/helm/helmreleases, "Release name" and "Target namespace".
    """
    target = item.spec.get("targetNamespace")
    default = f"{target}-{item.name}" if target else item.name
    return str(target or item.namespace), str(item.spec.get("releaseName") or default)


def chart_of(item: Placed, tree: Iterable[Placed]) -> str:
    """The name of its chart, however it is referred to; empty when it cannot be told."""
    chart = item.spec.get("chart")
    if isinstance(chart, Mapping) and isinstance(chart.get("spec"), Mapping):
        return str(chart["spec"].get("chart", "")).rstrip("/").rpartition("/")[2]
    reference = item.spec.get("chartRef")
    if not isinstance(reference, Mapping):
        return ""
    wanted = (
        reference.get("kind"),
        reference.get("namespace") or item.namespace,
        reference.get("name"),
    )
    urls = (
        str(source.spec.get("url", "")) + str(source.spec.get("chart", ""))
        for source in tree
        if source.group == SOURCES and (source.kind, source.namespace, source.name) == wanted
    )
    return next(urls, "").rstrip("/").rpartition("/")[2]


def because(release: OwnedRelease) -> str:
    """Why a release must not be Flux's as well."""
    if release.chart == "cilium":
        return (
            "When Flux updates Cilium the nodes lose the network they need to pull the images that "
            "restore it, and Flux cannot come back to mend it. Its policies, pools and dashboards "
            "may stay"
        )
    return "Each run of one undoes the values of the other"
