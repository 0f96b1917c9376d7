"""Flux's objects as they come from the Kubernetes API, read into one small shape.

Knows the names of fields that flux-operator's, source-, kustomize- and helm-controller's APIs
document (fluxcd.controlplane.io/v1, source.toolkit.fluxcd.io/v1, kustomize.toolkit.fluxcd.io/v1,
helm.toolkit.fluxcd.io/v2). Pure: asks nobody and judges nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

# Where all objects of a kind are listed.
KINDS = {
    "FluxInstance": "/apis/fluxcd.controlplane.io/v1/fluxinstances",
    "GitRepository": "/apis/source.toolkit.fluxcd.io/v1/gitrepositories",
    "OCIRepository": "/apis/source.toolkit.fluxcd.io/v1/ocirepositories",
    "Bucket": "/apis/source.toolkit.fluxcd.io/v1/buckets",
    "HelmRepository": "/apis/source.toolkit.fluxcd.io/v1/helmrepositories",
    "HelmChart": "/apis/source.toolkit.fluxcd.io/v1/helmcharts",
    "Kustomization": "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations",
    "HelmRelease": "/apis/helm.toolkit.fluxcd.io/v2/helmreleases",
}
DEPLOYMENT = "Deployment"
READY, RECONCILING, STALLED = "Ready", "Reconciling", "Stalled"
# Whom a person has to look at when an object was never looked at.
CONTROLLERS = {
    **dict.fromkeys(
        ("GitRepository", "OCIRepository", "Bucket", "HelmRepository", "HelmChart"),
        "source-controller",
    ),
    "Kustomization": "kustomize-controller",
    "HelmRelease": "helm-controller",
    "FluxInstance": "flux-operator",
}
# Whose suspension this is; its value says whose.
SUSPENDED_BY = "hearth/suspended-by"


@dataclass(frozen=True, order=True)
class Ref:
    """An object by kind, namespace ("" for none) and name."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """As Flux writes it: `Kind/namespace/name`."""
        return "/".join(part for part in (self.kind, self.namespace, self.name) if part)


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One condition: its status is True, False or Unknown."""

    status: str
    reason: str = ""
    message: str = ""
    since: str = ""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One object. `revision` is what it has applied, or the artifact it offers.

    `checks` are its health checks, `inventory` what it has applied, `waits` whether it waits for
    all of that. A static one (a Helm repository of type oci) has no status, and needs none.
    """

    ref: Ref
    generation: int = 0
    observed: int = 0
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    suspended: bool = False
    suspended_by: str = ""
    depends_on: tuple[Ref, ...] = ()
    source: Ref | None = None
    checks: tuple[Ref, ...] = ()
    waits: bool = False
    inventory: tuple[Ref, ...] = ()
    revision: str = ""
    static: bool = False

    @property
    def ready(self) -> bool:
        """Whether its controller says so of what is asked for now."""
        found = self.conditions.get(READY)
        fresh = self.observed >= self.generation
        return self.static or (found is not None and found.status == "True" and fresh)

    @property
    def stalled(self) -> Condition | None:
        """What its controller will not try again by itself."""
        found = self.conditions.get(STALLED)
        return found if found is not None and found.status == "True" else None

    @property
    def progressing(self) -> Condition | None:
        """What its controller is doing with it right now; waiting for a retry is not doing."""
        found = self.conditions.get(RECONCILING)
        doing = found is not None and found.status == "True"
        return found if doing and found and found.reason != "ProgressingWithRetry" else None

    @property
    def reason(self) -> str:
        """Why it is not Ready, in one word of its controller's."""
        found = self.conditions.get(READY)
        return found.reason if found else ""

    @property
    def words(self) -> str:
        """What its controller says of it, all of it."""
        said = [
            found.message.strip()
            for kind in (READY, STALLED, "Released", "FetchFailed", RECONCILING)
            if (found := self.conditions.get(kind)) and found.message
        ]
        kept = [text for at, text in enumerate(said) if not any(text in one for one in said[:at])]
        return "\n".join(kept)


