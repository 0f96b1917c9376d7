"""The Deployments and Services of Flux's controllers, as its install manifests have them. Pure."""

from typing import Any, Final

from lab.fluxoperator.distribution import Image
from lab.fluxoperator.instance import Instance

Object = dict[str, Any]

# Requests and limits of the profiles `cluster.size`; without one those of Flux's own manifests.
_SIZES: Final = {
    "small": ("1000m", "512Mi", 5, "10s"),
    "medium": ("2000m", "1Gi", 10, "5s"),
    "large": ("3000m", "3Gi", 20, "5s"),
}
_METRICS: Final = {"containerPort": 8080, "name": "http-prom", "protocol": "TCP"}
_HEALTH: Final = {"containerPort": 9440, "name": "healthz", "protocol": "TCP"}
_HTTP: Final = {"containerPort": 9090, "name": "http", "protocol": "TCP"}
_WEBHOOK: Final = {"containerPort": 9292, "name": "http-webhook", "protocol": "TCP"}
_PORTS: Final = {
    "source-controller": [_HTTP, _METRICS, _HEALTH],
    "notification-controller": [_HTTP, _WEBHOOK, _METRICS, _HEALTH],
}
_SERVICES: Final = {
    "source-controller": {"source-controller": "http"},
    "notification-controller": {
        "notification-controller": "http",
        "webhook-receiver": "http-webhook",
    },
}
_GRACE_SECONDS: Final = {"kustomize-controller": 60, "helm-controller": 600}


def deployment(instance: Instance, image: Image) -> Object:
    """A controller's Deployment."""
    name = image.name
    spec: Object = {
        "replicas": 1,
        "selector": {"matchLabels": {"app": name}},
        "template": {
            "metadata": {
                "labels": {
                    "app": name,
                    "app.kubernetes.io/component": name,
                    "app.kubernetes.io/part-of": "flux",
                },
                "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"},
            },
            "spec": _pod(instance, image),
        },
    }
    if name == "source-controller":
        spec["strategy"] = {"type": "Recreate"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "labels": {"app.kubernetes.io/component": name, "control-plane": "controller"},
        },
        "spec": spec,
    }


def services(component: str) -> list[Object]:
    """The Services of a controller, where it has any."""
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "labels": {"app.kubernetes.io/component": component}},
            "spec": {
                "type": "ClusterIP",
                "selector": {"app": component},
                "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": port}],
            },
        }
        for name, port in _SERVICES.get(component, {}).items()
    ]


def _pod(instance: Instance, image: Image) -> Object:
    name = image.name
    mounts = [{"name": "temp", "mountPath": "/tmp"}]  # noqa: S108 - a path in a container
    if name == "source-controller":
        mounts.append({"name": "data", "mountPath": "/data"})
    ready = ("/", "http") if name == "source-controller" else ("/readyz", "healthz")
    cpu, memory, _, _ = _SIZES.get(str(instance.cluster.get("size")), ("1000m", "1Gi", 0, ""))
    return {
        "serviceAccountName": name,
        "priorityClassName": "system-cluster-critical",
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "terminationGracePeriodSeconds": _GRACE_SECONDS.get(name, 10),
        "securityContext": {"fsGroup": 1337},
        "containers": [
            {
                "name": "manager",
                "image": image.reference,
                "imagePullPolicy": "IfNotPresent",
                "args": arguments(instance, name),
                "env": [
                    {
                        "name": "RUNTIME_NAMESPACE",
                        "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}},
                    }
                ],
                "ports": _PORTS.get(name, [_METRICS, _HEALTH]),
                "readinessProbe": {"httpGet": {"path": ready[0], "port": ready[1]}},
                "livenessProbe": {"httpGet": {"path": "/healthz", "port": "healthz"}},
                "resources": {
                    "requests": {"cpu": "100m", "memory": "64Mi"},
                    "limits": {"cpu": cpu, "memory": memory},
                },
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "runAsNonRoot": True,
                    "capabilities": {"drop": ["ALL"]},
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "volumeMounts": mounts,
            }
        ],
        "volumes": [{"name": mount["name"], "emptyDir": {}} for mount in mounts],
    }


def arguments(instance: Instance, name: str) -> list[str]:
    """What a controller is started with."""
    domain, namespace = instance.cluster["domain"], instance.namespace
    events = f"--events-addr=http://notification-controller.{namespace}.svc.{domain}./"
    sends = name != "notification-controller" and "notification-controller" in instance.components
    made = [
        *([events] if sends else []),
        "--watch-all-namespaces=true",
        "--log-level=info",
        "--log-encoding=json",
        "--enable-leader-election",
    ]
    if name == "source-controller":
        made += [
            "--storage-path=/data",
            f"--storage-adv-addr=source-controller.$(RUNTIME_NAMESPACE).svc.{domain}.",
        ]
    if name not in {"kustomize-controller", "helm-controller"}:
        return made
    if profile := _SIZES.get(str(instance.cluster.get("size"))):
        made += [f"--concurrent={profile[2]}", f"--requeue-dependency={profile[3]}"]
    if instance.cluster.get("multitenant"):
        account = instance.cluster.get("tenantDefaultServiceAccount") or "default"
        made += ["--no-cross-namespace-refs=true", f"--default-service-account={account}"]
    return made
