"""When an object counts as ready: one pure function per kind, with the vendor's own words.

Each takes the live object and a way to look at its neighbours, and says whether it is ready and, if
not, why. Who asks how often, and until when, is in `waiting`. Approximated against the vendor: the
Service needs no ten seconds of silence on its endpoints, and messages about a workload's pods are
the containers' waiting reasons only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from lab.plugins.kubernetes.kinds import GroupVersionKind
from lab.plugins.kubernetes.objects import Object, metadata, name_of

POD = GroupVersionKind("", "v1", "Pod")
CLAIM = GroupVersionKind("", "v1", "PersistentVolumeClaim")
ENDPOINTS = GroupVersionKind("", "v1", "Endpoints")
REPLICA_SET = GroupVersionKind("apps", "v1", "ReplicaSet")
STORAGE_CLASS = GroupVersionKind("storage.k8s.io", "v1", "StorageClass")
_REVISION = "deployment.kubernetes.io/revision"

Neighbours = Callable[[GroupVersionKind], list[Object]]


@dataclass(frozen=True)
class Progress:
    """How far an object is. `failed` ends the wait at once; `reasons` explain to the user."""

    ready: bool
    message: str = ""
    reasons: tuple[str, ...] = field(default=())
    failed: bool = False


READY = Progress(ready=True)


def dig(value: Any, *path: str) -> Any:
    """A nested value, None when any step is missing."""
    for step in path:
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _condition(obj: Object, kind: str) -> Object:
    for item in dig(obj, "status", "conditions") or []:
        if item.get("type") == kind:
            return dict(item)
    return {}


def _owned(items: Iterable[Object], owner: Object) -> list[Object]:
    uid = metadata(owner).get("uid")
    return [
        item
        for item in items
        if any(ref.get("uid") == uid for ref in metadata(item).get("ownerReferences") or [])
    ]


def observed(obj: Object) -> bool:
    """Whether the kind's controller has seen the object as it is now."""
    generation = metadata(obj).get("generation")
    return generation is None or dig(obj, "status", "observedGeneration") == generation


def _pod_reasons(pods: Iterable[Object]) -> list[str]:
    reasons = []
    for pod in pods:
        where = f"[Pod {metadata(pod).get('namespace')}/{name_of(pod)}]"
        scheduled = _condition(pod, "PodScheduled")
        if scheduled.get("status") == "False":
            reasons.append(f"{where}: {scheduled.get('reason')}: {scheduled.get('message')}")
        for status in dig(pod, "status", "containerStatuses") or []:
            state = dig(status, "state", "waiting") or dig(status, "state", "terminated") or {}
            if not status.get("ready") and state.get("reason"):
                detail = f"[{state['reason']}] {state.get('message', '')}".rstrip()
                reasons.append(
                    f"{where}: containers with unready status: [{status.get('name')}] -- {detail}"
                )
    return reasons


def deployment(obj: Object, look: Neighbours, last: Object | None) -> Progress:
    """Available, rolled out to the newest replica set, and with its claims bound."""
    del last
    annotations = metadata(obj).get("annotations") or {}
    revision = annotations.get(_REVISION)
    if not observed(obj) or not revision:
        return Progress(
            ready=False,
            message="Waiting for the Deployment controller",
            reasons=("Minimum number of live Pods was not attained",),
        )
    available = _condition(obj, "Available").get("status") == "True"
    progressing = _condition(obj, "Progressing")
    rolled_out = revision == "1" or progressing.get("reason") == "NewReplicaSetAvailable"
    sets = [
        item
        for item in _owned(look(REPLICA_SET), obj)
        if (metadata(item).get("annotations") or {}).get(_REVISION) == revision
    ]
    wanted = _number(dig(sets[0], "spec", "replicas")) if sets else 1
    ready = _number(dig(sets[0], "status", "readyReplicas")) if sets else 0
    unbound = _unbound_claims(obj, look)
    if available and rolled_out and sets and ready >= wanted and not unbound:
        return Progress(ready=True, message="Deployment initialization complete")
    reasons = [
        f"[{item.get('reason')}] {item.get('message')}"
        for item in (_condition(obj, "Available"), progressing)
        if item.get("status") == "False"
    ]
    if unbound:
        reasons.append(f'Failed to bind PersistentVolumeClaim(s): "{",".join(unbound)}"')
    if not available:
        reasons.append("Minimum number of live Pods was not attained")
    elif not rolled_out or revision == "1":
        reasons.append("Minimum number of Pods to consider the application live was not attained")
    else:
        reasons.append(
            "Attempted to roll forward to new ReplicaSet, "
            "but minimum number of Pods did not become live"
        )
    pods = _owned(look(POD), sets[0]) if sets else []
    return Progress(
        ready=False,
        message=f"Waiting for app ReplicaSet to be available ({ready}/{wanted} Pods available)",
        reasons=(*reasons, *_pod_reasons(pods)),
    )


