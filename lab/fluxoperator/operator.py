"""When to reconcile: on a change, on request, every interval, and again after a failure.

One loop over the instances of all namespaces that are there. Nothing is asked while nothing is due:
a watch of bounded length tells of changes.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from lab.fluxoperator.instance import FINALIZER, GROUP, Instance
from lab.fluxoperator.kube import Away, Kube, Refused
from lab.fluxoperator.reconciler import Reconciler, Superseded

INSTANCES: Final = f"/apis/{GROUP}/v1/fluxinstances"
WATCH_SECONDS: Final = 300.0
FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 1.0, 900.0


@dataclass
class Turn:
    """What was done for an instance last, and when it is its turn again (monotonic seconds)."""

    seen: tuple[int, str | None]
    due: float
    failures: int = 0


class Operator:
    """The loop; `alive` is told that it goes on."""

    def __init__(self, kube: Kube, reconciler: Reconciler, alive: Callable[[], None]) -> None:
        self._kube = kube
        self._reconciler = reconciler
        self._alive = alive
        self._turns: dict[str, Turn] = {}

    def run(self) -> None:
        """Work for ever; an API server that is away is waited for."""
        absences = 0
        while True:
            try:
                self.step()
                absences = 0
            except (Away, Refused) as problem:
                absences += 1
                log("the API server", str(problem))
                time.sleep(pause_after(absences, limit=30.0))

    def step(self) -> None:
        """Do what is due, then wait for a change or the next turn."""
        found = self._kube.get(INSTANCES)
        self._alive()
        for document in found["items"]:
            self._visit(Instance(document))
        wait = min(
            [turn.due - time.monotonic() for turn in self._turns.values()] or [WATCH_SECONDS]
        )
        if wait <= 0:
            return
        # From the list's own version: what changed while we worked comes at once.
        version = found["metadata"]["resourceVersion"]
        for event in self._kube.watch(INSTANCES, version, min(wait, WATCH_SECONDS)):
            if event["type"] == "ERROR" or self._concerns(event["object"]):
                return

    def _concerns(self, document: dict[str, Any]) -> bool:
        """Whether an event is more than our own report of what we did."""
        if "generation" not in document.get("metadata", {}):
            return True
        instance = Instance(document)
        turn = self._turns.get(uid(instance))
        return turn is None or instance.deleting or turn.seen != state_of(instance)

    def _visit(self, instance: Instance) -> None:
        key = uid(instance)
        turn = self._turns.get(key)
        if instance.deleting:
            self._turns.pop(key, None)
            if FINALIZER in instance.finalizers:
                log(instance.name, "uninstalling")
                self._reconciler.uninstall(instance)
            return
        if turn and turn.seen == state_of(instance) and time.monotonic() < turn.due:
            return
        if FINALIZER not in instance.finalizers:
            self._reconciler.add_finalizer(instance)
        failures = turn.failures if turn else 0
        try:
            well = True if instance.disabled else self._reconciler.reconcile(instance)
        except Superseded:
            self._turns.pop(key, None)
            return
        failures = 0 if well else failures + 1
        wait = instance.every if well else pause_after(failures, limit=LAST_RETRY_SECONDS)
        log(instance.name, "reconciled" if well else f"failed; again in {wait:.0f} s")
        self._turns[key] = Turn(state_of(instance), time.monotonic() + wait, failures)


def uid(instance: Instance) -> str:
    """What tells an instance from a later one of the same name."""
    return str(instance.document["metadata"]["uid"])


def state_of(instance: Instance) -> tuple[int, str | None]:
    """What of an instance asks for work when it changes."""
    return instance.generation, instance.requested


def pause_after(failures: int, *, limit: float) -> float:
    """Seconds until the next attempt, twice as long after every failure."""
    return float(min(FIRST_RETRY_SECONDS * 2 ** min(failures - 1, 20), limit))


def log(who: str, what: str) -> None:
    """A line for the pod's log."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    print(json.dumps({"ts": stamp, "instance": who, "msg": what}), file=sys.stderr, flush=True)
