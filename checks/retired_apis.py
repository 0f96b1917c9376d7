"""Versions of well-known APIs that are served no more, and what is served in their place.

For kinds whose definition is not at hand: Kubernetes' own, and those of vendors whose definitions
nobody loaded. A definition that is at hand says more than this table.
"""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Retired:
    """One version of a group; `kinds` empty means every kind, `since` is the release without it."""

    version: str
    since: str
    instead: str
    kinds: frozenset[str] = frozenset()


def kubernetes(release: str, version: str, instead: str, kinds: str) -> Retired:
    """A row of Kubernetes' own."""
    since = f"Kubernetes {release}"
    return Retired(version=version, since=since, instead=instead, kinds=frozenset(kinds.split()))


ADMISSION = "admissionregistration.k8s.io"
RBAC = "rbac.authorization.k8s.io"
SCALER = "HorizontalPodAutoscaler"
WORKLOADS = "DaemonSet Deployment ReplicaSet StatefulSet"
# From Kubernetes' own guide of what it removed, reference/using-api/deprecation-guide.
KUBERNETES = (
    kubernetes("1.16", "extensions/v1beta1", "apps/v1", WORKLOADS),
    kubernetes("1.16", "apps/v1beta1", "apps/v1", WORKLOADS),
    kubernetes("1.16", "apps/v1beta2", "apps/v1", WORKLOADS),
    kubernetes("1.16", "extensions/v1beta1", "networking.k8s.io/v1", "NetworkPolicy"),
    kubernetes(
        "1.22",
        f"{ADMISSION}/v1beta1",
        f"{ADMISSION}/v1",
        "MutatingWebhookConfiguration ValidatingWebhookConfiguration",
    ),
    kubernetes(
        "1.22",
        "apiextensions.k8s.io/v1beta1",
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
    ),
    kubernetes("1.22", "apiregistration.k8s.io/v1beta1", "apiregistration.k8s.io/v1", "APIService"),
    kubernetes("1.22", "coordination.k8s.io/v1beta1", "coordination.k8s.io/v1", "Lease"),
    kubernetes("1.22", "extensions/v1beta1", "networking.k8s.io/v1", "Ingress"),
    kubernetes("1.22", "networking.k8s.io/v1beta1", "networking.k8s.io/v1", "Ingress IngressClass"),
    kubernetes(
        "1.22", f"{RBAC}/v1beta1", f"{RBAC}/v1", "ClusterRole ClusterRoleBinding Role RoleBinding"
    ),
    kubernetes("1.22", "scheduling.k8s.io/v1beta1", "scheduling.k8s.io/v1", "PriorityClass"),
    kubernetes(
        "1.22",
        "storage.k8s.io/v1beta1",
        "storage.k8s.io/v1",
        "CSIDriver CSINode StorageClass VolumeAttachment",
    ),
    kubernetes("1.25", "batch/v1beta1", "batch/v1", "CronJob"),
    kubernetes("1.25", "discovery.k8s.io/v1beta1", "discovery.k8s.io/v1", "EndpointSlice"),
    kubernetes("1.25", "autoscaling/v2beta1", "autoscaling/v2", SCALER),
    kubernetes("1.25", "policy/v1beta1", "policy/v1", "PodDisruptionBudget"),
    kubernetes("1.25", "policy/v1beta1", "the namespace's PodSecurity labels", "PodSecurityPolicy"),
    kubernetes("1.25", "node.k8s.io/v1beta1", "node.k8s.io/v1", "RuntimeClass"),
    kubernetes("1.26", "autoscaling/v2beta2", "autoscaling/v2", SCALER),
    kubernetes("1.27", "storage.k8s.io/v1beta1", "storage.k8s.io/v1", "CSIStorageCapacity"),
    *(
        kubernetes(
            release,
            f"flowcontrol.apiserver.k8s.io/{version}",
            "flowcontrol.apiserver.k8s.io/v1",
            "FlowSchema PriorityLevelConfiguration",
        )
        for release, version in (("1.26", "v1beta1"), ("1.29", "v1beta2"), ("1.32", "v1beta3"))
    ),
)
# Source: the controllers' changelogs, github.com/fluxcd: 2.7 has kustomize- and source-controller
# 1.7 and helm-controller 1.4, 2.8 has 1.8 and 1.5.
FLUX = tuple(
    Retired(
        version=f"{group}.toolkit.fluxcd.io/{version}",
        since=f"Flux {release}",
        instead=f"{group}.toolkit.fluxcd.io/{instead}",
    )
    for group, instead, versions in (
        ("kustomize", "v1", ("v1beta1", "v1beta2")),
        ("source", "v1", ("v1beta1", "v1beta2")),
        ("helm", "v2", ("v2beta1", "v2beta2")),
    )
    for release, version in zip(("2.7", "2.8"), versions, strict=True)
)
# Source: github.com/external-secrets/external-secrets/releases/tag/v0.17.0
OTHERS = (
    Retired(
        version="external-secrets.io/v1beta1",
        since="external-secrets 0.17",
        instead="external-secrets.io/v1",
    ),
)


def retired(version: str, kind: str) -> Iterator[Retired]:
    """What is known of a kind in a version."""
    for row in (*KUBERNETES, *FLUX, *OTHERS):
        if row.version == version and (not row.kinds or kind in row.kinds):
            yield row