def _unbound_claims(obj: Object, look: Neighbours) -> list[str]:
    volumes = dig(obj, "spec", "template", "spec", "volumes") or []
    names = {dig(volume, "persistentVolumeClaim", "claimName") for volume in volumes} - {None}
    if not names:
        return []
    return [
        name_of(claim)
        for claim in look(CLAIM)
        if name_of(claim) in names and dig(claim, "status", "phase") != "Bound"
    ]


def stateful_set(obj: Object, look: Neighbours, last: Object | None) -> Progress:
    """Every replica ready and on the current revision."""
    del last
    generation = _number(metadata(obj).get("generation"))
    wanted = _number(dig(obj, "spec", "replicas"))
    status = dig(obj, "status") or {}
    ready, updated = _number(status.get("readyReplicas")), _number(status.get("updatedReplicas"))
    same_count = wanted == _number(status.get("replicas")) == ready
    current, target = status.get("currentRevision") or "", status.get("updateRevision") or ""
    on_delete = dig(obj, "spec", "updateStrategy", "type") == "OnDelete" and generation > 1
    revision_ready = on_delete or bool(current and current == target)
    replicas_ready = same_count and (on_delete or wanted == _number(status.get("currentReplicas")))
    if _number(status.get("observedGeneration")) >= generation and revision_ready:
        if replicas_ready:
            return Progress(ready=True, message="StatefulSet initialization complete")
    else:
        ready = min(ready, updated)
    reasons = []
    if not replicas_ready:
        reasons.append(f"{ready} out of {wanted} replicas succeeded readiness checks")
    if not revision_ready:
        reasons.append(
            "StatefulSet controller failed to advance from revision "
            f'"{current}" to revision "{target}"'
        )
    return Progress(
        ready=False,
        message=f"Waiting for StatefulSet to create Pods ({ready}/{wanted} Pods ready)",
        reasons=(*reasons, *_pod_reasons(_owned(look(POD), obj))),
    )


def daemon_set(obj: Object, look: Neighbours, last: Object | None) -> Progress:
    """Scheduled, updated, available and ready on every node it wants (kstatus' rules)."""
    del last
    status = dig(obj, "status") or {}
    wanted = status.get("desiredNumberScheduled")
    message = ""
    if not observed(obj):
        message = (
            f"DaemonSet generation is {metadata(obj).get('generation')}, but latest observed "
            f"generation is {status.get('observedGeneration')}"
        )
    elif wanted is None:
        message = "Missing .status.desiredNumberScheduled"
    else:
        for word, key in (
            ("Current", "currentNumberScheduled"),
            ("Updated", "updatedNumberScheduled"),
            ("Available", "numberAvailable"),
            ("Ready", "numberReady"),
        ):
            if _number(status.get(key)) < wanted:
                message = f"{word}: {_number(status.get(key))}/{wanted}"
                break
    if not message:
        return Progress(
            ready=True, message=f"All replicas scheduled as expected. Replicas: {wanted}"
        )
    pods = _pod_reasons(_owned(look(POD), obj))
    return Progress(ready=False, message=message, reasons=tuple(pods))


def job(obj: Object, look: Neighbours, last: Object | None) -> Progress:
    """Complete; a failed one is an error at once."""
    del last
    if _condition(obj, "Complete").get("status") == "True":
        return READY
    failed = _condition(obj, "Failed")
    if failed.get("status") == "True":
        reason = f"[{failed.get('reason')}] {failed.get('message')}"
        return Progress(ready=False, message=reason, reasons=(reason,), failed=True)
    message = "Waiting for Job to start" if not dig(obj, "status", "startTime") else "Job running"
    return Progress(
        ready=False, message=message, reasons=tuple(_pod_reasons(_owned(look(POD), obj)))
    )


