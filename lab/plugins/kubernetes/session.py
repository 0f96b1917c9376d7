"""The configured provider: its settings, its one verdict on reachability.

Reachability is decided once, when the engine configures the plugin, as the vendor's does: an API
server that comes up a second later stays "unreachable" for the rest of the run. Nothing here knows
of resources.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from lab.plugins.kubernetes import kubeconfig, wording
from lab.plugins.kubernetes.client import ApiError, Client, UnreachableError
from lab.plugins.kubernetes.kinds import GroupVersionKind
from lab.plugins.kubernetes.memory_file import MemoryFile
from provider.rpc import Diff, Kind, Refused
from provider.rpc.wire import UNKNOWN, Properties, plain, same

# Provider arguments that are "true" or "false", with the environment variable that stands in.
_FLAGS = {
    "deleteUnreachable": ("PULUMI_K8S_DELETE_UNREACHABLE", False),
    "skipUpdateUnreachable": ("PULUMI_K8S_SKIP_UPDATE_UNREACHABLE", False),
    "enableServerSideApply": ("PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY", True),
    "enablePatchForce": ("PULUMI_K8S_ENABLE_PATCH_FORCE", False),
    "upsertExistingObjects": ("PULUMI_K8S_UPSERT_EXISTING_OBJECTS", False),
    "enableConfigMapMutable": ("PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE", False),
    "enableSecretMutable": ("PULUMI_K8S_ENABLE_SECRET_MUTABLE", False),
}
_CLUSTER_WIDE = frozenset(
    {
        "APIService",
        "CertificateSigningRequest",
        "ClusterRole",
        "ClusterRoleBinding",
        "CSIDriver",
        "CSINode",
        "CustomResourceDefinition",
        "FlowSchema",
        "IngressClass",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "PriorityLevelConfiguration",
        "RuntimeClass",
        "StorageClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
    }
)


@dataclass
class Session:
    """One configured provider instance; `client` is None when the cluster is unreachable."""

    flags: Mapping[str, bool]
    default_namespace: str = "default"
    client: Client | None = None
    unreachable: str = ""
    config_file: MemoryFile | None = None
    helm: Mapping[str, str] = field(default_factory=dict)
    planned_crds: dict[tuple[str, str], bool] = field(default_factory=dict)

    def flag(self, name: str) -> bool:
        """One of the provider's boolean arguments."""
        return self.flags[name]

    def reachable(self) -> Client:
        """The client. Refuses, in the vendor's words, when the cluster was not reachable."""
        if self.client is None:
            raise Refused(wording.unreachable(self.unreachable))
        return self.client

    def exists(self, gvk: GroupVersionKind) -> bool:
        """Whether the kind can be previewed: reachable, and known to the API server."""
        return self.client is not None and self.client.exists(gvk)

    def namespaced(self, gvk: GroupVersionKind) -> bool:
        """A kind's scope; what nobody knows yet is taken for namespaced, as the vendor does."""
        if gvk.built_in:
            return gvk.kind not in _CLUSTER_WIDE
        planned = self.planned_crds.get((gvk.group, gvk.kind))
        if planned is not None:
            return planned
        return not self.exists(gvk) or self.reachable().lookup(gvk)[1]

    def remember_crd(self, crd: Mapping[str, Any]) -> None:
        """Note the scope of a kind whose CRD this very program creates."""
        spec = crd.get("spec")
        names = spec.get("names") if isinstance(spec, dict) else None
        if isinstance(spec, dict) and isinstance(names, dict):
            key = (str(spec.get("group")), str(names.get("kind")))
            self.planned_crds[key] = spec.get("scope") != "Cluster"


def _flag(config: Mapping[str, Any], name: str) -> bool:
    variable, default = _FLAGS[name]
    value = config.get(name)
    if value is None:
        value = os.environ.get(variable)
    return default if value is None else value in (True, "true")


def open_session(config: Mapping[str, Any]) -> Session:
    """Configure: read the kubeconfig, and find out now and for good whether the API answers."""
    session = Session(flags={name: _flag(config, name) for name in _FLAGS})
    if config.get("renderYamlToDirectory"):
        raise Refused("renderYamlToDirectory: the stand-in renders no YAML; unset it")
    helm = config.get("helmReleaseSettings")
    session.helm = json.loads(helm) if isinstance(helm, str) else dict(helm or {})
    text = config.get("kubeconfig") or kubeconfig.ambient() or ""
    text = json.dumps(text) if isinstance(text, dict) else str(text)
    try:
        data = kubeconfig.read(text)
    except kubeconfig.KubeconfigError as error:
        session.unreachable = (
            f"failed to parse kubeconfig data in `kubernetes:config:kubeconfig`- {error}"
        )
        return session
    try:
        cluster = kubeconfig.connect(
            data,
            context=config.get("context"),
            cluster=config.get("cluster"),
            namespace=config.get("namespace"),
        )
    except kubeconfig.KubeconfigError as error:
        session.unreachable = (
            "unable to load Kubernetes client configuration from kubeconfig file. Make sure you "
            "have: \n\n \t • set up the provider as per https://www.pulumi.com/registry/packages/"
            f"kubernetes/installation-configuration/ \n\n {error}"
        )
        return session
    session.default_namespace = cluster.namespace or "default"
    session.config_file = MemoryFile(yaml.safe_dump(_overridden(data, config)).encode())
    _probe(session, Client(cluster))
    return session


def _overridden(data: dict[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """The kubeconfig for helm, with the provider's context as the current one."""
    return {**data, "current-context": config.get("context") or data.get("current-context")}


def _probe(session: Session, client: Client) -> None:
    try:
        client.request("GET", "/openapi/v3", query={"timeout": "32s"})
    except (ApiError, UnreachableError) as error:
        session.unreachable = f"unable to load schema information from the API server: {error}"
    else:
        session.client = client


def _active(config: Properties) -> Any:
    text = plain(config.get("kubeconfig"))
    if text is None:
        return None
    try:
        data = kubeconfig.read(json.dumps(text) if isinstance(text, dict) else str(text))
    except kubeconfig.KubeconfigError as error:
        raise Refused(f"failed to parse kubeconfig: {error}") from error
    return kubeconfig.active_cluster(
        data, plain(config.get("context")), plain(config.get("cluster"))
    )


def diff_config(olds: Properties, news: Properties) -> Diff:
    """Whether changed provider arguments mean another cluster, and so replace all in it.

    With a clusterIdentifier only a change of that value does. Without one: an unknown kubeconfig,
    context or cluster, or another active cluster entry.
    """
    olds, news = plain(olds), plain(news)
    changed = [key for key in sorted({*olds, *news}) if not same(olds.get(key), news.get(key))]
    if not changed:
        return Diff(changes=False)
    before, after = olds.get("clusterIdentifier"), news.get("clusterIdentifier")
    replaces = []
    if before is not None and after is not None and not same(before, after):
        replaces.append("clusterIdentifier")
    unknown = [key for key in ("kubeconfig", "context", "cluster") if news.get(key) is UNKNOWN]
    if unknown:
        changed = unknown[:1]
        replaces += unknown[:1]
    else:
        if "renderYamlToDirectory" in changed:
            replaces.append("renderYamlToDirectory")
        was, now = _active(olds), _active(news)
        if was is not None and now is not None and was != now:
            replaces += [key for key in ("kubeconfig", "context", "cluster") if key in changed]
    if after is not None and same(before, after):
        replaces = []
    kinds = {key: Kind.UPDATE if key in olds else Kind.ADD for key in changed}
    return Diff(replaces=tuple(replaces), detailed=kinds, changes=True)
