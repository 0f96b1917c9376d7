"""Whether an applied object has become what it is to be, by its own status. Pure.

Flux's objects and everything else that reports in conditions follow one convention (kstatus): Ready
for the generation that is wanted.
"""

from collections.abc import Mapping
from typing import Any, Final

_CONDITIONED: Final = ("source.toolkit.fluxcd.io/", "kustomize.toolkit.fluxcd.io/")


def waits_for(item: Mapping[str, Any]) -> bool:
    """Whether an object's health says anything; the others are healthy once they are there."""
    conditioned = str(item["apiVersion"]).startswith(_CONDITIONED)
    return conditioned or item["kind"] in {"Deployment", "CustomResourceDefinition"}


def is_healthy(item: Mapping[str, Any]) -> bool:
    """Whether it is there and works."""
    if item["kind"] == "CustomResourceDefinition":
        return _condition(item, "Established") == "True"
    observed = _status(item).get("observedGeneration", 0) >= item["metadata"]["generation"]
    if item["kind"] == "Deployment":
        wanted, status = item["spec"].get("replicas", 1), _status(item)
        current = [status.get(key, 0) for key in ("updatedReplicas", "availableReplicas")]
        return observed and status.get("replicas", 0) == wanted and current == [wanted, wanted]
    return observed and _condition(item, "Ready") == "True"


def is_given_up(item: Mapping[str, Any]) -> bool:
    """Whether its controller says that it will not become healthy without a change."""
    return _condition(item, "Stalled") == "True"


def told(item: Mapping[str, Any]) -> str | None:
    """What a Flux object says of itself, when it is not Ready."""
    if not str(item["apiVersion"]).startswith(_CONDITIONED):
        return None
    ready = next((c for c in _status(item).get("conditions") or [] if c["type"] == "Ready"), None)
    if ready is None or ready["status"] == "True":
        return None
    return f"{name(item)} status: {ready['message']}"


def name(item: Mapping[str, Any]) -> str:
    """An object as the operator's messages have it."""
    metadata = item["metadata"]
    return "/".join(filter(None, (item["kind"], metadata.get("namespace"), metadata["name"])))


def _status(item: Mapping[str, Any]) -> Mapping[str, Any]:
    return item.get("status") or {}


def _condition(item: Mapping[str, Any], kind: str) -> str | None:
    found = [c["status"] for c in _status(item).get("conditions") or [] if c["type"] == kind]
    return found[0] if found else None
