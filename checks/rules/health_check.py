"""A Kustomization that waits for the health of what can never be healthy before it is done."""

from collections.abc import Iterator, Mapping
from typing import Any

from checks.finding import Finding, Rule
from checks.gitops_tree import FLUX, Placed
from checks.tree.model import Kustomization, Tree
from checks.tree.waiting import BUILT_IN, FLUX_DOMAIN, Waiting
from checks.wording import did_you_mean, titled

NAME = "health-check"


def find(tree: Tree) -> Iterator[Finding]:
    """One finding for each health check, or for each thing that `wait` waits for in vain."""
    order = Waiting(tree)
    for one in tree.kustomizations:
        if one.spec.get("kubeConfig"):
            continue
        # With `wait` Flux looks at all that it brought, and no longer at `healthChecks`.
        if one.spec.get("wait"):
            for item in tree.brought_by(one.name):
                yield from deadlock(one, item, order, "spec", "wait")
            continue
        for number, check in enumerate(one.health_checks):
            yield from judged(one, check, order, "spec", "healthChecks", number)


def judged(
    one: Kustomization, check: Mapping[str, Any], order: Waiting, *path: str | int
) -> Iterator[Finding]:
    """What is wrong with one of the `healthChecks`."""
    # Flux reads a check without a version as one of apps/v1.
    version = str(check.get("apiVersion") or "apps/v1")
    group, kind = version.rpartition("/")[0], str(check.get("kind"))
    told = f"Kustomization {one.name} waits for {called(check)}"
    right = group_of(kind, order.tree)
    if lacks(group, kind, order.tree):
        said = "as" if check.get("apiVersion") else "without an `apiVersion`, which means"
        yield one.finding(
            NAME,
            f"{told} {said} {version}, where there is no such kind",
            f"{kind} is of {right}" if right else "correct `apiVersion` and `kind`",
            *path,
            "kind",
        )
        return
    item = order.named(group, check)
    if item:
        yield from deadlock(one, item, order, *path)
    elif not missing_is_possible(group, kind, check, order):
        names = [key[3] for key in order.objects if key[:2] == (group, kind)]
        question = did_you_mean(str(check.get("name")), names)
        yield one.finding(
            NAME,
            f"{told}, which nothing in this cluster's tree brings{question}",
            "correct the check, or take it out",
            *path,
            "name",
        )


def missing_is_possible(group: str, kind: str, check: Mapping[str, Any], order: Waiting) -> bool:
    """Whether what does not stand in the tree may be there all the same."""
    namespace = str(check.get("namespace") or "")
    key = (group, kind, namespace, str(check.get("name")))
    ours = {(i.group, i.kind, i.namespace, i.name) for i in order.tree.owned.objects}
    return key in ours or order.made_elsewhere(group, kind, namespace)


def deadlock(
    one: Kustomization, item: Placed, order: Waiting, *path: str | int
) -> Iterator[Finding]:
    """A finding where something comes only after the Kustomization that waits for it."""
    for needed, by in needs(item, order):
        if by != one.name and one.name in order.after.get(by, ()):
            way = "" if needed is item else f", which needs {shown(needed)}"
            of = "" if by == needed.name and needed.kind == "Kustomization" else f" of {by}"
            yield one.finding(
                NAME,
                f"Kustomization {one.name} waits for {shown(item)}{way}{of}, and {by} waits for "
                f"{one.name}: neither ever goes on",
                f"take the `dependsOn` of {by} away, or do not wait for it here",
                *path,
            )
            return


def needs(item: Placed, order: Waiting) -> Iterator[tuple[Placed, str]]:
    """What has to be there for an object to be healthy, each with the Kustomization of it."""
    yield item, item.brought_by
    if item.group == FLUX and item.kind == "Kustomization":
        yield item, item.name
    if item.kind == "HelmRelease":
        for needed in order.needs(item):
            yield needed, needed.brought_by


def shown(item: Placed) -> str:
    """`HelmRelease web/website`."""
    return titled(item.kind, item.namespace, item.name)


def called(check: Mapping[str, Any]) -> str:
    """The same, of a check."""
    namespace, name = (str(check.get(key) or "") for key in ("namespace", "name"))
    return titled(str(check.get("kind")), namespace, name)


def lacks(group: str, kind: str, tree: Tree) -> bool:
    """Whether a group is known, and known not to have a kind."""
    if group in BUILT_IN:
        return kind not in BUILT_IN[group]
    if group == "":
        return bool(group_of(kind, tree))
    known = {own for held, own in tree.definitions if held == group}
    return group.endswith(FLUX_DOMAIN) and bool(known) and kind not in known


def group_of(kind: str, tree: Tree) -> str:
    """The group of a kind of Kubernetes' workloads or of Flux; empty for any other."""
    built_in = (f"{group}/v1" for group, kinds in BUILT_IN.items() if kind in kinds)
    flux = (g for g, own in tree.definitions if own == kind and g.endswith(FLUX_DOMAIN))
    return next(built_in, "") or next(flux, "")


RULE = Rule(
    name=NAME,
    forbids="a Kustomization that waits for what is not there, for a kind that is not, or for what "
    "comes only after it",
    outage="health checks waited for objects that were to be made again only after them; they had "
    "to be switched off before anything moved",
    find=find,
)
