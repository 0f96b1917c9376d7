"""Kubernetes objects as plain data: normal form, pruning, annotations, names.

Two objects that the API server treats alike must look alike here, or a second `pulumi up` would
plan a change for ever. The vendor's plugin gets there through Go's typed structs; this module does
the part of it that shows (quantities, `stringData`, nulls, empty maps, read-only metadata). Pure:
no engine, no cluster.
"""

from __future__ import annotations

import base64
import binascii
import copy
import re
from decimal import Decimal
from typing import Any

from lab.plugins.kubernetes import kinds
from provider.rpc.wire import UNKNOWN

Object = dict[str, Any]

AUTONAMED = "pulumi.com/autonamed"
SKIP_AWAIT = "pulumi.com/skipAwait"
WAIT_FOR = "pulumi.com/waitFor"
TIMEOUT_SECONDS = "pulumi.com/timeoutSeconds"
REPLACE_UNREADY = "pulumi.com/replaceUnready"
PATCH_FORCE = "pulumi.com/patchForce"
PATCH_FIELD_MANAGER = "pulumi.com/patchFieldManager"
DELETION_PROPAGATION = "pulumi.com/deletionPropagationPolicy"

_READ_ONLY_METADATA = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "uid",
)
# The SDK's names of OpenAPI extensions in a CRD's schema: Python has no dash in identifiers.
_EXTENSIONS = {
    f"x_kubernetes_{name.replace('-', '_')}": f"x-kubernetes-{name}"
    for name in (
        "embedded-resource",
        "int-or-string",
        "list-map-keys",
        "list-type",
        "map-type",
        "preserve-unknown-fields",
        "validations",
    )
}
_SDK_NAMES = {dashed: snake for snake, dashed in _EXTENSIONS.items()}

# Maps of resource quantities, wherever they stand in a built-in kind.
_QUANTITY_MAPS = frozenset({"capacity", "hard", "limits", "requests", "overhead"})
_QUANTITY = re.compile(r"^([+-]?\d+(?:\.\d*)?|[+-]?\.\d+)(|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)$")
_DECIMAL = ["", "k", "M", "G", "T", "P", "E"]
_BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]
# Go's structs leave these out of the JSON when they are empty (`omitempty` maps and lists).
_DROPPED_WHEN_EMPTY = frozenset(
    {"annotations", "data", "binaryData", "env", "labels", "matchLabels", "nodeSelector", "args"}
)


