"""Data that Flux takes away together with what made it.

A claim or a database in a Kustomization that prunes, and the namespace of one that is to be kept:
with a namespace goes all that is in it.
"""

from collections.abc import Iterator

from checks.finding import Finding, Rule
from checks.gitops_tree import FLUX, Placed
from checks.tree.flux_words import brings, word
from checks.tree.model import Tree, finding

NAME = "kept-data"
KINDS = {("", "PersistentVolumeClaim"), ("postgresql.cnpg.io", "Cluster")}
FIX = f"annotate it with `{FLUX}/prune: disabled`"


def find(tree: Tree) -> Iterator[Finding]:
    """One finding for each claim or database, or for its namespace."""
    held = [item for item in tree.objects if (item.group, item.kind) in KINDS]
    for item in held:
        if pruned(tree, item):
            yield finding(
                item,
                NAME,
                f"{item.kind} {item.name} goes with its data when it leaves the tree, or when "
                f"Kustomization {item.brought_by} does: that one has `prune: true`",
                FIX,
                "metadata",
            )
    kept = {item.namespace: item for item in held if not pruned(tree, item)}
    for item in tree.objects:
        if item.kind == "Namespace" and item.name in kept and pruned(tree, item):
            inside = kept[item.name]
            yield finding(
                item,
                NAME,
                f"Namespace {item.name} goes when it leaves the tree, and with it "
                f"{inside.kind} {inside.name} ({inside.place}), which is to be kept",
                FIX,
                "metadata",
            )


def pruned(tree: Tree, item: Placed) -> bool:
    """Whether Flux deletes it when it leaves the tree; the program's root prunes nothing."""
    by = brings(tree, item)
    return (
        by is not None and by.spec.get("prune") is True and word(tree, item, "prune") != "disabled"
    )


RULE = Rule(
    name=NAME,
    forbids="data that is deleted when what made it leaves the tree",
    outage="a folder that is renamed, or a Kustomization that is split, is for Flux one that went "
    "and one that came: the claim went with it, and the volume after the claim",
    find=find,
)
