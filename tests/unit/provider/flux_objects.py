"""Flux's objects as its controllers leave them in the API: real reasons and messages."""

from typing import Any

from provider.flux.objects import Item, item
from provider.flux.world import Evidence, World

Json = dict[str, Any]
SYSTEM = "flux-system"
REVISION = "refs/heads/main@sha1:0e0eaf7ac9d8a3a0d1f5a1b4f2d2b6a0a3f4f3f1"
APIS = {
    "FluxInstance": "fluxcd.controlplane.io/v1",
    "Kustomization": "kustomize.toolkit.fluxcd.io/v1",
    "HelmRelease": "helm.toolkit.fluxcd.io/v2",
}


def conditions(*given: tuple[str, str, str, str], generation: int = 1) -> list[Json]:
    """Conditions from (type, status, reason, message)."""
    return [
        {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "observedGeneration": generation,
            "lastTransitionTime": "2026-11-22T01:00:00Z",
        }
        for kind, status, reason, message in given
    ]


def raw(
    kind: str, name: str, spec: Json | None = None, status: Json | None = None, namespace: str = ""
) -> Json:
    """An object."""
    return {
        "apiVersion": APIS.get(kind, "source.toolkit.fluxcd.io/v1"),
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace or SYSTEM, "generation": 1},
        "spec": spec or {},
        "status": status or {},
    }


def well(kind: str, name: str, spec: Json | None = None, **status: Any) -> Json:
    """An object that is Ready."""
    said = ("Ready", "True", "ReconciliationSucceeded", f"Applied revision: {REVISION}")
    return raw(kind, name, spec, {"conditions": conditions(said), **status})


def instance(name: str = "flux") -> Json:
    """A FluxInstance that is Ready."""
    return well("FluxInstance", name)


def repository(name: str = SYSTEM) -> Json:
    """A GitRepository with an artifact."""
    return well("GitRepository", name, artifact={"revision": REVISION})


def kustomization(name: str, *depends_on: str, **spec: Any) -> Json:
    """A Kustomization that is Ready at the revision of the source."""
    return well("Kustomization", name, given(depends_on, spec), lastAppliedRevision=REVISION)


def waiting(name: str, *depends_on: str, **spec: Any) -> Json:
    """A Kustomization that waits for its first dependency."""
    message = f"dependency '{SYSTEM}/{depends_on[0]}' is not ready"
    return failed(name, "DependencyNotReady", message, depends_on=depends_on, **spec)


def failed(
    name: str, reason: str, message: str, *, depends_on: tuple[str, ...] = (), **spec: Any
) -> Json:
    """A Kustomization that failed and is tried again."""
    said = conditions(
        ("Ready", "False", reason, message),
        ("Reconciling", "True", "ProgressingWithRetry", "Detecting drift for revision"),
    )
    return raw("Kustomization", name, given(depends_on, spec), {"conditions": said})


def progressing(kind: str, name: str, message: str) -> Json:
    """An object whose controller is at work on it."""
    said = conditions(
        ("Ready", "Unknown", "Progressing", "Reconciliation in progress"),
        ("Reconciling", "True", "Progressing", message),
    )
    return raw(kind, name, given((), {}), {"conditions": said})


def broken(
    kind: str, name: str, reason: str, message: str, *more: tuple[str, str, str, str]
) -> Json:
    """An object of any kind that is not Ready."""
    said = conditions(("Ready", "False", reason, message), *more)
    return raw(kind, name, given((), {}) if kind == "Kustomization" else {}, {"conditions": said})


def given(depends_on: tuple[str, ...], spec: Json) -> Json:
    """A Kustomization's spec."""
    source = {"sourceRef": {"kind": "GitRepository", "name": SYSTEM}}
    return {**source, "dependsOn": [{"name": name} for name in depends_on], **spec}


def read(one: Json) -> Item:
    """An object, read."""
    return item(str(one["kind"]), one)


def world_of(*objects: Json, evidence: tuple[Evidence, ...] = ()) -> World:
    """A world of these, and whether they are all there is."""
    items = [read(one) for one in objects]
    return World(items={one.ref: one for one in items}, evidence=evidence)
