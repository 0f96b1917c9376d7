"""Kinds whose schema is known: CustomResourceDefinitions, of vendors' files and of the tree."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from checks.gitops_tree import LOADER

Schema = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A kind: the versions that are served, each with its schema; `source` is where that stands."""

    group: str
    kind: str
    namespaced: bool
    versions: Mapping[str, Schema]
    source: str


def definitions(files: Iterable[Path]) -> dict[tuple[str, str], Definition]:
    """All kinds that files of CustomResourceDefinitions define."""
    found: dict[tuple[str, str], Definition] = {}
    for path in files:
        for document in yaml.load_all(path.read_text(), Loader=LOADER):
            for one in defined(document, path.name):
                found[one.group, one.kind] = one
    return found


def defined(document: Any, source: str) -> Iterator[Definition]:
    """The kind that a document defines, if it is a definition."""
    if not isinstance(document, Mapping) or document.get("kind") != "CustomResourceDefinition":
        return
    spec = document["spec"]
    yield Definition(
        group=spec["group"],
        kind=spec["names"]["kind"],
        namespaced=spec.get("scope") == "Namespaced",
        versions={
            one["name"]: (one.get("schema") or {}).get("openAPIV3Schema") or {}
            for one in spec["versions"]
            if one.get("served", True)
        },
        source=source,
    )