def item(kind: str, raw: Json) -> Item:
    """One object from its JSON; what is missing in a fresh one is simply not there yet."""
    meta, spec, status = raw["metadata"], raw.get("spec") or {}, raw.get("status") or {}
    namespace = str(meta.get("namespace", ""))
    conditions = {str(one["type"]): condition(one) for one in status.get("conditions") or []}
    return Item(
        ref=Ref(kind, namespace, str(meta["name"])),
        generation=int(meta.get("generation", 0)),
        observed=observed(raw),
        conditions=conditions,
        suspended=bool(spec.get("suspend")),
        suspended_by=str((meta.get("annotations") or {}).get(SUSPENDED_BY, "")),
        depends_on=tuple(
            Ref(kind, str(one.get("namespace") or namespace), str(one["name"]))
            for one in spec.get("dependsOn") or []
        ),
        source=source_of(kind, namespace, spec, status),
        checks=tuple(reference(one, namespace) for one in spec.get("healthChecks") or []),
        waits=bool(spec.get("wait")),
        inventory=tuple(inventory(status)),
        revision=revision(status),
        static=kind == "HelmRepository" and spec.get("type") == "oci",
    )


def condition(raw: Json) -> Condition:
    """One condition from its JSON."""
    return Condition(
        status=str(raw.get("status", "Unknown")),
        reason=str(raw.get("reason", "")),
        message=str(raw.get("message", "")),
        since=str(raw.get("lastTransitionTime", "")),
    )


def observed(raw: Json) -> int:
    """The generation that Ready is about: the condition says it, else the status as a whole."""
    status = raw.get("status") or {}
    of_ready = [
        one["observedGeneration"]
        for one in status.get("conditions") or []
        if one.get("type") == READY and "observedGeneration" in one
    ]
    found = of_ready[0] if of_ready else status.get("observedGeneration")
    return int(raw["metadata"].get("generation", 0) if found is None else found)


def source_of(kind: str, namespace: str, spec: Json, status: Json) -> Ref | None:
    """Where it takes what it applies from."""
    if kind == "HelmRelease":
        made = str(status.get("helmChart") or "")
        if made:
            return Ref("HelmChart", *made.partition("/")[::2])
        named = spec.get("chartRef") or ((spec.get("chart") or {}).get("spec") or {}).get(
            "sourceRef"
        )
    else:
        named = spec.get("sourceRef")
    return reference(named, namespace) if named else None


def reference(raw: Json, namespace: str) -> Ref:
    """An object that another one names."""
    return Ref(str(raw["kind"]), str(raw.get("namespace") or namespace), str(raw["name"]))


def inventory(status: Json) -> list[Ref]:
    """What was applied: ids are NAMESPACE_NAME_GROUP_KIND, and a colon in a name is two bars."""
    found = []
    for entry in (status.get("inventory") or {}).get("entries") or []:
        namespace, _, rest = str(entry["id"]).partition("_")
        name, _, kind = rest.rpartition("_")
        found.append(Ref(kind, namespace, name.rpartition("_")[0].replace("__", ":")))
    return found


def revision(status: Json) -> str:
    """What was applied last, or what is offered."""
    offered = (status.get("artifact") or {}).get("revision")
    return str(offered or status.get("lastAppliedRevision") or "")


def deployment(raw: Json) -> Item:
    """A controller's Deployment, as ready as its replicas."""
    meta, status = raw["metadata"], raw.get("status") or {}
    wanted = int((raw.get("spec") or {}).get("replicas", 1))
    there = int(status.get("readyReplicas") or 0)
    told = [
        f"{one.get('reason')}: {one.get('message')}"
        for one in status.get("conditions") or []
        if one.get("status") != ("False" if one.get("type") == "ReplicaFailure" else "True")
    ]
    message = "; ".join([f"{there} of {wanted} pods are ready", *told])
    return Item(
        ref=Ref(DEPLOYMENT, str(meta.get("namespace", "")), str(meta["name"])),
        conditions={
            READY: Condition(
                status="True" if there >= wanted else "False",
                reason="MinimumReplicasAvailable" if there >= wanted else "PodsNotReady",
                message=message,
            )
        },
    )
