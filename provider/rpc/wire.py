"""Property values: protobuf `Struct` on the wire, plain Python in the hand.

What the engine sends becomes `None`, `bool`, `int` (a whole number), `float`, `str`, `list`, `dict`
and five things Python has no word for: `UNKNOWN` (a value not known before the real run), `Secret`
(a value that must stay encrypted in state), `Asset`, `Archive` and `ResourceRef`. `encode` is the
exact way back, with two simplifications that lose nothing a provider may use: the seven kinds of
unknown become the one for strings, as the Python SDK sends it, and an *output value* becomes the
secret or unknown that it says (its dependencies are the engine's business).

No gRPC, no engine, no policy here.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from google.protobuf import struct_pb2

# Keys and signatures of the wire format: pulumi/pulumi sdk/go/common/resource/sig and
# .../plugin/rpc.go; a dict that holds SIGNATURE is one of the special values below.
SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 (a wire constant, not a secret)
OUTPUT_VALUE: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
RESOURCE_REF: Final = "5cf8f73096256a8f31e491e813e4eb8e"
ASSET: Final = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE: Final = "0def7320c3a5731c473e5ecbe6d01bc7"
UNKNOWN_STRING: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
UNKNOWN_SENTINELS: Final = frozenset(
    {
        UNKNOWN_STRING,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)
LARGEST_WHOLE: Final = 2**53
"""Numbers travel as doubles: beyond this a whole number is no longer exact."""

Value: TypeAlias = Any
"""A property value as described above; recursive types cost more in casts than they catch."""
Properties: TypeAlias = dict[str, Value]


class Unknown:
    """The type of `UNKNOWN`; compare with `is`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __bool__(self) -> bool:
        message = "an unknown value is neither true nor false: test it with `is UNKNOWN`"
        raise TypeError(message)

    def __copy__(self) -> "Unknown":
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> "Unknown":
        return self


UNKNOWN: Final = Unknown()


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A value that the engine keeps encrypted; its `repr` never shows it."""

    value: Value

    def __repr__(self) -> str:
        return "Secret(…)"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file or text handed over by the program: exactly one of `text`, `path`, `uri`."""

    fields: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Archive:
    """A folder, archive file or map of assets (`assets`, `path` or `uri`)."""

    fields: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class ResourceRef:
    """A reference to another resource; providers here do not negotiate them, so they are rare."""

    fields: Mapping[str, Value]


_SPECIAL: Final[dict[str, type[Asset] | type[Archive] | type[ResourceRef]]] = {
    ASSET: Asset,
    ARCHIVE: Archive,
    RESOURCE_REF: ResourceRef,
}
_SIGNATURE_OF: Final = {kind: signature for signature, kind in _SPECIAL.items()}


def decode(struct: struct_pb2.Struct) -> Properties:
    """The properties in `struct`."""
    return {key: _decode_value(value) for key, value in struct.fields.items()}


def _decode_value(value: struct_pb2.Value) -> Value:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        text = value.string_value
        return UNKNOWN if text in UNKNOWN_SENTINELS else text
    if kind == "struct_value":
        return _decode_struct(value.struct_value)
    if kind == "list_value":
        return [_decode_value(item) for item in value.list_value.values]
    if kind == "bool_value":
        return value.bool_value
    if kind == "number_value":
        return _decode_number(value.number_value)
    return None


def _decode_number(number: float) -> int | float:
    whole = number.is_integer() and abs(number) <= LARGEST_WHOLE
    negative_zero = number == 0 and math.copysign(1, number) < 0  # no int says that
    return int(number) if whole and not negative_zero else number


def _decode_struct(struct: struct_pb2.Struct) -> Value:
    fields = decode(struct)
    signature = fields.get(SIGNATURE)
    if signature is None:
        return fields
    del fields[SIGNATURE]
    if signature == SECRET:
        return Secret(fields.get("value"))
    if signature == OUTPUT_VALUE:
        known = fields.get("value", UNKNOWN)
        return Secret(known) if fields.get("secret") else known
    if signature in _SPECIAL:
        return _SPECIAL[signature](fields)
    raise ValueError(f"property value with the unknown signature {signature!r}")


