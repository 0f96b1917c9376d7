"""What Flux may do, and who may reach it: accounts, roles, quota, network policies. Pure.

Names and rules are those of Flux's own install manifests (fluxcd/flux2, manifests/rbac and
manifests/policies); flux-operator puts the namespace behind the names of what has none.
"""

from typing import Any, Final

from lab.fluxoperator.instance import Instance

Object = dict[str, Any]

_GROUPS: Final = (
    "source.toolkit.fluxcd.io",
    "kustomize.toolkit.fluxcd.io",
    "helm.toolkit.fluxcd.io",
    "notification.toolkit.fluxcd.io",
    "image.toolkit.fluxcd.io",
    "source.extensions.fluxcd.io",
)
_READ: Final = ["get", "list", "watch"]
_CHANGE: Final = ["create", "update", "patch", "delete"]
_RBAC: Final = "rbac.authorization.k8s.io"
_CRITICAL: Final = ["system-node-critical", "system-cluster-critical"]


def accounts(instance: Instance) -> list[Object]:
    """A service account per controller."""
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": name, "labels": {"app.kubernetes.io/component": name}},
        }
        for name in instance.components
    ]


def roles(instance: Instance) -> list[Object]:
    """Roles and who has them."""
    suffix = f"-{instance.namespace}"
    everywhere = {"apiGroups": list(_GROUPS), "resources": ["*"]}
    to_view = {f"{_RBAC}/aggregate-to-{role}": "true" for role in ("admin", "edit", "view")}
    to_edit = {f"{_RBAC}/aggregate-to-{role}": "true" for role in ("admin", "edit")}
    change = [*_CHANGE, "deletecollection"]
    reconcilers = [
        name for name in instance.components if name in {"kustomize-controller", "helm-controller"}
    ]
    made = [
        _role(f"crd-controller{suffix}", _controller_rules()),
        _binding(instance, f"crd-controller{suffix}", f"crd-controller{suffix}", None),
        _role(f"flux-view{suffix}", [{**everywhere, "verbs": _READ}], to_view),
        _role(f"flux-edit{suffix}", [{**everywhere, "verbs": change}], to_edit),
    ]
    if reconcilers and not instance.cluster.get("multitenant"):
        name = f"cluster-reconciler{suffix}"
        made.append(_binding(instance, name, "cluster-admin", reconcilers))
    return made


def quota(instance: Instance) -> Object:
    """Pods of a critical priority need a quota that allows them."""
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": f"critical-pods-{instance.namespace}"},
        "spec": {
            "hard": {"pods": "1000"},
            "scopeSelector": {
                "matchExpressions": [
                    {"operator": "In", "scopeName": "PriorityClass", "values": _CRITICAL}
                ]
            },
        },
    }


def policies(instance: Instance) -> list[Object]:
    """Who may reach the controllers; none when the instance says so."""
    if not instance.cluster.get("networkPolicy"):
        return []
    everybody: list[Object] = [{"namespaceSelector": {}}]
    hooks = {"matchLabels": {"app": "notification-controller"}}
    return [
        _policy(
            "allow-egress",
            {
                "podSelector": {},
                "policyTypes": ["Ingress", "Egress"],
                "ingress": [{"from": [{"podSelector": {}}]}],
                "egress": [{}],
            },
        ),
        _policy("allow-scraping", _open(everybody, 8080, {})),
        _policy("allow-webhooks", _open(everybody, 9292, hooks)),
    ]


def _open(who: list[Object], port: int, pods: Object) -> Object:
    ports = [{"protocol": "TCP", "port": port}]
    return {
        "podSelector": pods,
        "policyTypes": ["Ingress"],
        "ingress": [{"from": who, "ports": ports}],
    }


def _policy(name: str, spec: Object) -> Object:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": spec,
    }


def _role(name: str, rules: list[Object], labels: dict[str, str] | None = None) -> Object:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name, "labels": labels or {}},
        "rules": rules,
    }


def _binding(instance: Instance, name: str, role: str, who: list[str] | None) -> Object:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [
            {"kind": "ServiceAccount", "name": account, "namespace": instance.namespace}
            for account in who or instance.components
        ],
    }


def _controller_rules() -> list[Object]:
    return [
        *({"apiGroups": [group], "resources": ["*"], "verbs": ["*"]} for group in _GROUPS),
        _rule("", ["namespaces", "secrets", "configmaps", "serviceaccounts"], _READ),
        _rule("", ["events"], ["create", "patch"]),
        _rule("", ["configmaps"], [*_READ, *_CHANGE]),
        _rule("", ["configmaps/status"], ["get", "update", "patch"]),
        _rule("coordination.k8s.io", ["leases"], [*_READ, *_CHANGE]),
        _rule("", ["serviceaccounts/token"], ["create"]),
        {"nonResourceURLs": ["/livez/ping"], "verbs": ["head"]},
        _rule("fluxcd.controlplane.io", ["*"], ["*"]),
    ]


def _rule(group: str, resources: list[str], verbs: list[str]) -> Object:
    return {"apiGroups": [group], "resources": resources, "verbs": list(verbs)}
