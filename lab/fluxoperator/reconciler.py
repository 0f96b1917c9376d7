"""Brings a cluster to an instance: apply, take away what is no longer part of it, wait, report.

One instance at a time, one call after the other. What it decides is in the pure modules.
"""

import time
from collections.abc import Callable
from typing import Any, Final

from lab.fluxoperator import conditions, health
from lab.fluxoperator.distribution import BuildError
from lab.fluxoperator.instance import FINALIZER, GROUP, Instance
from lab.fluxoperator.kube import Kube, Refused, path_of, place_of
from lab.fluxoperator.manifests import Build, build

Object = dict[str, Any]
Place = tuple[str, str, str | None, str]  # API version, kind, namespace, name

POLL_SECONDS: Final = 2.0
ESTABLISHED_SECONDS: Final = 60.0


class Unhealthy(Exception):  # noqa: N818 (reads as what happened)
    """Something applied did not become healthy in time; the text says what, in its own words."""


class Superseded(Exception):  # noqa: N818 (reads as what happened)
    """The instance changed while it was waited for: what was waited for is not wanted any more."""


class Reconciler:
    """Reconciles instances with one client; `pause` lets time pass between two looks."""

    def __init__(
        self,
        kube: Kube,
        definitions: list[Object],
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._kube = kube
        self._definitions = definitions
        self._pause = pause

    def reconcile(self, instance: Instance) -> bool:
        """Bring the cluster to it; whether that is so. False: to be tried again."""
        started = time.monotonic()
        self._report(instance, conditions.progressing(instance))
        try:
            wanted = build(instance, self._definitions)
        except BuildError as error:
            self._report(instance, conditions.stalled(instance, str(error)))
            return True
        self._report(instance, {"lastAttemptedRevision": wanted.revision})
        try:
            self._apply(instance, wanted)
            if instance.waits:
                self._await(instance, wanted.objects, instance.timeout)
        except (Refused, Unhealthy) as problem:
            seconds = time.monotonic() - started
            said = conditions.failed(instance, wanted.revision, seconds, str(problem))
            self._report(instance, said)
            return False
        seconds = time.monotonic() - started
        self._report(instance, conditions.succeeded(instance, wanted, seconds))
        return True

    def add_finalizer(self, instance: Instance) -> None:
        """Have its deletion wait for the uninstallation."""
        finalizers = [*instance.finalizers, FINALIZER]
        self._kube.merge(place_of(instance.document), {"metadata": {"finalizers": finalizers}})

    def uninstall(self, instance: Instance) -> None:
        """Take away what it made: controllers first, so that nobody adds finalizers again."""
        entries = [] if instance.disabled else instance.inventory
        places = [conditions.reference(entry) for entry in entries]
        for kind in ("Deployment", "CustomResourceDefinition"):
            if kind == "CustomResourceDefinition":
                self._release(places)
            self._delete(instance, [place for place in places if place[1] == kind])
        self._delete(instance, places)
        kept = [entry for entry in instance.finalizers if entry != FINALIZER]
        self._kube.merge(place_of(instance.document), {"metadata": {"finalizers": kept}})

    def _apply(self, instance: Instance, wanted: Build) -> None:
        for item in wanted.first:
            self._kube.apply(item)
        self._await(instance, wanted.first, ESTABLISHED_SECONDS)
        for item in wanted.rest:
            self._kube.apply(item)
        stale = _stale(instance, wanted)
        self._report(instance, conditions.applied(wanted))
        self._delete(instance, stale, wait=False)

    def _await(self, instance: Instance, objects: list[Object], timeout: float) -> None:
        """Wait for all of them; ends early when one is given up or the instance changes."""
        waiting = [item for item in objects if health.waits_for(item)]
        end = time.monotonic() + timeout
        while True:
            seen = [self._kube.get(place_of(item)) for item in waiting]
            waiting = [item for item in seen if not health.is_healthy(item)]
            if not waiting:
                return
            late = time.monotonic() >= end
            if late or any(health.is_given_up(item) for item in waiting):
                raise Unhealthy(_complaint(waiting, late=late, timeout=timeout))
            self._insist_current(instance)
            self._pause(POLL_SECONDS)

    def _insist_current(self, instance: Instance) -> None:
        found = self._kube.find(place_of(instance.document))
        current = Instance(found) if found else None
        if (
            current is None
            or current.deleting
            or (current.generation, current.requested) != (instance.generation, instance.requested)
        ):
            raise Superseded(instance.name)

    def _release(self, places: list[Place]) -> None:
        """Free every object of Flux's own kinds of its finalizers: its controller is gone."""
        for version, kind, _, name in places:
            definition = (
                self._kube.find(path_of(version, kind, None, name))
                if kind == "CustomResourceDefinition"
                else None
            )
            if definition is None:
                continue
            spec = definition["spec"]
            served = next(item["name"] for item in spec["versions"] if item["storage"])
            group = f"/apis/{spec['group']}/{served}"
            plural = spec["names"]["plural"]
            for item in self._kube.get(f"{group}/{plural}")["items"]:
                within = f"{group}/namespaces/{item['metadata']['namespace']}/{plural}"
                path = f"{within}/{item['metadata']['name']}"
                self._kube.merge(path, {"metadata": {"finalizers": None}})

    def _delete(
        self,
        instance: Instance,
        places: list[Place],
        *,
        wait: bool = True,
    ) -> None:
        """Delete what is the instance's own, and wait until it is gone."""
        mine = {f"{GROUP}/name": instance.name, f"{GROUP}/namespace": instance.namespace}
        left = []
        for version, kind, namespace, name in places:
            path = path_of(version, kind, namespace, name)
            found = self._kube.find(path)
            metadata = (found or {}).get("metadata") or {}
            kept = (metadata.get("annotations") or {}).get(f"{GROUP}/prune") == "disabled"
            labels = metadata.get("labels") or {}
            if found is None or kept or not mine.items() <= labels.items():
                continue
            self._kube.delete(path)
            left.append(path)
        end = time.monotonic() + instance.timeout
        while wait and (left := [path for path in left if self._kube.find(path)]):
            if time.monotonic() >= end:
                return  # as the operator: it says so in its log, and goes on
            self._pause(POLL_SECONDS)

    def _report(self, instance: Instance, status: Object) -> None:
        """Write a part of the status; an instance that is gone needs none."""
        try:
            self._kube.merge(f"{place_of(instance.document)}/status", {"status": status})
        except Refused as no:
            if no.status != 404:
                raise


def _stale(instance: Instance, wanted: Build) -> list[Place]:
    """What an earlier build had and this one has no more."""
    current = {entry["id"] for entry in conditions.inventory(wanted.objects)}
    old = [entry for entry in instance.inventory if entry["id"] not in current]
    return [conditions.reference(entry) for entry in old]


def _complaint(waiting: list[Object], *, late: bool, timeout: float) -> str:
    names = ", ".join(f"{health.name(item)}" for item in waiting)
    first = (
        f"timeout waiting for: [{names}] after {conditions.spoken(timeout)}"
        if late
        else f"failed early due to stalled resources: [{names}]"
    )
    words = [said for item in waiting if (said := health.told(item))]
    return "\n".join([first, *words])
