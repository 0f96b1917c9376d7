"""A FluxInstance as its reconciler reads it: defaults filled in, durations in seconds. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from lab.fluxoperator.distribution import CONTROLLERS

GROUP: Final = "fluxcd.controlplane.io"
FINALIZER: Final = f"{GROUP}/finalizer"
RECONCILE: Final = f"{GROUP}/reconcile"
EVERY: Final = f"{GROUP}/reconcileEvery"
TIMEOUT: Final = f"{GROUP}/reconcileTimeout"
PRUNE: Final = f"{GROUP}/prune"
REQUESTED: Final = "reconcile.fluxcd.io/requestedAt"
DEFAULT_EVERY, DEFAULT_TIMEOUT = 3600.0, 300.0
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Instance:
    """One FluxInstance, as the API server has it."""

    document: Document

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.document["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """Where it is, and where Flux is installed."""
        return str(self.document["metadata"]["namespace"])

    @property
    def annotations(self) -> Mapping[str, str]:
        """Its annotations."""
        return self.document["metadata"].get("annotations") or {}

    @property
    def generation(self) -> int:
        """Counts changes of the spec."""
        return int(self.document["metadata"]["generation"])

    @property
    def requested(self) -> str | None:
        """When somebody last asked for a reconciliation, in their words."""
        return self.annotations.get(REQUESTED)

    @property
    def deleting(self) -> bool:
        """Whether somebody deleted it."""
        return bool(self.document["metadata"].get("deletionTimestamp"))

    @property
    def finalizers(self) -> list[str]:
        """What its deletion waits for."""
        return list(self.document["metadata"].get("finalizers") or [])

    @property
    def disabled(self) -> bool:
        """Whether its reconciliation is switched off."""
        return self.annotations.get(RECONCILE, "").lower() == "disabled"

    @property
    def every(self) -> float:
        """Seconds between reconciliations."""
        return seconds(self.annotations.get(EVERY), DEFAULT_EVERY)

    @property
    def timeout(self) -> float:
        """Seconds until a health check fails."""
        return seconds(self.annotations.get(TIMEOUT), DEFAULT_TIMEOUT)

    @property
    def spec(self) -> Document:
        """What is wanted."""
        return self.document.get("spec") or {}

    @property
    def status(self) -> Document:
        """What was seen last."""
        return self.document.get("status") or {}

    @property
    def components(self) -> list[str]:
        """The controllers that are wanted."""
        return list(self.spec.get("components") or CONTROLLERS)

    @property
    def cluster(self) -> Document:
        """What is said of the cluster."""
        return {
            "networkPolicy": True,
            "domain": "cluster.local",
            **(self.spec.get("cluster") or {}),
        }

    @property
    def waits(self) -> bool:
        """Whether it is Ready only when everything it made is."""
        return bool(self.spec.get("wait", True))

    @property
    def inventory(self) -> list[dict[str, str]]:
        """What was applied last, by id and version."""
        return list((self.status.get("inventory") or {}).get("entries") or [])


def seconds(duration: str | None, default: float) -> float:
    """A duration as Go writes it (`1h30m`), in seconds; the default for none and for nonsense."""
    parts = _PART.findall(duration or "")
    if not parts or "".join(number + unit for number, unit in parts) != duration:
        return default
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
