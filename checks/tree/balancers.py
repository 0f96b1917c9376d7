"""Services that want an address from outside, and the pools that addresses come from.

Pools are Cilium's and MetalLB's. Services are those of the tree, and those that a HelmRelease's
values ask a chart for: of these only what the values say is known.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from checks.finding import Finding
from checks.gitops_tree import Placed
from checks.tree.model import HelmRelease, Tree, finding, mapping, sequence

Address = IPv4Address | IPv6Address
Span = tuple[Address, Address]
CILIUM, METALLB = "cilium.io", "metallb.io"
POOLS: Mapping[str, str] = {CILIUM: "CiliumLoadBalancerIPPool", METALLB: "IPAddressPool"}
SPECIAL = "io.kubernetes.service."
# Labels that charts put on their objects by themselves: nobody can tell here what they say.
CHARTS_OWN = re.compile(r"^(app$|release$|chart$|heritage$|component$|app\.|helm\.sh/)")
BY_NAME = ("metallb.io/address-pool", "metallb.universe.tf/address-pool")
CLASSES = ("io.cilium/bgp-control-plane", "io.cilium/l2-announcer")
BY_ADDRESS: Mapping[str, str] = {
    "lbipam.cilium.io/ips": CILIUM,
    "io.cilium/lb-ipam-ips": CILIUM,
    "metallb.io/loadBalancerIPs": METALLB,
    "metallb.universe.tf/loadBalancerIPs": METALLB,
}


@dataclass(frozen=True, kw_only=True)
class Balanced:
    """A Service of type LoadBalancer; `path` leads to it in its object, a Service or a HelmRelease.

    `name` is empty where a chart decides it.
    """

    item: Placed
    path: tuple[str | int, ...]
    namespace: str
    name: str
    spec: Mapping[str, Any]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    @property
    def told(self) -> str:
        """How a message calls it."""
        if self.name:
            return f"Service {self.namespace}/{self.name}"
        where = ".".join(map(str, self.path[1:]))
        return f"the Service of HelmRelease {self.item.name} ({where})"

    @property
    def pool(self) -> tuple[str, str]:
        """The annotation that asks MetalLB for a pool, and the pool; empty where none does."""
        return next(
            ((key, self.annotations[key]) for key in BY_NAME if key in self.annotations), ("", "")
        )

    @property
    def wishes(self) -> Iterator[tuple[str, str, tuple[str | int, ...]]]:
        """Addresses that it asks for: each with whom it asks (empty: anyone), and its path."""
        way = ("metadata",) if self.name else self.path
        for key, asked in BY_ADDRESS.items():
            for text in str(self.annotations.get(key, "")).split(","):
                yield text.strip(), asked, (*way, "annotations", key)
        way = ("spec",) if self.name else self.path
        yield str(self.spec.get("loadBalancerIP") or ""), "", (*way, "loadBalancerIP")

    def finding(self, rule: str, message: str, fix: str, *path: str | int) -> Finding:
        """A finding at a path of the object, or at the Service in it."""
        return finding(self.item, rule, message, fix, *(path or self.path))


@dataclass(frozen=True, kw_only=True)
class Pool:
    """A pool of addresses; `spans` are empty where they cannot be read."""

    item: Placed
    spans: tuple[Span, ...]
    namespaces: Mapping[str, Mapping[str, str]]

    @property
    def name(self) -> str:
        """Its name."""
        return self.item.name

    def holds(self, address: Address) -> bool:
        """Whether an address is one of its own."""
        return any(
            first.version == address.version and int(first) <= int(address) <= int(last)
            for first, last in self.spans
        )

    def takes(self, one: Balanced) -> bool:
        """Whether a Service may have an address of it."""
        if self.item.group == CILIUM:
            return not self.item.spec.get("disabled") and selects(
                mapping(self.item.spec, "serviceSelector"), one
            )
        _, asked = one.pool
        if asked:
            return asked == self.name and self._allocates(one)
        wishes = any(text for text, whom, _ in one.wishes if whom in {"", METALLB})
        return (wishes or self.item.spec.get("autoAssign", True)) and self._allocates(one)

    def _allocates(self, one: Balanced) -> bool:
        """MetalLB's `serviceAllocation`: one of the namespaces, and one of the selectors."""
        limits = mapping(self.item.spec, "serviceAllocation")
        named, chosen = limits.get("namespaces") or [], sequence(limits, "namespaceSelectors")
        labels = self.namespaces.get(one.namespace)
        inside = one.namespace in named or any(
            labels is None or matches(selector, labels) for selector in chosen
        )
        selectors = sequence(limits, "serviceSelectors")
        return (inside or not (named or chosen)) and (
            not selectors or any(selects(selector, one) for selector in selectors)
        )


def pools(tree: Tree) -> tuple[Pool, ...]:
    """Every pool of a tree."""
    namespaces = {view.name: view.labels for view in tree.of("Namespace")}
    return tuple(
        Pool(item=item, spans=tuple(spans(item)), namespaces=namespaces)
        for item in tree.objects
        if POOLS.get(item.group) == item.kind
    )


