"""What goes wrong before there is a tree to judge: it was found while loading, and is told here."""

from collections.abc import Callable, Iterator

from checks.finding import Finding, Rule
from checks.tree.load import BUILD, PATH, UNDEFINED
from checks.tree.model import Tree


def told(name: str) -> Callable[[Tree], Iterator[Finding]]:
    """What was wrong with loading a tree, of one kind."""
    return lambda tree: (one for one in tree.problems if one.rule == name)


RULES = (
    Rule(
        name=BUILD,
        forbids="a folder that kustomize cannot build",
        outage="Flux stays at the last revision that could be built, and only the cluster says so",
        find=told(BUILD),
    ),
    Rule(
        name=PATH,
        forbids="a Kustomization whose folder is not in the repository",
        outage="a folder that moved away from what points to it: all of it stays as it was",
        find=told(PATH),
    ),
    Rule(
        name=UNDEFINED,
        forbids="a variable that neither the stack's settings nor the Kustomization gives",
        outage="Flux puts nothing in the place of a variable that nobody gives, and goes on",
        find=told(UNDEFINED),
    ),
)
