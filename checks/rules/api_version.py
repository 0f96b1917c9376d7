"""An object in a version of its kind that the cluster does not serve.

What is served stands in the kind's definition, of the vendor's version that the tree installs or
of the tree itself; where none is at hand, the well-known versions that are gone are.
"""

from collections.abc import Iterator

from checks.finding import Finding, Rule
from checks.gitops_tree import Placed
from checks.retired_apis import retired
from checks.tree.model import Tree, finding

NAME = "api-version"


def find(tree: Tree) -> Iterator[Finding]:
    """One finding for each object."""
    for item in tree.objects:
        version = str(item.document.get("apiVersion", ""))
        for reason, instead in gone(tree, item, version):
            yield finding(
                item,
                NAME,
                f"{item.kind} {item.name} is of {version}, {reason}; Flux applies nothing of "
                f"Kustomization {item.brought_by} while it is in there",
                f"write it as {instead}, and look through its fields: they may have changed too",
                "apiVersion",
            )


def gone(tree: Tree, item: Placed, version: str) -> Iterator[tuple[str, str]]:
    """Why a version is not served, and what is."""
    known = tree.definitions.get((item.group, item.kind))
    if known is None:
        for row in retired(version, item.kind):
            yield f"which {row.since} serves no more", row.instead
    elif version.rpartition("/")[2] not in known.versions:
        served = " or ".join(f"{item.group}/{name}" for name in known.versions)
        yield f"which its definition ({known.source}) does not serve", served or "another kind"


RULE = Rule(
    name=NAME,
    forbids="an object in a version of its kind that is not served",
    outage="an ExternalSecret stood in `external-secrets.io/v1beta1` where the operator served "
    "only v1: no matches for its kind, and nothing of its Kustomization was applied",
    find=find,
)
