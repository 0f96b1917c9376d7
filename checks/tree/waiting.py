"""What waits for what in a tree, and what may come into being there without standing in it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from checks.gitops_tree import Placed
from checks.ownership import SOURCES
from checks.tree.load import here
from checks.tree.model import HelmRelease, Tree, mapping

Key = tuple[str, str, str, str]
FLUX_DOMAIN = "toolkit.fluxcd.io"
# Kubernetes' own kinds of which a chart or an operator is the only other maker.
BUILT_IN: Mapping[str, frozenset[str]] = {
    "apps": frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"}),
    "batch": frozenset({"Job", "CronJob"}),
}
LASTING = frozenset({"Deployment", "StatefulSet", "DaemonSet", "CronJob"})
# Groups whose objects make no workload; of any other, an operator may make what it likes.
MAKE_NONE = frozenset(
    {
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "bitnami.com",
        "cert-manager.io",
        "cilium.io",
        "external-secrets.io",
        "metallb.io",
        "networking.k8s.io",
        "rbac.authorization.k8s.io",
        "scheduling.k8s.io",
        "snapshot.storage.k8s.io",
        "storage.k8s.io",
    }
)


@dataclass(frozen=True)
class Waiting:
    """The order of one tree."""

    tree: Tree

    @cached_property
    def after(self) -> Mapping[str, frozenset[str]]:
        """All that each Kustomization waits for, by name, however far away."""
        direct = {
            one.name: [name for _, name in one.depends_on] for one in self.tree.kustomizations
        }
        return {name: frozenset(reached(name, direct)) for name in direct}

    @cached_property
    def objects(self) -> Mapping[Key, Placed]:
        """Every object by group, kind, namespace and name."""
        return {(i.group, i.kind, i.namespace, i.name): i for i in self.tree.objects}

    @cached_property
    def releases(self) -> Mapping[tuple[str, str], HelmRelease]:
        """Every HelmRelease by namespace and name."""
        return {(one.namespace, one.name): one for one in self.tree.releases}

    def named(self, group: str, reference: Mapping[str, Any]) -> Placed | None:
        """The object that a reference names; one without a namespace is found in any."""
        kind, name = str(reference.get("kind")), str(reference.get("name"))
        if reference.get("namespace"):
            return self.objects.get((group, kind, str(reference["namespace"]), name))
        alike = (i for k, i in self.objects.items() if (k[0], k[1], k[3]) == (group, kind, name))
        return next(alike, None)

    def needs(self, item: Placed) -> Iterator[Placed]:
        """What a HelmRelease wants before it begins: other releases and its chart's source."""
        first = self.releases.get((item.namespace, item.name))
        waiting = [first] if first and first.item.kind == item.kind else []
        seen: list[HelmRelease] = []
        while waiting:
            one = waiting.pop(0)
            seen.append(one)
            source = mapping(one.chart_spec, "sourceRef") or mapping(one.spec, "chartRef")
            found = self.named(SOURCES, {"namespace": one.namespace, **source})
            if found:
                yield found
            following = [self.releases[key] for key in one.depends_on if key in self.releases]
            yield from (other.item for other in following)
            waiting += [other for other in following if other not in seen]

    def made_elsewhere(self, group: str, kind: str, namespace: str) -> bool:
        """Whether there may be objects of a kind in a namespace that do not stand in the tree."""
        if not self.all_seen:
            return True
        if group.endswith(FLUX_DOMAIN):
            return False
        if kind not in LASTING or namespace in {"", "kube-system"}:
            return True
        charts = {one.release[0] for one in self.tree.releases}
        charts |= {one.namespace for one in self.tree.owned.releases}
        return namespace in charts or any(
            item.namespace in {"", namespace} for item in self.tree.objects if operated(item)
        )

    @cached_property
    def all_seen(self) -> bool:
        """Whether all that Flux brings stands in this repository."""
        return all(here(one.item) for one in self.tree.kustomizations) and not any(
            item.kind == "ResourceSet" for item in self.tree.objects
        )


def operated(item: Placed) -> bool:
    """Whether an operator may make other objects of this one."""
    custom = "." in item.group and not item.group.endswith(FLUX_DOMAIN)
    return custom and item.group not in MAKE_NONE


def reached(start: str, direct: Mapping[str, Iterable[str]]) -> set[str]:
    """All that can be reached from a name."""
    found: set[str] = set()
    waiting = list(direct.get(start, ()))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += direct.get(name, ())
    return found
