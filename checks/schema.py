"""Holds a value against a kind's schema, as far as Kubernetes' server-side apply refuses it.

Fields that the schema does not have, values of another type or outside its list, and fields that
must be there. Patterns, bounds and rules across fields are the cluster's own to judge. Pure.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from checks.gitops_tree import VARIABLE
from checks.wording import did_you_mean

Schema = Mapping[str, Any]
Path = tuple[str | int, ...]
SHOWN = 8
TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, Mapping),
    "array": lambda value: isinstance(value, list),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    # YAML reads a bare date as one; Kubernetes reads it as text.
    "string": lambda value: isinstance(value, str) or hasattr(value, "isoformat"),
}


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """A field that does not fit: where, in what way, and what would."""

    path: Path
    message: str
    fix: str

    @property
    def field(self) -> str:
        """`spec.containers[0].image`."""
        return dotted(self.path)


def dotted(path: Path) -> str:
    """A path as people write it."""
    parts = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(parts).removeprefix(".")


def misfits(value: Any, schema: Schema, path: Path = ()) -> Iterator[Wrong]:
    """All that does not fit, from the outside in."""
    if value is None or is_variable(value):
        return
    if not fits(value, schema):
        kind = wanted(schema)
        message = f"{dotted(path)} is {shown(value)}, where {kind} belongs"
        yield Wrong(path=path, message=message, fix=f"make it {kind}{quoting(schema)}")
    elif (allowed := schema.get("enum")) and value not in allowed:
        known = ", ".join(map(str, allowed))
        near = did_you_mean(str(value), map(str, allowed))
        message = f"{dotted(path)} is {value}, which is none of: {known}{near}"
        yield Wrong(path=path, message=message, fix=f"make it one of: {known}")
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from misfits(one, schema.get("items") or {}, (*path, number))
    elif isinstance(value, Mapping):
        yield from fields(value, schema, path)


def fields(value: Mapping[str, Any], schema: Schema, path: Path) -> Iterator[Wrong]:
    """What does not fit of the fields of an object."""
    known: Mapping[str, Schema] = schema.get("properties") or {}
    others = schema.get("additionalProperties")
    free = open_to_any(schema)
    for key, held in value.items():
        below = (*path, str(key))
        if key in known:
            yield from misfits(held, known[key], below)
        elif isinstance(others, Mapping):
            yield from misfits(held, others, below)
        elif not free:
            yield unknown(below, list(known))
    for key in schema.get("required") or ():
        if value.get(key) is None and "default" not in known.get(key, {}):
            message = f"{dotted((*path, key))} is missing, and must be there"
            yield Wrong(path=path, message=message, fix=f"add `{key}`")


def unknown(path: Path, known: list[str]) -> Wrong:
    """A field that the schema does not have."""
    few = ", ".join(sorted(known)) if len(known) <= SHOWN else ""
    listed = f" (it has {few})" if few else ""
    name, parent = str(path[-1]), dotted(path[:-1])
    where = f"{parent} has" if parent else "it has"
    message = f"{where} no field `{name}`{listed}{did_you_mean(name, known)}"
    return Wrong(path=path, message=message, fix="take it away, or write it as the kind has it")


def open_to_any(schema: Schema) -> bool:
    """Whether an object may have fields that its schema does not name."""
    return bool(
        schema.get("x-kubernetes-preserve-unknown-fields")
        or schema.get("x-kubernetes-embedded-resource")
        or schema.get("additionalProperties")
        or not schema.get("properties")
    )


def fits(value: Any, schema: Schema) -> bool:
    """Whether a value is of the schema's type; one without a type takes anything."""
    if schema.get("x-kubernetes-int-or-string"):
        return TYPES["integer"](value) or isinstance(value, str)
    test = TYPES.get(str(schema.get("type")))
    return test is None or test(value)


def wanted(schema: Schema) -> str:
    """The type that belongs there, with its article."""
    if schema.get("x-kubernetes-int-or-string"):
        return "an integer or a string"
    name = {"array": "list"}.get(str(schema.get("type")), str(schema.get("type")))
    return f"{'an' if name[0] in 'aio' else 'a'} {name}"


def quoting(schema: Schema) -> str:
    """How a number becomes a text, or a text a number."""
    kind = schema.get("type")
    if kind == "string":
        return ", in quotes"
    return ", without quotes" if kind in {"integer", "number", "boolean"} else ""


def shown(value: Any) -> str:
    """A value that does not fit, briefly."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        # Any other text may be a secret that landed in the wrong field.
        plain = value.lstrip("-").isdigit() or value.lower() in {"true", "false"}
        return f'the string "{value}"' if plain else "a string"
    return str(value).lower()


def is_variable(value: Any) -> bool:
    """Whether it is text with a variable that nobody has given: nothing can be said of it."""
    return isinstance(value, str) and VARIABLE.search(value) is not None
