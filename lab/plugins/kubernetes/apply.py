"""Writing objects: create, server-side apply, delete, and giving fields up.

The order of requests and the names of field managers are the vendor's: a create is a POST by
`pulumi-kubernetes`, and the first update moves those fields to the resource's own apply manager.
Waiting is done elsewhere.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from lab.plugins.kubernetes import difference, objects
from lab.plugins.kubernetes.client import APPLY, JSON_PATCH, ApiError, Client, NoMatchError
from lab.plugins.kubernetes.objects import Object
from provider.rpc import operation

_CREATED_BY = "pulumi-kubernetes"
_RETRIES = 5
_TAKEN_OVER = frozenset(
    {
        ("kubectl", "Apply"),
        ("kubectl", "Update"),
        ("before-first-apply", "Update"),
        ("pulumi-kubernetes", "Update"),
        ("pulumi-kubernetes.exe", "Update"),
        ("pulumi-resource-kubernetes", "Update"),
    }
)
_EXISTS = """

The resource already exists in the cluster. This can happen when:

  - Renaming a Pulumi resource: use an alias to preserve the identity,
    or use deleteBeforeReplace if the resource needs replacement.
  - Managing an existing resource: use a Patch resource (e.g. NamespacePatch)
    to manage specific fields without owning the resource lifecycle.
  - Adopting a resource into Pulumi: use `pulumi import`. Note that
    protected resources (e.g. kube-system) cannot be deleted on destroy.
  - Intentional upsert: set upsertExistingObjects on the provider to allow
    server-side apply to update existing objects on create."""
_CONFLICT = (
    "server-side apply field conflict detected, see https://www.pulumi.com/registry/packages/"
    "kubernetes/how-to-guides/managing-resources-with-server-side-apply/"
    "#handle-field-conflicts-on-existing-resources for troubleshooting help\n"
    'The resource managed by field manager "{manager}" had an apply conflict: {error}'
)


@dataclass(frozen=True)
class Request:
    """One object to write, by whom, and whether for real."""

    client: Client
    obj: Object
    manager: str
    preview: bool

    def query(self, manager: str, **more: str) -> dict[str, str]:
        """The query string of a write."""
        return {"fieldManager": manager, **({"dryRun": "All"} if self.preview else {}), **more}


def explained(error: ApiError, manager: str) -> str:
    """The server's message with the vendor's advice."""
    if error.reason == "AlreadyExists":
        return f"{error}{_EXISTS}"
    if error.reason == "Conflict":
        return _CONFLICT.format(manager=manager, error=error)
    return str(error)


def preview_cannot_tell(error: ApiError) -> bool:
    """Errors of a dry run that do not mean that the real run fails."""
    return (
        error.code == 403
        or error.namespace_missing
        or error.reason == "AlreadyExists"
        or (error.code == 400 and "does not support dry run" in str(error))
    )


def create(request: Request, *, upsert: bool, force: bool) -> Object:
    """Create (or apply, when `upsert`), retried while a namespace or CRD is still to appear."""
    call, pause = operation.current(), 1.0
    for attempt in range(_RETRIES + 1):
        try:
            return _create_once(request, upsert=upsert, force=force)
        except (ApiError, NoMatchError) as error:
            missing = isinstance(error, NoMatchError) or error.code == 404
            if not missing or attempt == _RETRIES or request.preview:
                raise
            call.status(f"Retry #{attempt}; creation failed: {error}")
        call.wait(pause)
        pause *= 2
    raise AssertionError("the loop returns or raises")


def _create_once(request: Request, *, upsert: bool, force: bool) -> Object:
    if upsert:
        return _apply(request, force=force or _forced(request.obj))
    gvk = objects.gvk_of(request.obj)
    return request.client.request(
        "POST",
        request.client.path(gvk, objects.namespace_of(request.obj)),
        request.obj,
        query=request.query(_CREATED_BY),
    )


def _forced(obj: Object) -> bool:
    return objects.annotated_true(obj, objects.PATCH_FORCE)


def _path(client: Client, obj: Object) -> str:
    return client.path(objects.gvk_of(obj), objects.namespace_of(obj), objects.name_of(obj))


def _apply(request: Request, *, force: bool) -> Object:
    return request.client.request(
        "PATCH",
        _path(request.client, request.obj),
        request.obj,
        content=APPLY,
        query=request.query(request.manager, force="true" if force else "false"),
    )


def update(
    request: Request,
    live: Object,
    *,
    old_inputs: Object,
    server_side: bool,
    is_patch: bool,
    force: bool,
) -> Object:
    """Bring the live object to the wanted one: a CRD by PUT, all else by apply (or merge patch)."""
    if objects.gvk_of(request.obj).kind == "CustomResourceDefinition" and not is_patch:
        body = copy.deepcopy(request.obj)
        body["metadata"]["resourceVersion"] = objects.metadata(live).get("resourceVersion")
        path = _path(request.client, request.obj)
        return request.client.request("PUT", path, body, query=request.query(request.manager))
    if not server_side:
        return request.client.request(
            "PATCH",
            _path(request.client, live),
            difference.merge_patch(old_inputs, request.obj),
            content="application/merge-patch+json",
            query=request.query(request.manager),
        )
    if not is_patch and not request.preview:
        live = _take_over(request, live)
    owned_by_pulumi = any(
        entry.get("manager") in ("pulumi-kubernetes", "pulumi-resource-kubernetes")
        for entry in objects.metadata(live).get("managedFields") or []
    )
    forced = force or _forced(request.obj) or (request.preview and owned_by_pulumi)
    return _apply(request, force=forced)


def _take_over(request: Request, live: Object) -> Object:
    """Move what a plain create (or kubectl) wrote to the apply manager, so that apply can prune."""
    entries = objects.metadata(live).get("managedFields") or []
    mine = (request.manager, "Apply")
    old = [e for e in entries if _owner(e) in _TAKEN_OVER and not e.get("subresource")]
    if not old:
        return live
    own = [e for e in entries if _owner(e) == mine and not e.get("subresource")]
    fields: Object = {}
    for entry in [*own, *old]:
        fields = _union(fields, entry.get("fieldsV1") or {})
    merged = {**old[0], "manager": request.manager, "operation": "Apply", "fieldsV1": fields}
    kept = [e for e in entries if e not in old and e not in own]
    meta = objects.metadata(live)
    patch = [
        {"op": "replace", "path": "/metadata/managedFields", "value": [merged, *kept]},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": meta["resourceVersion"]},
    ]
    path = _path(request.client, live)
    return request.client.request("PATCH", path, patch, content=JSON_PATCH)


def _owner(entry: Object) -> tuple[Any, Any]:
    return entry.get("manager"), entry.get("operation")


def _union(left: Object, right: Object) -> Object:
    merged = dict(left)
    for key, value in right.items():
        merged[key] = _union(merged[key], value) if key in merged else value
    return merged


def relinquish(client: Client, live: Object, manager: str) -> None:
    """Give up every field that `manager` owns: an apply of nothing but the identity."""
    identity = {
        "apiVersion": live["apiVersion"],
        "kind": live["kind"],
        "metadata": {
            key: value
            for key, value in objects.metadata(live).items()
            if key in ("name", "namespace")
        },
    }
    query = {"fieldManager": manager, "force": "false"}
    client.request("PATCH", _path(client, live), identity, content=APPLY, query=query)


def delete(client: Client, live: Object, inputs: Object) -> None:
    """Ask for deletion, in the foreground unless annotated otherwise."""
    wanted = objects.annotation(inputs, objects.DELETION_PROPAGATION).lower()
    policy = wanted.capitalize() if wanted in ("orphan", "background") else "Foreground"
    body = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": policy}
    client.request("DELETE", _path(client, live), body)