def encode(properties: Mapping[str, Value]) -> struct_pb2.Struct:
    """`properties` as a `Struct`. `TypeError` names the path of a value that cannot travel."""
    struct = struct_pb2.Struct()
    for key, value in properties.items():
        _encode_into(struct.fields[_key(key, "")], value, key)
    return struct


def _key(key: object, path: str) -> str:
    if not isinstance(key, str):
        raise TypeError(f"{path or 'properties'}: the key {key!r} is not a string")
    return key


def _encode_into(target: struct_pb2.Value, value: Value, path: str) -> None:
    if value is UNKNOWN:
        target.string_value = UNKNOWN_STRING
    elif value is None:
        target.null_value = struct_pb2.NULL_VALUE
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int | float):
        target.number_value = _exact(value, path)
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, list | tuple):
        target.list_value.SetInParent()
        for index, item in enumerate(value):
            _encode_into(target.list_value.values.add(), item, f"{path}[{index}]")
    else:
        _encode_fields(target, _fields_of(value, path), path)


def _exact(number: float, path: str) -> float:
    if isinstance(number, int) and abs(number) > LARGEST_WHOLE:
        raise TypeError(f"{path}: {number} is too large for a property; pass it as a string")
    return float(number)


def _fields_of(value: Value, path: str) -> Mapping[str, Value]:
    if isinstance(value, Secret):
        return {SIGNATURE: SECRET, "value": value.value}
    if isinstance(value, Asset | Archive | ResourceRef):
        return {SIGNATURE: _SIGNATURE_OF[type(value)], **value.fields}
    if isinstance(value, Mapping):
        if SIGNATURE in value:
            raise TypeError(f"{path}: a dict must not hold the wire's own key; use Secret or Asset")
        return value
    raise TypeError(f"{path}: {type(value).__name__} cannot be a property value")


def _encode_fields(target: struct_pb2.Value, fields: Mapping[str, Value], path: str) -> None:
    target.struct_value.SetInParent()
    for key, item in fields.items():
        _encode_into(target.struct_value.fields[_key(key, path)], item, f"{path}.{key}")


def plain(value: Value) -> Value:
    """`value` without any `Secret` wrapper, at every depth. Never log what comes out."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def has_unknown(value: Value) -> bool:
    """Whether anything in `value`, at any depth, is not known yet."""
    if value is UNKNOWN:
        return True
    if isinstance(value, Secret):
        return has_unknown(value.value)
    if isinstance(value, Asset | Archive | ResourceRef):
        return has_unknown(value.fields)
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    return isinstance(value, list | tuple) and any(has_unknown(item) for item in value)


def is_secret(value: Value) -> bool:
    """Whether `value` itself is wrapped."""
    return isinstance(value, Secret)


def has_secret(value: Value) -> bool:
    """Whether anything in `value`, at any depth, is wrapped."""
    if isinstance(value, Secret):
        return True
    if isinstance(value, Mapping):
        return any(has_secret(item) for item in value.values())
    return isinstance(value, list | tuple) and any(has_secret(item) for item in value)


def secret(value: Value) -> Value:
    """`value` wrapped, unless it is already, or there is nothing to hide."""
    return value if value is None or isinstance(value, Secret) else Secret(value)


def same(left: Value, right: Value) -> bool:
    """Equality of values: wrappers do not count, `1` is not `True`, unknown equals nothing."""
    left, right = plain(left), plain(right)
    if left is UNKNOWN or right is UNKNOWN:
        return False
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return isinstance(left, bool) is isinstance(right, bool) and bool(left == right)


def carry_secrets(source: Value, target: Value) -> Value:
    """`target` with every value wrapped that is wrapped at the same path of `source`.

    A secret input that comes back as an output stays secret without each resource seeing to it.
    """
    if isinstance(source, Secret):
        return secret(target)
    if isinstance(target, Secret):
        return target
    if isinstance(source, Mapping) and isinstance(target, Mapping):
        return {key: carry_secrets(source.get(key), item) for key, item in target.items()}
    if isinstance(source, list | tuple) and isinstance(target, list | tuple):
        if len(source) == len(target):
            return [carry_secrets(*pair) for pair in zip(source, target, strict=True)]
        return secret(list(target)) if has_secret(source) else target
    return target
