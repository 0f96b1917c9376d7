"""From what the program wrote to what is compared and sent: normal form, names, namespaces.

Pure but for the random part of a generated name.
"""

from __future__ import annotations

import copy
import secrets
from typing import Any

from lab.plugins.kubernetes import objects
from lab.plugins.kubernetes.objects import Object
from provider.rpc.wire import UNKNOWN, has_unknown


def normal(obj: Object) -> Object:
    """The comparable form: normalised when everything is known."""
    return objects.without_read_only(obj) if has_unknown(obj) else objects.normalised(obj)


def named(inputs: Object, old_inputs: Object, name: str) -> Object:
    """The object with a name: its own, the old generated one, or a new one from the URN."""
    meta = objects.metadata(inputs)
    named_already = objects.given(meta.get("name")) or objects.given(meta.get("generateName"))
    if named_already or inputs.get("metadata") is UNKNOWN:
        return inputs
    if not old_inputs:
        return objects.with_autoname(inputs, f"{name}-{secrets.token_hex(4)}")
    if objects.annotated_true(old_inputs, objects.AUTONAMED):
        return objects.with_autoname(inputs, objects.name_of(old_inputs))
    return inputs


def canonical_namespace(obj: Object, *, namespaced: bool) -> None:
    """Write the default namespace out, or drop one that a cluster-wide kind cannot have."""
    meta: Any = obj.get("metadata")
    if not isinstance(meta, dict):
        return
    meta = obj["metadata"] = copy.copy(meta)
    if not namespaced:
        meta.pop("namespace", None)
    elif meta.get("namespace") in (None, ""):
        meta["namespace"] = "default"


def importable(live: Object) -> Object:
    """Inputs for an object that Pulumi has not seen before: all of it but what is not input."""
    inputs = objects.without_read_only({k: v for k, v in live.items() if k != "status"})
    annotations = objects.metadata(inputs).get("annotations")
    if isinstance(annotations, dict):
        for key in (
            "deployment.kubernetes.io/revision",
            "kubectl.kubernetes.io/last-applied-configuration",
        ):
            annotations.pop(key, None)
    return inputs


def field_manager(inputs: Object, known: str | None, *, server_side: bool) -> str:
    """Who owns our fields: the annotation, else the name in the state, else a new one."""
    if not server_side:
        return "pulumi-kubernetes"
    annotated = objects.annotation(inputs, objects.PATCH_FIELD_MANAGER)
    return annotated or known or f"pulumi-kubernetes-{secrets.token_hex(4)}"
