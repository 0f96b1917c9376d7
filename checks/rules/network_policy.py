"""Namespaces with pods and without a network policy.

A pod in the node's network is none that a policy reaches. What charts bring is seen only where a
HelmRelease's values switch a `networkPolicy` on. `kube-system` is Kubernetes' own, and Flux brings
the policies of `flux-system`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from checks.finding import Finding, Rule
from checks.tree.model import Tree, View

NAME = "network-policy"
EXEMPT = {"kube-system", "flux-system", ""}
POLICIES = ("NetworkPolicy", "CiliumNetworkPolicy")


def find(tree: Tree) -> Iterator[Finding]:
    """One finding for each namespace, at what is first put into it."""
    closed = {one.namespace for one in tree.of(*POLICIES)} | {
        one.release[0] for one in tree.releases if brings_policy(one.values)
    }
    if any(everywhere(one) for one in tree.of("CiliumClusterwideNetworkPolicy")):
        return
    first: dict[str, View] = {}
    for namespace, one in sorted(inhabitants(tree), key=lambda pair: pair[1].item.place):
        if namespace not in closed | EXEMPT:
            first.setdefault(namespace, one)
    for namespace, one in sorted(first.items()):
        yield one.finding(
            NAME,
            f"{one.item.kind} {one.name} has its pods in {namespace}, for which the tree has no "
            "NetworkPolicy: every pod of the cluster reaches them, and they reach everything",
            f"add a NetworkPolicy with `podSelector: {{}}` to {namespace} that names what goes in "
            "and out",
            "metadata",
        )


def inhabitants(tree: Tree) -> Iterator[tuple[str, View]]:
    """Each namespace that pods come into, and by what."""
    for workload in tree.workloads:
        if workload.pod.get("hostNetwork") is not True:
            yield workload.namespace, workload
    for release in tree.releases:
        yield release.release[0], release


def brings_policy(values: Any) -> bool:
    """Whether values switch on a network policy of the chart's own."""
    if not isinstance(values, Mapping):
        return False
    return any(
        (
            key in {"networkPolicy", "networkPolicies"}
            and isinstance(value, Mapping)
            and value.get("enabled") is True
        )
        or brings_policy(value)
        for key, value in values.items()
    )


def everywhere(policy: View) -> bool:
    """Whether Cilium holds every pod to it."""
    return policy.spec.get("endpointSelector") == {}


RULE = Rule(
    name=NAME,
    forbids="a namespace with pods and without a network policy",
    outage="without one, whoever takes over a single pod talks to every database, every "
    "controller's API and the router of the house",
    find=find,
)
