"""Schematics: reading the YAML, its canonical form, and the identifier made of it.

The canonical form is what image-factory's `pkg/schematic` marshals: fields in the struct's order,
empty ones left out, written by `canonical`. The identifier is the SHA-256 of those bytes. It stores
nothing.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, Final

import yaml

from lab.factory.canonical import dump
from lab.factory.errors import InvalidSchematicError


@dataclass(frozen=True)
class Field:
    """A field of a Go struct: its YAML name, the struct or kind of it, whether it is omitted."""

    name: str
    kind: str
    keep_empty: bool = False


# The structs of pkg/schematic/schematic.go, in field order.
STRUCTS: Final[dict[str, tuple[Field, ...]]] = {
    "Schematic": (
        Field("owner", "string"),
        Field("overlay", "Overlay"),
        Field("customization", "Customization", keep_empty=True),
    ),
    "Overlay": (
        Field("image", "string", keep_empty=True),
        Field("name", "string", keep_empty=True),
        Field("options", "map"),
    ),
    "Customization": (
        Field("embeddedMachineConfiguration", "string"),
        Field("extraKernelArgs", "[]string"),
        Field("meta", "[]MetaValue"),
        Field("systemExtensions", "SystemExtensions"),
        Field("bootloader", "string"),
        Field("secureboot", "SecureBootCustomization"),
        Field("diskImage", "DiskImageCustomization"),
    ),
    "MetaValue": (
        Field("key", "uint8", keep_empty=True),
        Field("value", "string", keep_empty=True),
    ),
    "SystemExtensions": (Field("officialExtensions", "[]string"),),
    "SecureBootCustomization": (
        Field("enrollKeys", "string"),
        Field("includeWellKnownCertificates", "bool"),
    ),
    "DiskImageCustomization": (Field("sectorSize", "uint"),),
}
_EMPTY: Final[dict[str, Any]] = {"string": "", "uint8": 0, "uint": 0, "bool": False, "map": {}}
_SCALARS: Final[dict[str, tuple[type, ...]]] = {
    "map": (dict,),
    "string": (str,),
    "uint8": (int,),
    "uint": (int,),
    "bool": (bool,),
}


@dataclass(frozen=True)
class Schematic:
    """A schematic in canonical form."""

    text: str
    extensions: tuple[str, ...]

    @property
    def identifier(self) -> str:
        """The SHA-256 of the canonical form, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def parse(data: bytes) -> Schematic:
    """Read a schematic; raises `InvalidSchematicError` with the factory's kind of sentence."""
    try:
        node = yaml.compose(data, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise InvalidSchematicError(f"yaml: {' '.join(str(error).split())}") from error
    if node is None:
        raise InvalidSchematicError("EOF")
    problems: list[str] = []
    content = _struct("Schematic", node, problems)
    if problems:
        raise InvalidSchematicError("yaml: construct errors:\n  " + "\n  ".join(problems))
    if content.get("owner"):
        raise InvalidSchematicError("owner field is only supported in Enterprise edition")
    chosen = content["customization"].get("systemExtensions", {}).get("officialExtensions", [])
    return Schematic(dump(content), tuple(chosen))


def _struct(name: str, node: yaml.Node, problems: list[str]) -> dict[str, Any]:
    """A mapping as a Go struct: known fields only, in the struct's order, empty ones left out."""
    line = node.start_mark.line + 1
    given: dict[str, yaml.Node] = {}
    if isinstance(node, yaml.MappingNode):
        known = {field.name for field in STRUCTS[name]}
        for key, value in node.value:
            if key.value not in known:
                where = key.start_mark.line + 1
                problems.append(f"line {where}: field {key.value} not found in type {_go(name)}")
            given[key.value] = value
    elif node.tag != "tag:yaml.org,2002:null":
        problems.append(f"line {line}: cannot construct {_shown(node)} into {_go(name)}")
    made: dict[str, Any] = {}
    for field in STRUCTS[name]:
        value = _value(field.kind, given.get(field.name), problems)
        if field.keep_empty or not _is_empty(field.kind, value):
            made[field.name] = value
    return made


def _value(kind: str, node: yaml.Node | None, problems: list[str]) -> Any:
    if kind.startswith("[]"):
        return _sequence(kind.removeprefix("[]"), node, problems)
    if kind in STRUCTS:
        empty = yaml.MappingNode("tag:yaml.org,2002:map", [], _START, _START)
        return _struct(kind, node or empty, problems)
    if node is None or node.tag == "tag:yaml.org,2002:null":
        return _EMPTY[kind]
    if kind == "string" and isinstance(node, yaml.ScalarNode):
        return node.value  # go-yaml takes any scalar for a string
    constructed = yaml.SafeLoader("").construct_object(node, deep=True)
    if isinstance(constructed, _SCALARS[kind]):
        return _sorted(constructed)
    line = node.start_mark.line + 1
    problems.append(f"line {line}: cannot construct {_shown(node)} into {kind}")
    return _EMPTY[kind]


def _sorted(value: Any) -> Any:
    """Go writes maps by key."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def _sequence(kind: str, node: yaml.Node | None, problems: list[str]) -> list[Any]:
    if node is None or node.tag == "tag:yaml.org,2002:null":
        return []
    if isinstance(node, yaml.SequenceNode):
        return [_value(kind, item, problems) for item in node.value]
    line = node.start_mark.line + 1
    problems.append(f"line {line}: cannot construct {_shown(node)} into []{_go(kind)}")
    return []


def _is_empty(kind: str, value: Any) -> bool:
    if kind == "Overlay":  # a struct is zero when all its fields are
        return not value["image"] and not value["name"] and "options" not in value
    return value in ("", 0, False, [], {})


def _go(kind: str) -> str:
    return f"schematic.{kind}" if kind in STRUCTS else kind


def _shown(node: yaml.Node) -> str:
    tag = node.tag.replace("tag:yaml.org,2002:", "!!")
    return f"{tag} `{node.value}`" if isinstance(node, yaml.ScalarNode) else tag


_START: Final = yaml.Mark("", 0, 0, 0, "", 0)
