"""Schemas of Kubernetes' own kinds, from the models that the Kubernetes client brings.

Loaded when they are first asked for: only the group's own module is imported. What must be there is
not in them: Kubernetes fills in much of what its own schema calls required.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from checks.schema import Schema

GROUPS: Mapping[str, str] = {
    "": "core",
    "admissionregistration.k8s.io": "admissionregistration",
    "apps": "apps",
    "autoscaling": "autoscaling",
    "batch": "batch",
    "coordination.k8s.io": "coordination",
    "discovery.k8s.io": "discovery",
    "networking.k8s.io": "networking",
    "node.k8s.io": "node",
    "policy": "policy",
    "rbac.authorization.k8s.io": "rbac",
    "scheduling.k8s.io": "scheduling",
    "storage.k8s.io": "storage",
}
PLAIN: Mapping[Any, str] = {bool: "boolean", int: "integer", float: "number", str: "string"}


def kind_schema(group: str, version: str, kind: str) -> Schema | None:
    """The schema of a kind in a version; None for what is not Kubernetes' own, or not known."""
    if group not in GROUPS:
        return None
    found = getattr(models(f"{GROUPS[group]}_{version}"), kind, None)
    return struct(found) if found is not None else None


def metadata_schema() -> Schema:
    """The schema of every object's metadata."""
    return struct(models("meta_v1").ObjectMeta)


@cache
def models(name: str) -> Any:
    """A module of models; None where there is none."""
    full = f"lightkube.models.{name}"
    return import_module(full) if find_spec(full) else None


@cache
def struct(model: Any) -> Schema:
    """The schema of an object."""
    texts, types = model.__annotations__, get_type_hints(model)
    names = zip(model.__struct_fields__, model.__struct_encode_fields__, strict=True)
    return {
        "type": "object",
        "properties": {
            written: {} if "Quantity" in str(texts.get(name)) else typed(types[name])
            for name, written in names
        },
    }


def typed(found: Any) -> Schema:
    """The schema of a field; what can be several things may be anything."""
    if get_origin(found) in {Union, UnionType}:
        inner = [one for one in get_args(found) if one is not type(None)]
        return typed(inner[0]) if len(inner) == 1 else {}
    if get_origin(found) is list:
        return {"type": "array", "items": typed(get_args(found)[0])}
    if hasattr(found, "__struct_fields__"):
        return struct(found)
    if found is dict or get_origin(found) is dict:
        return {"type": "object"}
    return {"type": PLAIN[found]} if found in PLAIN else {}
