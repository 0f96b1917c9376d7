"""A Service that no pool of addresses takes."""

from collections.abc import Iterator, Sequence
from typing import Any

from checks.finding import Finding, Rule
from checks.tree.balancers import CILIUM, METALLB, Balanced, Pool, balanced, pools
from checks.tree.model import Tree, mapping, sequence
from checks.wording import did_you_mean

NAME = "pool-selector"


def find(tree: Tree) -> Iterator[Finding]:
    """One finding for each Service, in a tree that has pools."""
    known = pools(tree)
    for one in balanced(tree) if known else ():
        if not any(pool.takes(one) for pool in known):
            yield nothing_for(one, known)


def nothing_for(one: Balanced, known: Sequence[Pool]) -> Finding:
    """What to say of a Service without a pool."""
    key, asked = one.pool
    names = [pool.name for pool in known if pool.item.group == METALLB]
    if asked and names and asked not in names:
        question = did_you_mean(asked, names)
        way = ("metadata",) if one.name else one.path
        return one.finding(
            NAME,
            f"{one.told} asks for the pool {asked}, which there is not{question}",
            f"name one that there is: {', '.join(names)}",
            *(*way, "annotations", key),
        )
    wants = "; ".join(f"{pool.name} {wanted(pool)}" for pool in known)
    return one.finding(
        NAME,
        f"{one.told} gets no address, for no pool takes it: {wants}{only_annotated(one, known)}",
        "give the Service what one of the pools wants",
    )


def wanted(pool: Pool) -> str:
    """What a pool takes, in words."""
    spec = pool.item.spec
    if pool.item.group == CILIUM:
        if spec.get("disabled"):
            return "is disabled"
        return f"wants the labels {labels_of(mapping(spec, 'serviceSelector'))}"
    limits = mapping(spec, "serviceAllocation")
    words = [] if spec.get("autoAssign", True) else ["is for who asks by `metallb.io/address-pool`"]
    if limits.get("namespaces") or limits.get("namespaceSelectors"):
        named = [*(limits.get("namespaces") or [])]
        chosen = [labels_of(one) for one in sequence(limits, "namespaceSelectors")]
        words.append(f"is for the namespaces {', '.join([*named, *chosen])}")
    if selectors := sequence(limits, "serviceSelectors"):
        words.append(f"wants the labels {' or '.join(labels_of(one) for one in selectors)}")
    return " and ".join(words) or "takes what asks for no other pool"


def labels_of(selector: Any) -> str:
    """A selector in words."""
    plain = [f"{key}={value}" for key, value in mapping(selector, "matchLabels").items()]
    terms = [
        " ".join(
            [str(term.get("key")), str(term.get("operator")), *map(str, term.get("values") or [])]
        )
        for term in sequence(selector, "matchExpressions")
    ]
    return ", ".join([*plain, *terms])


def only_annotated(one: Balanced, known: Sequence[Pool]) -> str:
    """Said of a Service that has as an annotation what a pool wants as a label."""
    keys = {
        key
        for pool in known
        for key in mapping(pool.item.spec, "serviceSelector", "matchLabels")
        if key in one.annotations and key not in one.labels
    }
    if not keys:
        return ""
    return f"; it has {', '.join(sorted(keys))} as an annotation, which does nothing"


RULE = Rule(
    name=NAME,
    forbids="a Service of type LoadBalancer that no pool of addresses takes",
    outage="the pool wanted the label `io.cilium/lb-ipam-pool: bgp-default`, the Services of "
    "monitoring had it as an annotation: none of them had an address, and nobody reached them",
    find=find,
)