def pod(obj: Object, look: Neighbours, last: Object | None) -> Progress:
    """Ready, or run to a successful end."""
    del look, last
    if dig(obj, "status", "phase") == "Succeeded":
        return READY
    if _condition(obj, "Ready").get("status") == "True":
        return READY
    return Progress(
        ready=False, message="Waiting for Pod to be ready", reasons=tuple(_pod_reasons([obj]))
    )


def service(obj: Object, look: Neighbours, last: Object | None) -> Progress:
    """Has an address when it is a LoadBalancer, and no endpoint of it is still coming up."""
    del last
    kind = dig(obj, "spec", "type") or "ClusterIP"
    headless = dig(obj, "spec", "clusterIP") == "None"
    has_address = kind != "LoadBalancer" or bool(dig(obj, "status", "loadBalancer", "ingress"))
    with_pods = kind != "ExternalName" and not headless and bool(dig(obj, "spec", "selector"))
    targets = pending = settled = False
    for endpoints in look(ENDPOINTS) if with_pods else []:
        if name_of(endpoints) == name_of(obj):
            settled = True
            for subset in endpoints.get("subsets") or []:
                targets = targets or bool(subset.get("addresses"))
                pending = pending or bool(subset.get("notReadyAddresses"))
    if has_address and (not with_pods or (settled and not pending)):
        return READY
    reasons = []
    if with_pods and not targets:
        reasons.append(
            "Service does not target any Pods. Selected Pods may not be ready, or "
            "field '.spec.selector' may not match labels on any Pods"
        )
    if not has_address:
        reasons.append(
            "Service was not allocated an IP address; does your cloud provider support this?"
        )
    return Progress(
        ready=False, message="Finding Pods to direct traffic to", reasons=tuple(reasons)
    )


def ingress(obj: Object, look: Neighbours, last: Object | None) -> Progress:
    """Has an address."""
    del look, last
    if dig(obj, "status", "loadBalancer", "ingress"):
        return READY
    reason = "Ingress .status.loadBalancer field was not updated with a hostname/IP address."
    return Progress(ready=False, message=reason, reasons=(reason,))


def claim(obj: Object, look: Neighbours, last: Object | None) -> Progress:
    """Bound, or rightly pending when its class binds at first use."""
    phase = dig(obj, "status", "phase")
    if phase == "Bound":
        return READY
    if last is None and phase == "Pending":
        wanted = dig(obj, "spec", "storageClassName")
        for item in look(STORAGE_CLASS):
            late = item.get("volumeBindingMode") == "WaitForFirstConsumer"
            if late and name_of(item) == wanted:
                return READY
    return Progress(ready=False, message=f"PersistentVolumeClaim is {phase or 'new'}")


def volume(obj: Object, look: Neighbours, last: Object | None) -> Progress:
    """Available or bound."""
    del look, last
    phase = dig(obj, "status", "phase")
    return Progress(phase in ("Available", "Bound"), message=f"PersistentVolume is {phase}")


def quota(obj: Object, look: Neighbours, last: Object | None) -> Progress:
    """Accounted for by its controller."""
    del look, last
    same = dig(obj, "spec", "hard") == dig(obj, "status", "hard")
    return Progress(same, message="Waiting for the quota's status")


def secret(obj: Object, look: Neighbours, last: Object | None) -> Progress:
    """At once; only a service account's token has to be filled in by its controller."""
    del look, last
    is_token = obj.get("type") == "kubernetes.io/service-account-token"
    return Progress(not is_token or bool(obj.get("data")), message="Waiting for the token")


Check = Callable[[Object, Neighbours, Object | None], Progress]

CREATED: dict[str, Check] = {
    "apps/v1/DaemonSet": daemon_set,
    "apps/v1/Deployment": deployment,
    "apps/v1/StatefulSet": stateful_set,
    "batch/v1/Job": job,
    "v1/PersistentVolume": volume,
    "v1/PersistentVolumeClaim": claim,
    "v1/Pod": pod,
    "v1/ResourceQuota": quota,
    "v1/Secret": secret,
    "v1/Service": service,
    "networking.k8s.io/v1/Ingress": ingress,
}
"""By apiVersion/kind: what a create or an update waits for. A Namespace is ready at once."""

READ: dict[str, Check] = {
    key: check
    for key, check in CREATED.items()
    if check in (daemon_set, deployment, stateful_set, job, pod, service, ingress)
}
"""What a refresh looks at: an unready one is reported as not initialised."""
