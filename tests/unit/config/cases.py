"""Fixtures of stacks: a base, what is changed in it, and the mistakes that are expected of it.

base: test-cluster               a file in bases/; `stack` names it otherwise
set: {"network.vips[0]": x}      key paths below hearth:cluster; `[+]` appends to a list
remove: [talos.lldp]
replace: {old text: new text}    for what only text can say
versions: {kubernetes: v1.37.0}  instead of the pinned ones
beside: {base: other, ...}       a second stack, for rules over several
expect: [{path, message, fix}]
"""

import re
from collections.abc import Collection
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from config.cluster import Cluster
from config.errors import ConfigError
from config.load import examine, read_stack_text
from config.rules import Finding, over_stacks
from config.versions import Versions

HERE = Path(__file__).parent
_PART = re.compile(r"([^.\[\]]+)|\[(\d+|\+)\]")


def _read(path: Path) -> Any:
    return yaml.load(path.read_text(), Loader=yaml.CSafeLoader)  # a thousand reads


def _parts(path: str) -> list[str | int]:
    found = _PART.findall(path.replace("\\.", "\0"))
    return [key.replace("\0", ".") if key else (-1 if i == "+" else int(i)) for key, i in found]


def _parent(data: Any, path: str) -> tuple[Any, str | int]:
    *outer, last = _parts(path)
    node = data
    for part in outer:
        node = node.setdefault(part, {}) if isinstance(part, str) else node[part]
    return node, last


def _change(data: Any, change: dict[str, Any]) -> None:
    for path, value in change.get("set", {}).items():
        node, last = _parent(data, path)
        if last == -1:
            node.append(value)
        else:
            node[last] = value
    for path in change.get("remove", []):
        node, last = _parent(data, path)
        del node[last]


@dataclass(frozen=True)
class Case:
    """One fixture file."""

    path: Path

    @property
    def rule(self) -> str:
        return self.path.parent.name

    @property
    def spec(self) -> dict[str, Any]:
        spec: dict[str, Any] = _read(self.path)
        return spec

    def findings(self, off: Collection[str] = ()) -> list[Finding]:
        """What the fixture's stacks are refused for, with rules switched off."""
        spec = self.spec
        stacks: dict[str, Cluster] = {}
        found: list[Finding] = []
        for change in (spec, *([spec["beside"]] if "beside" in spec else [])):
            stack = change.get("stack", change["base"])
            versions = Versions(**spec.get("versions", {}))
            try:
                cluster, mistakes = examine(raw(change), stack, off, versions)
            except ConfigError as error:
                return list(error.findings)
            found += mistakes
            if cluster:
                stacks[stack] = cluster
        return found + ([] if len(stacks) < 2 else over_stacks.run(stacks, off))


@lru_cache
def base(name: str, replaced: tuple[tuple[str, str], ...] = ()) -> Any:
    """The raw `hearth:cluster` of a base, with some of its text replaced."""
    path = HERE / "bases" / f"{name}.yaml"
    text = path.read_text()
    if not text.partition("\n")[2].startswith("config:"):
        return raw(_read(path))
    for old, new in replaced:
        assert old in text, f"{old!r} is not in the base {name}"
        text = text.replace(old, new)
    return read_stack_text(text, name).cluster


def raw(change: dict[str, Any]) -> Any:
    """The raw `hearth:cluster` of a base with a change in it."""
    data = deepcopy(base(change["base"], tuple(change.get("replace", {}).items())))
    _change(data, change)
    return data


def cases(folder: str) -> list[Case]:
    return [Case(path) for path in sorted((HERE / folder).rglob("*.yaml"))]
