"""The status that flux-operator writes: conditions, components, inventory, history. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from lab.fluxoperator.instance import Instance
from lab.fluxoperator.manifests import Build

Object = dict[str, Any]

IN_PROGRESS: Final = "Reconciliation in progress"
SUCCEEDED, FAILED, BUILD_FAILED = (
    "ReconciliationSucceeded",
    "ReconciliationFailed",
    "BuildFailed",
)
_HISTORY: Final = 5


def now() -> str:
    """The time as the API has it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def condition(instance: Instance, kind: str, status: str, reason: str, message: str) -> Object:
    """A condition; its time moves only with its status."""
    before = next(
        (item for item in instance.status.get("conditions") or [] if item["type"] == kind), None
    )
    same = before is not None and before["status"] == status
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": before["lastTransitionTime"] if before and same else now(),
        "observedGeneration": instance.generation,
    }


def progressing(instance: Instance) -> Object:
    """A reconciliation has begun."""
    return {
        "conditions": [
            condition(instance, "Reconciling", "True", "Progressing", IN_PROGRESS),
            condition(instance, "Ready", "Unknown", "Progressing", IN_PROGRESS),
        ]
    }


def succeeded(instance: Instance, build: Build, seconds: float) -> Object:
    """Everything is applied and healthy."""
    message = f"Reconciliation finished in {spoken(seconds)}"
    return {
        "conditions": [condition(instance, "Ready", "True", SUCCEEDED, message)],
        "lastAppliedRevision": build.revision,
        "lastAttemptedRevision": build.revision,
        **_handled(instance),
        **_history(instance, build.revision, seconds, SUCCEEDED),
    }


def failed(instance: Instance, revision: str, seconds: float, message: str) -> Object:
    """Something was refused, or did not become healthy; it is tried again."""
    said = f"reconciliation failed: {message}"
    return {
        "conditions": [
            condition(instance, "Reconciling", "True", "ProgressingWithRetry", IN_PROGRESS),
            condition(instance, "Ready", "False", FAILED, said),
        ],
        **_handled(instance),
        **_history(instance, revision, seconds, FAILED),
    }


def stalled(instance: Instance, message: str) -> Object:
    """The instance asks for what cannot be built; nothing is tried until it changes."""
    said = f"build failed: {message}"
    return {
        "conditions": [
            condition(instance, "Stalled", "True", BUILD_FAILED, said),
            condition(instance, "Ready", "False", BUILD_FAILED, said),
        ],
        **_handled(instance),
    }


def applied(build: Build) -> Object:
    """What was applied, and from which images."""
    return {
        "inventory": {"entries": inventory(build.objects)},
        "components": [
            {"name": image.name, "repository": image.repository, "tag": image.tag}
            for image in build.images
        ],
    }


def inventory(objects: list[Object]) -> list[dict[str, str]]:
    """Objects by id and version: `NAMESPACE_NAME_GROUP_KIND`."""
    return [{"id": _id(item), "v": item["apiVersion"].rpartition("/")[2]} for item in objects]


def reference(entry: Mapping[str, str]) -> tuple[str, str, str | None, str]:
    """API version, kind, namespace and name out of an entry of the inventory."""
    namespace, name, group, kind = entry["id"].split("_")
    version = f"{group}/{entry['v']}" if group else entry["v"]
    return version, kind, namespace or None, name


def spoken(seconds: float) -> str:
    """A duration as the operator writes it: milliseconds below a second, else whole seconds."""
    return f"{seconds * 1000:.0f}ms" if seconds < 1 else f"{seconds:.0f}s"


def _id(item: Object) -> str:
    metadata, (group, _, _) = item["metadata"], item["apiVersion"].rpartition("/")
    return f"{metadata.get('namespace', '')}_{metadata['name']}_{group}_{item['kind']}"


def _handled(instance: Instance) -> Object:
    return {"lastHandledReconcileAt": instance.requested} if instance.requested else {}


def _history(instance: Instance, revision: str, seconds: float, outcome: str) -> Object:
    """The last attempts, newest first; the same revision with the same outcome is one entry."""
    version, _, digest = revision.partition("@")
    past = list(instance.status.get("history") or [])
    same = next(
        (e for e in past if (e["digest"], e["lastReconciledStatus"]) == (digest, outcome)), None
    )
    entry = {
        "digest": digest,
        "firstReconciled": same["firstReconciled"] if same else now(),
        "lastReconciled": now(),
        "lastReconciledDuration": spoken(seconds),
        "lastReconciledStatus": outcome,
        "totalReconciliations": (same["totalReconciliations"] if same else 0) + 1,
        "metadata": {"flux": version},
    }
    return {"history": [entry, *(item for item in past if item is not same)][:_HISTORY]}