def spans(item: Placed) -> Iterator[Span]:
    """First and last address of each part of a pool; nothing at all where one cannot be read."""
    try:
        if item.group == CILIUM:
            texts = [
                block.get("cidr") or f"{block['start']}-{block.get('stop') or block['start']}"
                for block in sequence(item.spec, "blocks")
            ]
        else:
            texts = [str(text) for text in item.spec.get("addresses") or []]
        yield from [span(text) for text in texts]
    except (KeyError, ValueError):
        return


def span(text: str) -> Span:
    """`10.0.0.1-10.0.0.9` or `10.0.0.0/28`; raises ValueError."""
    first, dash, last = text.partition("-")
    if dash:
        return ip_address(first.strip()), ip_address(last.strip())
    net = ip_network(text.strip(), strict=False)
    return net[0], net[-1]


def selects(selector: Mapping[str, Any], one: Balanced) -> bool:
    """Whether a selector takes a Service; what only its chart knows counts as taken."""
    known = {**one.labels, f"{SPECIAL}namespace": one.namespace, f"{SPECIAL}name": one.name}
    if not one.name:
        keys = [*mapping(selector, "matchLabels"), *expressed(selector)]
        unknown = {key for key in keys if key == f"{SPECIAL}name" or CHARTS_OWN.match(key)}
        selector = {
            "matchLabels": without(mapping(selector, "matchLabels"), unknown),
            "matchExpressions": [
                term
                for term in sequence(selector, "matchExpressions")
                if term.get("key") not in unknown
            ],
        }
    return matches(selector, known)


def expressed(selector: Mapping[str, Any]) -> list[str]:
    """The keys of a selector's expressions."""
    return [str(term.get("key")) for term in sequence(selector, "matchExpressions")]


def without(labels: Mapping[str, str], keys: set[str]) -> dict[str, str]:
    """Some labels less than there are."""
    return {key: value for key, value in labels.items() if key not in keys}


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether labels are what a selector wants, by Kubernetes' rules."""
    wanted = mapping(selector, "matchLabels")
    return all(str(labels.get(key)) == str(value) for key, value in wanted.items()) and all(
        fits(term, labels) for term in sequence(selector, "matchExpressions")
    )


def fits(term: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """One expression of a selector."""
    there, values = term.get("key") in labels, [str(value) for value in term.get("values") or []]
    is_one = there and str(labels[str(term["key"])]) in values
    answers = {"In": is_one, "NotIn": not is_one, "Exists": there, "DoesNotExist": not there}
    return answers.get(str(term.get("operator")), False)


def balanced(tree: Tree) -> Iterator[Balanced]:
    """Every Service that wants an address of a pool, of the tree and of its charts' values."""
    common = {one.name: mapping(one.spec, "commonMetadata") for one in tree.kustomizations}
    for view in tree.of("Service"):
        if view.item.group == "" and view.spec.get("type") == "LoadBalancer" and pooled(view.spec):
            added = common.get(view.item.brought_by, {})
            yield Balanced(
                item=view.item,
                path=("spec", "type"),
                namespace=view.namespace,
                name=view.name,
                spec=view.spec,
                labels={**view.labels, **mapping(added, "labels")},
                annotations={**view.annotations, **mapping(added, "annotations")},
            )
    for release in tree.releases:
        # What changes a chart's objects from elsewhere may give them any label.
        if not (release.spec.get("postRenderers") or release.spec.get("valuesFrom")):
            yield from asked_for(release)


def pooled(spec: Mapping[str, Any]) -> bool:
    """Whether a Service leaves its address to a pool: a class of somebody else's does not."""
    wanted = str(spec.get("loadBalancerClass") or "")
    return wanted in {"", *CLASSES} or "metallb" in wanted


def asked_for(release: HelmRelease) -> Iterator[Balanced]:
    """Services that the values of a release ask its chart for."""
    for path, way in services((release.values,), ("spec", "values")):
        spec = way[-1]
        added = mapping(release.spec, "commonMetadata", "labels")
        labels = [
            found
            for one in way
            for key, found in one.items()
            if str(key).lower().endswith("labels") and isinstance(found, Mapping)
        ]
        if pooled(spec) and not any(one.get("enabled") is False for one in way):
            yield Balanced(
                item=release.item,
                path=path,
                namespace=release.release[0],
                name="",
                spec=spec,
                labels={key: value for one in (added, *labels) for key, value in one.items()},
                annotations=mapping(spec, "annotations"),
            )


def services(
    way: Sequence[Mapping[str, Any]], path: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], Sequence[Mapping[str, Any]]]]:
    """Whatever in values is a Service of type LoadBalancer: its path, and all that it stands in."""
    if way[-1].get("type") == "LoadBalancer" and any("service" in str(x).lower() for x in path):
        yield path, way
    for key, found in way[-1].items():
        if isinstance(found, Mapping):
            yield from services((*way, found), (*path, str(key)))
