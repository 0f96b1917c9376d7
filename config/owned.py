"""What the program makes inside the cluster, by name: the half of "who owns what" that is ours.

Types alone; `stacks.owned` fills the list from a stack's facts, and `checks.ownership` holds it
against the GitOps tree. An object that two make is undone by each of them in turn.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class OwnedObject:
    """A Kubernetes object; `namespace` is empty for what has none."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """`Secret flux-system/flux-deploy-key`, `Namespace flux-system`."""
        return f"{self.kind} {'/'.join(filter(None, (self.namespace, self.name)))}"


@dataclass(frozen=True, kw_only=True)
class OwnedRelease:
    """A Helm release, and the name of its chart."""

    namespace: str
    name: str
    chart: str

    def __str__(self) -> str:
        """`Helm release kube-system/cilium`."""
        return f"Helm release {self.namespace}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class Owned:
    """All that the program makes inside a cluster."""

    objects: tuple[OwnedObject, ...]
    releases: tuple[OwnedRelease, ...]
