"""A `dependsOn` that names what no cluster will ever have."""

from collections.abc import Iterator

from checks.finding import Finding, Rule
from checks.tree.model import Tree
from checks.wording import did_you_mean

NAME = "dependency-missing"


def find(tree: Tree) -> Iterator[Finding]:
    """One finding for each name that is not there."""
    for kind in (tree.kustomizations, tree.releases):
        known = {(one.namespace, one.name) for one in kind}
        for one in kind:
            for number, (namespace, name) in enumerate(one.depends_on):
                if (namespace, name) in known:
                    continue
                question = did_you_mean(name, (other for _, other in known))
                yield one.finding(
                    NAME,
                    f"{one.item.kind} {one.name} waits for {namespace}/{name}, which this cluster "
                    f"does not have{question}",
                    "correct the name, or put what it names into the cluster's tree",
                    *("spec", "dependsOn", number, "name"),
                )


RULE = Rule(
    name=NAME,
    forbids="a `dependsOn` of something that is not in the cluster's tree",
    outage="a component was taken out to free what waited for it; whatever still names such a one "
    "waits for ever, and only the cluster says so",
    find=find,
)
