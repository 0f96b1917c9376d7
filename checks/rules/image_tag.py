"""Containers that say nothing of which version they run.

Of what charts make, only a `tag: latest` beside a `repository` in a HelmRelease's values is seen.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from checks.finding import Finding, Rule
from checks.gitops_tree import VARIABLE
from checks.images import parsed
from checks.tree.model import Tree

NAME = "image-tag"
FIX = "name the version that runs today, and let Renovate raise it"
Path = tuple[str | int, ...]


def find(tree: Tree) -> Iterator[Finding]:
    """One finding for each container."""
    for workload in tree.workloads:
        for container, path in workload.containers:
            text = str(container.get("image") or "")
            image = parsed(text)
            if not text or image.digest or VARIABLE.search(text):
                continue
            if image.tag in {"", "latest"}:
                said = "says no tag, which means `latest`" if not image.tag else "says `latest`"
                yield workload.finding(
                    NAME,
                    f"container {container.get('name')} of {workload.item.kind} {workload.name} "
                    f"runs {text}, which {said}: {WHAT}",
                    FIX,
                    *path,
                    "image",
                )
    for release in tree.releases:
        for found, path in images(release.values, ("spec", "values")):
            yield release.finding(
                NAME,
                f"HelmRelease {release.name} has its chart run {found['repository']} by the tag "
                f"`latest`: {WHAT}",
                FIX,
                *path,
                "tag",
            )


def images(found: Any, path: Path) -> Iterator[tuple[Mapping[str, Any], Path]]:
    """Values that name an image by `latest`, as charts are told of images, with their path."""
    if isinstance(found, Mapping):
        named = isinstance(found.get("repository"), str) and found.get("tag") == "latest"
        if named and not found.get("digest"):
            yield found, path
        for key, value in found.items():
            yield from images(value, (*path, str(key)))
    elif isinstance(found, list):
        for number, value in enumerate(found):
            yield from images(value, (*path, number))


WHAT = "each node runs what it happened to pull, and there is no way back to the one before"
RULE = Rule(
    name=NAME,
    forbids="an image without a version",
    outage="a pod that moves to another node comes back as another version, at night, without any "
    "commit to revert",
    find=find,
)
