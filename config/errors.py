"""Errors that teach: every mistake of a stack at once, in the words of its file.

Turns what pydantic reports into findings with camelCase key paths and a proposal. Never prints,
never ends the program, and never shows a traceback's inside: callers print `str(error)`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from config.base import CANONICAL
from config.cluster import Cluster
from config.rules.model import Finding
from config.spelling import meant

Location = Sequence[int | str]
_TAG_ERRORS = ("union_tag_invalid", "union_tag_not_found")


class ConfigError(Exception):
    """A stack's config is refused; `findings` are all the reasons."""

    def __init__(self, stack: str, findings: Iterable[Finding]) -> None:
        self.stack = stack
        self.findings = tuple(findings)
        super().__init__(stack)

    def __str__(self) -> str:
        """All findings, each with path, value, message, fix and rule."""
        count = len(self.findings)
        head = (
            f"{self.stack}: {count} mistake{'s' if count != 1 else ''} in Pulumi.{self.stack}.yaml"
        )
        return "\n".join([head, *(f"  {line}" for line in self._lines())])

    def _lines(self) -> list[str]:
        return [line for finding in self.findings for line in str(finding).splitlines()]


def key_path(location: Location, raw: object) -> str:
    """A pydantic location as `machines[0].vm.host`; the tag of a union is no key, and left out."""
    path, node = "", raw
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
            node = node[part] if isinstance(node, Sequence) and part < len(node) else None
            continue
        if isinstance(node, Mapping):
            if part not in node and node.get("kind") == part:
                continue
            node = node.get(part)
        path += f".{part}" if path else part
    return path


def _models(annotation: object) -> list[type[BaseModel]]:
    """The models inside an annotation, through unions, tuples and metadata."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models(argument)]


def _is_tagged(model: type[BaseModel], tag: str) -> bool:
    kind = model.model_fields.get("kind")
    return kind is not None and tag in get_args(kind.annotation)


def known_keys(location: Location) -> list[str]:
    """The keys that stand beside a location's last one, as the models know them."""
    models: list[type[BaseModel]] = [Cluster]
    for part in location[:-1]:
        if isinstance(part, int):
            continue
        fields = [f for m in models for f in m.model_fields.values() if f.alias == part]
        tagged = [model for model in models if _is_tagged(model, part)]
        models = tagged or [model for field in fields for model in _models(field.annotation)]
    return [f.alias or name for model in models for name, f in model.model_fields.items()]


def _unknown(error: ErrorDetails, path: str) -> Finding:
    key = str(error["loc"][-1])
    known = known_keys(error["loc"])
    near = meant(key, known)
    return Finding(
        rule="unknown-key",
        path=path,
        value=key,
        message=f"{key} is not a key here",
        fix=f"did you mean {near}?" if near else f"known are: {', '.join(sorted(known))}",
    )


def _missing(error: ErrorDetails, path: str) -> Finding:
    key = str(error["loc"][-1])
    return Finding(
        rule="missing-key",
        path=path,
        value=None,
        message=f"{key} is missing",
        fix="it has no default; see docs/schema/stack.schema.json for what it takes",
    )


def _choices(error: ErrorDetails) -> list[str]:
    context = error.get("ctx") or {}
    said = str(context.get("expected") or context.get("expected_tags") or "")
    return [part.strip().strip("'") for part in said.replace(" or ", ", ").split(",") if part]


def _wrong(error: ErrorDetails, path: str) -> Finding:
    """A refused value; our own messages carry their proposal after a semicolon."""
    value: Any = error["input"]
    if error["type"] in ("enum", "literal_error", *_TAG_ERRORS):
        if error["type"] in _TAG_ERRORS and isinstance(value, Mapping):
            path, value = f"{path}.kind", value.get("kind")
        choices = _choices(error)
        near = meant(str(value), choices)
        message = f"{value} is not one of {', '.join(choices)}"
        fix = f"did you mean {near}?" if near else "choose one of them"
    elif error["type"] == "value_error":
        message, _, fix = error["msg"].removeprefix("Value error, ").partition("; ")
    else:
        shown = type(value).__name__ if isinstance(value, Mapping | list) else repr(value)
        message, fix = f"{shown} is refused", error["msg"][:1].lower() + error["msg"][1:]
    return Finding(rule="wrong-value", path=path, value=value, message=message, fix=fix)


def _canonical(error: ErrorDetails, path: str) -> Finding:
    message, _, proposal = error["msg"].partition("; ")
    return Finding(rule=CANONICAL, path=path, value=error["input"], message=message, fix=proposal)


_RENDERERS = {"extra_forbidden": _unknown, "missing": _missing, CANONICAL: _canonical}


def from_pydantic(error: ValidationError, raw: object) -> list[Finding]:
    """Findings for everything pydantic refused in a raw `hearth:cluster`."""
    errors = error.errors(include_url=False)
    return [
        _RENDERERS.get(details["type"], _wrong)(details, key_path(details["loc"], raw))
        for details in errors
        if not (details["type"] == "too_short" and _has_inner(details["loc"], errors))
    ]


def _has_inner(location: Location, errors: Iterable[ErrorDetails]) -> bool:
    """Whether an item of a list is refused itself: then the list is not really too short."""
    size = len(location)
    return any(e["loc"][:size] == location and len(e["loc"]) > size for e in errors)
