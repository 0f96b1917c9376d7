"""What a Pulumi type token means to Kubernetes, and which changes replace an object.

The tables are the vendor's own (pulumi-kubernetes, provider/pkg/provider/diff.go): they follow what
the API server refuses to change, not what it accepts. Nothing here talks to a cluster; whether a
kind exists and is namespaced is asked by `discovery`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

RELEASE = "kubernetes:helm.sh/v3:Release"

# Groups compiled into the API server. A CRD never lives in one, so only these are normalised.
BUILT_IN_GROUPS = frozenset(
    {
        "",
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "apps",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "autoscaling",
        "batch",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "flowcontrol.apiserver.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
        "storagemigration.k8s.io",
    }
)


@dataclass(frozen=True)
class GroupVersionKind:
    """One kind of one API version; the core group is the empty string."""

    group: str
    version: str
    kind: str

    @property
    def api_version(self) -> str:
        """As an object's `apiVersion` spells it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def built_in(self) -> bool:
        """Whether the API server itself brings this kind."""
        return self.group in BUILT_IN_GROUPS

    def __str__(self) -> str:
        return f"{self.api_version}/{self.kind}"


def of_object(api_version: str, kind: str) -> GroupVersionKind:
    """The kind that an object's `apiVersion` and `kind` name."""
    group, _, version = api_version.rpartition("/")
    return GroupVersionKind("" if group == "core" else group, version, kind)


def of_token(token: str) -> GroupVersionKind:
    """`kubernetes:core/v1:Secret` -> Secret of v1; raises ValueError for what is no such token."""
    parts = token.split(":")
    if len(parts) != 3 or parts[0] != "kubernetes" or not parts[1] or not parts[2]:
        raise ValueError(f"failed to parse type token {token!r}: want kubernetes:APIVERSION:KIND")
    return of_object(parts[1], parts[2])


def is_patch(token: str, kind: str) -> bool:
    """Whether this is a `<Kind>Patch` resource: the token has the suffix, the object has not."""
    return token.rpartition(":")[2] == f"{kind}Patch"


def is_list(token: str) -> bool:
    """Whether this is a `SecretList`, `PodList` and so on, which only YAML manifests may hold."""
    try:
        gvk = of_token(token)
    except ValueError:
        return False
    return gvk.built_in and gvk.kind.endswith("List")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_WORKLOAD = {"DaemonSet": (".spec.selector",), "Deployment": (".spec.selector",)}
_STATEFUL_SET = tuple(
    f".spec.{field}"
    for field in (
        "podManagementPolicy",
        "revisionHistoryLimit",
        "selector",
        "serviceName",
        "volumeClaimTemplates",
    )
)
_POD_FIELDS = _words(
    "affinity automountServiceAccountToken dnsConfig dnsPolicy enableServiceLinks hostAliases "
    "hostIPC hostNetwork hostPID hostname imagePullSecrets nodeName nodeSelector overhead "
    "preemptionPolicy priority priorityClassName readinessGates restartPolicy runtimeClassName "
    "schedulerName securityContext serviceAccount serviceAccountName shareProcessNamespace "
    "subdomain terminationGracePeriodSeconds volumes"
)
_CONTAINER_FIELDS = _words(
    "args command env image imagePullPolicy lifecycle livenessProbe ports readinessProbe resources "
    "securityContext stdin stdinOnce terminationMessagePath terminationMessagePolicy tty "
    "volumeDevices volumeMounts workingDir"
)
_POD = (
    *(f".spec.{field}" for field in _POD_FIELDS),
    *(f".spec.containers[*].{field}" for field in _CONTAINER_FIELDS),
    *(f".spec.initContainers[*].{field}" for field in _CONTAINER_FIELDS),
)
_VOLUME_SOURCES = _words(
    "awsElasticBlockStore azureDisk azureFile cephfs cinder csi fc flexVolume flocker "
    "gcePersistentDisk glusterfs hostPath iscsi local nfs photonPersistentDisk portworxVolume "
    "quobyte rbd scaleIO storageos vsphereVolume"
)
_ROLE_REF = (".roleRef",)

_REPLACES: Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]] = {
    ("apps", "v1"): {**_WORKLOAD, "StatefulSet": _STATEFUL_SET},
    ("", "v1"): {
        "PersistentVolume": tuple(f".spec.{source}" for source in _VOLUME_SOURCES),
        "PersistentVolumeClaim": (
            ".spec.accessModes",
            ".spec.selector",
            ".spec.storageClassName",
            ".spec.volumeName",
        ),
        "Pod": _POD,
        "ResourceQuota": (".spec.scopes",),
        "Secret": (".type",),
        "Service": (".spec.clusterIP",),
    },
    ("rbac.authorization.k8s.io", "v1"): {
        "ClusterRoleBinding": _ROLE_REF,
        "RoleBinding": _ROLE_REF,
    },
    ("storage.k8s.io", "v1"): {"StorageClass": (".parameters", ".provisioner")},
    ("batch", "v1"): {
        "Job": (".spec.completions", ".spec.parallelism", ".spec.selector", ".spec.template"),
    },
}

IDENTITY = (".metadata.name", ".metadata.namespace")


def replacing_fields(
    gvk: GroupVersionKind,
    *,
    immutable: bool,
    config_map_mutable: bool,
    secret_mutable: bool,
) -> tuple[str, ...]:
    """The field paths whose change replaces an object of this kind, identity first.

    Secrets and ConfigMaps are replaced on a change of content unless the provider was told that
    they are mutable, or the object itself says `immutable: true`.
    """
    core = gvk.group == "" and gvk.version == "v1"
    if core and gvk.kind == "Secret" and (immutable or not secret_mutable):
        return (*IDENTITY, ".type", ".stringData", ".data")
    if core and gvk.kind == "ConfigMap" and (immutable or not config_map_mutable):
        return (*IDENTITY, ".binaryData", ".data")
    kinds = _REPLACES.get((gvk.group, gvk.version), {})
    return (*IDENTITY, *kinds.get(gvk.kind, ()))


def _segments(pattern: str) -> list[str]:
    return pattern.lstrip(".").replace("[*]", ".[*]").split(".")


def _found(value: Any, segments: list[str]) -> bool:
    if not segments:
        return True
    head, rest = segments[0], segments[1:]
    if head == "[*]":
        return isinstance(value, list) and any(_found(item, rest) for item in value)
    return isinstance(value, dict) and head in value and _found(value[head], rest)


def replaces(path: Iterable[str | int], value: Any, patterns: Iterable[str]) -> bool:
    """Whether changing `path` to `value` touches one of the replacing fields.

    A list index counts as "any element", as the vendor's JSONPath search does.
    """
    nested = value
    for step in reversed(list(path)):
        nested = {step: nested} if isinstance(step, str) else [nested]
    return any(_found(nested, _segments(pattern)) for pattern in patterns)