def _renamed(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {names.get(key, key): _renamed(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    return value


def to_kubernetes(value: Object) -> Object:
    """Property names as the API server spells them (`x_kubernetes_map_type` -> dashes)."""
    renamed: Object = _renamed(value, _EXTENSIONS)
    return renamed


def to_pulumi(value: Object) -> Object:
    """Property names as the SDK spells them; the inverse of `to_kubernetes`."""
    renamed: Object = _renamed(value, _SDK_NAMES)
    return renamed


def given(value: Any) -> bool:
    """Whether the program set a value; one that is not known yet counts as set."""
    return value is UNKNOWN or bool(value)


def metadata(obj: Object) -> Object:
    """The object's metadata, an empty map when absent or not known yet."""
    found = obj.get("metadata")
    return found if isinstance(found, dict) else {}


def name_of(obj: Object) -> str:
    """`metadata.name`, empty when absent or not known yet."""
    name = metadata(obj).get("name")
    return name if isinstance(name, str) else ""


def namespace_of(obj: Object) -> str:
    """`metadata.namespace`, empty when absent or not known yet."""
    namespace = metadata(obj).get("namespace")
    return namespace if isinstance(namespace, str) else ""


def annotation(obj: Object, key: str) -> str:
    """One annotation's value, empty when absent."""
    annotations = metadata(obj).get("annotations")
    value = annotations.get(key) if isinstance(annotations, dict) else None
    return value if isinstance(value, str) else ""


def annotated_true(obj: Object, key: str) -> bool:
    """Whether an annotation says "true"."""
    return annotation(obj, key) == "true"


def with_autoname(obj: Object, name: str) -> Object:
    """A copy named by us, marked so that a replacement may choose another name."""
    named = copy.deepcopy(obj)
    meta = named.setdefault("metadata", {})
    meta["name"] = name
    annotations = meta.setdefault("annotations", {})
    if isinstance(annotations, dict):
        annotations[AUTONAMED] = "true"
    return named


def gvk_of(obj: Object) -> kinds.GroupVersionKind:
    """The object's own kind."""
    return kinds.of_object(str(obj.get("apiVersion", "")), str(obj.get("kind", "")))


def identifier(obj: Object) -> str:
    """The resource's ID in the state: `namespace/name`, or the name of a cluster-wide object."""
    namespace, name = namespace_of(obj), name_of(obj)
    return f"{namespace}/{name}" if namespace else name


def split_identifier(identifier: str) -> tuple[str, str]:
    """Namespace (empty when cluster-wide) and name of an ID."""
    namespace, slash, name = identifier.partition("/")
    return (namespace, name) if slash else ("", namespace)


def quantity(value: Any) -> Any:
    """A resource quantity as the API server writes it: `0.5` -> `500m`, `1024Mi` -> `1Gi`."""
    match = _QUANTITY.match(str(value)) if isinstance(value, str | int | float) else None
    if match is None or isinstance(value, bool):
        return value
    number, suffix = Decimal(match[1]), match[2]
    if suffix in _BINARY[1:]:
        return _scaled(number * 1024 ** _BINARY.index(suffix), _BINARY, 1024)
    exponent = Decimal(1) / 1000 if suffix == "m" else Decimal(1000) ** _DECIMAL.index(suffix)
    return _scaled(number * exponent, _DECIMAL, 1000)


def _scaled(amount: Decimal, suffixes: list[str], base: int) -> str:
    if amount != amount.to_integral_value():
        return f"{int((amount * 1000).to_integral_value(rounding='ROUND_CEILING'))}m"
    whole, power = int(amount), 0
    while whole and whole % base == 0 and power < len(suffixes) - 1:
        whole, power = whole // base, power + 1
    return f"{whole}{suffixes[power]}"


def _typed(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        if key in _QUANTITY_MAPS:
            return {name: quantity(item) for name, item in value.items()}
        items = {name: _typed(item, name) for name, item in value.items() if item is not None}
        return {
            name: item
            for name, item in items.items()
            if not (name in _DROPPED_WHEN_EMPTY and item in ({}, []))
        }
    if isinstance(value, list):
        return [_typed(item) for item in value]
    return value


def _normal_secret(obj: Object) -> Object:
    data = dict(obj.get("data") or {})
    for key, value in data.items():
        if isinstance(value, str):
            try:
                decoded = base64.b64decode(value, validate=False)
            except binascii.Error:
                continue  # the API server refuses it with a better message than ours
            data[key] = base64.b64encode(decoded).decode()
    for key, value in (obj.pop("stringData", None) or {}).items():
        data[key] = base64.b64encode(str(value).encode()).decode()
    if data:
        obj["data"] = data
    return obj


def normalised(obj: Object) -> Object:
    """The object as the API server would hand it back, as far as its author wrote it.

    Call it only when everything in it is known.
    """
    gvk = gvk_of(obj)
    result = copy.deepcopy(obj)
    if gvk.built_in and gvk.kind == "CustomResourceDefinition":
        result.pop("status", None)
        if isinstance(spec := result.get("spec"), dict) and not spec.get("preserveUnknownFields"):
            spec.pop("preserveUnknownFields", None)
    elif gvk.built_in:
        result = _typed(result)
        if gvk.group == "" and gvk.kind == "Secret":
            result = _normal_secret(result)
    return without_read_only(result)


def without_read_only(obj: Object) -> Object:
    """A copy without the metadata that only the API server writes."""
    result = dict(obj)
    if isinstance(meta := result.get("metadata"), dict):
        result["metadata"] = {k: v for k, v in meta.items() if k not in _READ_ONLY_METADATA}
    return result


def pruned(live: Any, shape: Any) -> Any:
    """The live value cut down to what `shape` mentions: what the cluster added is no drift."""
    if isinstance(live, dict) and isinstance(shape, dict):
        return {key: pruned(value, shape[key]) for key, value in live.items() if key in shape}
    if isinstance(live, list) and isinstance(shape, list):
        if live and shape and type(live[0]) is not type(shape[0]):
            return live
        return [pruned(live[index], shape[index]) for index in range(min(len(live), len(shape)))]
    return live
