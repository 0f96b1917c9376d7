"""Everything an instance stands for, as objects to apply, in the order to apply them. Pure."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

from lab.fluxoperator import controllers, rights
from lab.fluxoperator.distribution import Image, images, resolve
from lab.fluxoperator.instance import GROUP, PRUNE, Instance
from lab.fluxoperator.patches import patched

Object = dict[str, Any]

NAMESPACED: Final = frozenset(
    {
        "ServiceAccount", "ResourceQuota", "NetworkPolicy", "Service", "Deployment",
        "GitRepository", "Kustomization",
    }
)  # fmt: skip
# kustomize-controller leaves alone what carries these: a tree cannot take Flux's own objects away.
_ANNOTATIONS: Final = {
    "kustomize.toolkit.fluxcd.io/ssa": "Ignore",
    "kustomize.toolkit.fluxcd.io/prune": "Disabled",
}


@dataclass(frozen=True, kw_only=True)
class Build:
    """What an instance comes to: definitions and the namespace first, then the rest."""

    version: str
    first: list[Object]
    rest: list[Object]
    images: list[Image]

    @property
    def objects(self) -> list[Object]:
        """All of them."""
        return [*self.first, *self.rest]

    @property
    def revision(self) -> str:
        """The distribution's version, and a digest of everything."""
        text = json.dumps(self.objects, sort_keys=True).encode()
        return f"{self.version}@sha256:{hashlib.sha256(text).hexdigest()}"


def build(instance: Instance, definitions: list[Object]) -> Build:
    """Build an instance; `BuildError` for one that cannot be."""
    distribution = instance.spec.get("distribution") or {}
    version = resolve(str(distribution.get("version", "")))
    found = images(version, str(distribution.get("registry", "")), instance.components)
    rest = [
        rights.quota(instance),
        *rights.accounts(instance),
        *rights.roles(instance),
        *rights.policies(instance),
        *(service for name in instance.components for service in controllers.services(name)),
        *(controllers.deployment(instance, image) for image in found),
        *sync(instance),
    ]
    patches = (instance.spec.get("kustomize") or {}).get("patches") or []

    def ready(items: list[Object]) -> list[Object]:
        return patched([finished(instance, version, item) for item in items], patches)

    return Build(
        version=version,
        first=ready([namespace(instance), *definitions]),
        rest=ready(rest),
        images=found,
    )


def namespace(instance: Instance) -> Object:
    """Where everything goes; it stays when the instance goes."""
    level = {"warn": "restricted", "warn-version": "latest"}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": instance.namespace,
            "labels": {f"pod-security.kubernetes.io/{key}": value for key, value in level.items()},
            "annotations": {PRUNE: "disabled"},
        },
    }


def sync(instance: Instance) -> list[Object]:
    """The source and the root Kustomization, for an instance that has a `sync`."""
    wanted = instance.spec.get("sync")
    if not wanted:
        return []
    name = wanted.get("name") or instance.namespace
    source: Object = {
        "interval": wanted.get("interval", "1m"),
        "ref": {"name": wanted["ref"]},
        "url": wanted["url"],
    }
    if wanted.get("pullSecret"):
        source["secretRef"] = {"name": wanted["pullSecret"]}
    if wanted.get("provider"):
        source["provider"] = wanted["provider"]
    return [
        {
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": wanted["kind"],
            "metadata": {"name": name},
            "spec": source,
        },
        {
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": {"name": name},
            "spec": {
                "interval": "10m0s",
                "path": wanted["path"],
                "prune": True,
                "sourceRef": {"kind": wanted["kind"], "name": name},
            },
        },
    ]


def owner_labels(instance: Instance) -> dict[str, str]:
    """What tells an instance's own objects."""
    return {f"{GROUP}/name": instance.name, f"{GROUP}/namespace": instance.namespace}


def finished(instance: Instance, version: str, item: Object) -> Object:
    """An object with its namespace, and the labels and annotations that everything carries."""
    metadata = dict(item["metadata"])
    if item["kind"] in NAMESPACED:
        metadata["namespace"] = instance.namespace
    metadata["labels"] = {
        **(metadata.get("labels") or {}),
        "app.kubernetes.io/managed-by": "flux-operator",
        "app.kubernetes.io/instance": instance.namespace,
        "app.kubernetes.io/version": version,
        "app.kubernetes.io/part-of": "flux",
        **owner_labels(instance),
    }
    metadata["annotations"] = {**(metadata.get("annotations") or {}), **_ANNOTATIONS}
    common = instance.spec.get("commonMetadata") or {}
    for field in ("labels", "annotations"):
        metadata[field] |= common.get(field) or {}
    return {**item, "metadata": metadata}
