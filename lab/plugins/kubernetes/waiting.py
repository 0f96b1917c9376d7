"""Waiting for objects: which condition, how long, and what the user is told at the end.

The annotations of the vendor decide: `skipAwait`, `timeoutSeconds`, `waitFor` (`jsonpath=` in
kubectl's form or `condition=`, one or a JSON list). The API server is polled, where the vendor's
plugin watches: a stand-in has few objects, and a poll cannot miss an event.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lab.plugins.kubernetes import objects, readiness
from lab.plugins.kubernetes.client import ApiError, Client, NoMatchError, UnreachableError
from lab.plugins.kubernetes.objects import Object
from lab.plugins.kubernetes.readiness import Progress
from provider.rpc import operation

DEFAULT_TIMEOUT = 600.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0
# Kinds for which the vendor lets `skipAwait` skip the wait of a delete as well (its issue 1232).
_DELETE_MAY_SKIP = frozenset(
    {
        "v1/Namespace",
        "v1/Pod",
        "v1/ReplicationController",
        "apps/v1/DaemonSet",
        "apps/v1/Deployment",
        "apps/v1/StatefulSet",
        "batch/v1/Job",
    }
)
_STEP = re.compile(
    r"\.?(?:\[\?\(@\.([\w.]+)\s*==\s*[\"']([^\"']*)[\"']\)\]|\[(\d+|\*)\]|\['([^']+)'\]|([\w-]+))"
)


class NotReadyError(Exception):
    """The wait ended without success; `live` is the object as last seen."""

    def __init__(self, message: str, live: Object, reasons: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.live = live
        self.reasons = reasons


@dataclass(frozen=True)
class Wait:
    """One object's wait: against which server, under which annotations, for how long."""

    client: Client
    inputs: Object
    timeout: float

    @property
    def seconds(self) -> float:
        """customTimeouts, else the annotation, else ten minutes."""
        if self.timeout:
            return self.timeout
        annotated = objects.annotation(self.inputs, objects.TIMEOUT_SECONDS)
        return float(annotated) if annotated.isdigit() else DEFAULT_TIMEOUT


def json_path(expression: str, obj: Any) -> list[Any]:
    """The values at a kubectl JSONPath like `{.status.conditions[?(@.type=="Ready")].status}`."""
    text = expression.strip().removeprefix("{").removesuffix("}").removeprefix("$")
    found, position = [obj], 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise ValueError(f"unrecognized JSONPath at {text[position:]!r} in {expression!r}")
        position = match.end()
        key, value, index, quoted, word = match.groups()
        found = [item for node in found for item in _step(node, key, value, index, quoted or word)]
    return found


def _step(node: Any, key: str | None, value: str | None, index: str | None, name: str) -> list[Any]:
    if key is not None:
        items = node if isinstance(node, list) else []
        return [item for item in items if readiness.dig(item, *key.split(".")) == value]
    if index is not None:
        if not isinstance(node, list):
            return []
        return list(node) if index == "*" else node[int(index) : int(index) + 1]
    return [node[name]] if isinstance(node, dict) and name in node else []


def custom(expression: str) -> readiness.Check:
    """The check that one `pulumi.com/waitFor` expression asks for; ValueError when malformed."""
    if expression.startswith("jsonpath="):
        path, _, wanted = expression.removeprefix("jsonpath=").partition("}=")
        json_path(path, {})

        def at_path(obj: Object, look: readiness.Neighbours, last: Object | None) -> Progress:
            del look, last
            if readiness.dig(
                obj, "status", "observedGeneration"
            ) is not None and not readiness.observed(obj):
                return Progress(ready=False, message=f"Waiting for {expression}")
            values = json_path(path, obj)
            matches = any(_text(value) == wanted for value in values) if wanted else bool(values)
            return Progress(matches, message=f"Waiting for {expression}")

        return at_path
    if expression.startswith("condition="):
        kind, _, status = expression.removeprefix("condition=").partition("=")

        def of_condition(obj: Object, look: readiness.Neighbours, last: Object | None) -> Progress:
            del look, last
            values = json_path(f'.status.conditions[?(@.type=="{kind}")].status', obj)
            return Progress((status or "True") in values, message=f"Waiting for {expression}")

        return of_condition
    raise ValueError(f'expected a "jsonpath=" or "condition=" prefix, got "{expression}"')


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def checks_for(inputs: Object, live: Object) -> list[readiness.Check]:
    """What a create or update of this object waits for; nothing for most kinds."""
    if objects.annotated_true(inputs, objects.SKIP_AWAIT):
        return []
    annotated = objects.annotation(live, objects.WAIT_FOR)
    if annotated:
        try:
            expressions = json.loads(annotated)
        except ValueError:
            expressions = None
        listed = expressions if isinstance(expressions, list) else [annotated]
        if not listed:
            raise ValueError("at least one condition must be specified")
        return [custom(str(item)) for item in listed]
    check = readiness.CREATED.get(str(objects.gvk_of(live)))
    return [check] if check else []


