"""The words that Flux' kustomize-controller obeys on an object, as a label or as an annotation.

Source: fluxcd.io/flux/components/kustomize/kustomizations; upper and lower case are one to it.
"""

from checks.gitops_tree import FLUX, Placed
from checks.tree.model import Kustomization, Tree, mapping


def word(tree: Tree, item: Placed, key: str) -> str:
    """What an object is told of `force`, `prune`, `reconcile` or `ssa`; empty for nothing."""
    by = brings(tree, item)
    common = mapping(by.spec, "commonMetadata") if by else {}
    metadata = mapping(item.document, "metadata")
    for place in (common, metadata):
        for held in ("labels", "annotations"):
            found = mapping(place, held).get(f"{FLUX}/{key}")
            if found:
                return str(found).lower()
    return ""


def brings(tree: Tree, item: Placed) -> Kustomization | None:
    """The Kustomization that an object comes with; None for the program's root."""
    return next((one for one in tree.kustomizations if one.name == item.brought_by), None)
