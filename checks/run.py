"""Asks every rule of every tree; knows no rule by its name."""

from collections.abc import Collection, Iterable

from checks.finding import Finding
from checks.rules import RULES
from checks.tree.model import Tree


def findings(trees: Iterable[Tree], without: Collection[str]) -> list[Finding]:
    """What is wrong with some clusters, by place; a mistake that several share is told once."""
    found = {
        one
        for tree in trees
        for rule in RULES
        if rule.name not in without
        for one in rule.find(tree)
    }
    return sorted(found)