def until_ready(wait: Wait, live: Object, last: Object | None) -> Object:
    """Wait for a created or updated object. `NotReadyError` at the deadline or on a failure."""
    try:
        checks = checks_for(wait.inputs, live)
    except ValueError as error:
        raise NotReadyError(str(error), live) from error
    if not checks:
        return live
    seen, progress = live, readiness.READY

    def ready() -> bool:
        nonlocal seen, progress
        gvk = objects.gvk_of(live)
        seen = wait.client.get(gvk, objects.namespace_of(live), objects.name_of(live))
        look = _neighbours(wait.client, objects.namespace_of(live))
        progress = _worst([check(seen, look, last) for check in checks])
        if progress.message:
            operation.current().status(progress.message)
        return progress.ready or progress.failed

    finished = _poll(ready, wait.seconds, lambda: seen)
    if finished and not progress.failed:
        return seen
    name = objects.name_of(live)
    if progress.failed:
        raise NotReadyError(
            f"Resource '{name}' was created but failed to initialize", seen, progress.reasons
        )
    generic = bool(objects.annotation(live, objects.WAIT_FOR)) or live.get("kind") == "DaemonSet"
    message = "timed out waiting for the condition"
    raise NotReadyError(
        message if generic else f"'{name}' timed out waiting to be Ready", seen, progress.reasons
    )


def check_once(client: Client, inputs: Object, live: Object) -> None:
    """What a refresh does: `NotReadyError` when a known kind is not ready right now."""
    check = readiness.READ.get(str(objects.gvk_of(live)))
    if check is None or objects.annotated_true(inputs, objects.SKIP_AWAIT):
        return
    progress = check(live, _neighbours(client, objects.namespace_of(live)), live)
    if not progress.ready:
        message = f"Resource '{objects.name_of(live)}' was created but failed to initialize"
        raise NotReadyError(message, live, progress.reasons)


def until_gone(wait: Wait, live: Object) -> None:
    """Wait for a deleted object to disappear. `NotReadyError` at the deadline."""
    gvk = objects.gvk_of(live)
    may_skip = str(gvk) in _DELETE_MAY_SKIP
    if may_skip and objects.annotated_true(wait.inputs, objects.SKIP_AWAIT):
        return
    seen = live

    def gone() -> bool:
        nonlocal seen
        try:
            seen = wait.client.get(gvk, objects.namespace_of(live), objects.name_of(live))
        except NoMatchError:
            return True
        except ApiError as error:
            if error.code == 404:
                return True
            raise
        return False

    if not _poll(gone, wait.seconds, lambda: seen):
        finalizers = ", ".join(objects.metadata(seen).get("finalizers") or [])
        operation.current().warn(f"finalizers might be preventing deletion ({finalizers})")
        raise NotReadyError("timed out waiting for the condition", seen)


def _worst(progresses: list[Progress]) -> Progress:
    return next((item for item in progresses if not item.ready), progresses[0])


def _neighbours(client: Client, namespace: str) -> readiness.Neighbours:
    def look(gvk: Any) -> list[Object]:
        try:
            return client.list(gvk, namespace)
        except (ApiError, NoMatchError):
            return []

    return look


def _poll(done: Callable[[], bool], seconds: float, seen: Callable[[], Object]) -> bool:
    """Ask until `done`, for at most `seconds`; False at the deadline."""
    call = operation.current()
    deadline, pause = time.monotonic() + seconds, _FIRST_PAUSE
    while True:
        try:
            if done():
                return True
        except UnreachableError as error:  # a watch would reconnect: so do we
            call.status(str(error))
        except ApiError as error:
            if error.code < 500 and error.code != 429:
                raise NotReadyError(str(error), seen()) from error
            call.status(str(error))
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        if call.cancelled.wait(min(pause, left)):
            name = objects.name_of(seen())
            raise NotReadyError(f'Resource operation was cancelled for "{name}"', seen())
        pause = min(pause * 1.5, _LONGEST_PAUSE)
