"""Loads a cluster's tree: every Kustomization built, substituted, and joined with its sources.

What cannot be loaded is a finding like any other: a folder that is not there, a build that
kustomize refuses, a variable that nobody gives.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from checks.finding import Finding
from checks.gitops_tree import FILES, FLUX, LOADER, VARIABLE, Placed, substituted
from checks.tree.build import Builder, BuildError
from checks.tree.definitions import Definition, defined
from checks.tree.model import Tree, finding, mapping
from config.owned import Owned

ORIGIN = "config.kubernetes.io/origin"
BUILD, PATH, UNDEFINED = "build", "path-missing", "undefined-variable"
REFUSED = re.compile(r"(?P<file>gitops/\S+\.ya?ml)")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A cluster to load: where its tree begins, and what is known of it from elsewhere."""

    stack: str
    path: str
    settings: Mapping[str, str] = field(default_factory=dict)
    owned: Owned = field(default_factory=lambda: Owned(objects=(), releases=()))


@dataclass(frozen=True, kw_only=True)
class Loader:
    """Loads trees of one repository; `definitions` are vendors' kinds."""

    builder: Builder
    definitions: Mapping[tuple[str, str], Definition] = field(default_factory=dict)
    archives: Path | None = None

    def load(self, wanted: Wanted) -> Tree:
        """The whole tree of a cluster."""
        objects: list[Placed] = []
        problems: list[Finding] = []
        waiting: list[Placed | None] = [None]
        seen: set[tuple[str, str]] = set()
        with ThreadPoolExecutor(os.cpu_count()) as workers:
            while waiting:
                results = workers.map(lambda one: self._brought(one, wanted), waiting)
                waiting = []
                for brought, wrong in list(results):
                    objects += brought
                    problems += wrong
                    for item in brought:
                        if is_kustomization(item) and (item.namespace, item.name) not in seen:
                            seen.add((item.namespace, item.name))
                            waiting.append(item)
        found = {
            (one.group, one.kind): one
            for item in objects
            for one in defined(item.document, str(item.file))
        }
        return Tree(
            root=self.builder.root,
            stack=wanted.stack,
            path=wanted.path,
            objects=tuple(objects),
            settings=wanted.settings,
            owned=wanted.owned,
            definitions={**self.definitions, **found},
            archives=self.archives,
            problems=tuple(problems),
        )

    def _brought(self, by: Placed | None, wanted: Wanted) -> tuple[list[Placed], list[Finding]]:
        """What a Kustomization brings, the program's root for None, and what is wrong with it."""
        spec = by.spec if by else {"path": wanted.path, "postBuild": {}}
        path = str(spec.get("path", "")).removeprefix("./")
        if by and not here(by):
            return [], []
        if not (self.builder.root / path).is_dir():
            if by is None:
                return [], [self._nowhere(wanted)]
            message = f"Kustomization {by.name} takes {path}, which is not in the repository"
            return [], [finding(by, PATH, message, "correct `path`, or add it", "spec", "path")]
        try:
            text = self.builder.build(path, spec)
        except BuildError as error:
            return [], [self._refused(str(error), path)]
        values = {**substitutes(spec), **wanted.settings} if "postBuild" in spec else {}
        name = by.name if by else "flux-system"
        return read(self.builder.root, text, name, values, "postBuild" in spec)

    def _nowhere(self, wanted: Wanted) -> Finding:
        file = Path(f"Pulumi.{wanted.stack}.yaml")
        return Finding(
            file=file,
            line=1,
            rule=PATH,
            message=f"`gitops.path` names {wanted.path}, which is not in the repository",
            fix="correct `gitops.path`, or add the folder",
        )

    def _refused(self, said: str, path: str) -> Finding:
        """A build that kustomize refuses: its own words, at the file that they name."""
        folder = self.builder.root / path
        listing = next((name for name in FILES if (folder / name).is_file()), "")
        named = (Path(match["file"]) for match in REFUSED.finditer(said))
        there = next((one for one in named if (self.builder.root / one).is_file()), None)
        return Finding(
            file=there or Path(path) / listing,
            line=1,
            rule=BUILD,
            message=f"kustomize cannot build {path}: {said}",
            fix="mend what it names; `kustomize build` says the same",
        )


def is_kustomization(item: Placed) -> bool:
    """Whether Flux builds a folder for it."""
    return item.group == FLUX and item.kind == "Kustomization"


def here(item: Placed) -> bool:
    """Whether a Kustomization takes its folder from the repository that it stands in itself."""
    source = mapping(item.spec, "sourceRef")
    return source.get("name", "flux-system") == "flux-system" and "path" in item.spec


def substitutes(spec: Mapping[str, Any]) -> dict[str, str]:
    """The variables that a Kustomization gives itself."""
    given = mapping(spec, "postBuild", "substitute")
    return {str(key): str(value) for key, value in given.items()}


def read(
    root: Path, text: str, brought_by: str, values: Mapping[str, str], substitutes_any: bool
) -> tuple[list[Placed], list[Finding]]:
    """The objects of a build, each with its place, and the variables that stayed."""
    found: list[Placed] = []
    wrong: list[Finding] = []
    for document in yaml.load_all(substituted(text, values), Loader=LOADER):
        if not isinstance(document, Mapping) or "kind" not in document:
            continue
        item = placed(root, document, brought_by)
        found.append(item)
        if substitutes_any:
            wrong += undefined(item)
    return found, wrong


def placed(root: Path, document: Mapping[str, Any], brought_by: str) -> Placed:
    """An object of a build, at the document in whose file it began."""
    metadata = document["metadata"]
    notes = metadata.get("annotations") or {}
    origin = yaml.safe_load(notes.pop(ORIGIN, "")) or {}
    file = Path(str(origin.get("path") or origin.get("configuredIn") or "."))
    if not notes:
        metadata.pop("annotations", None)
    name, kind = str(metadata.get("name", "")), str(document["kind"])
    node = source_of(root / file, kind, name)
    return Placed(
        document=document,
        file=file,
        line=node.start_mark.line + 1 if node else 1,
        brought_by=brought_by,
        namespace=str(metadata.get("namespace", "")),
        name=name,
        node=node,
    )


def source_of(path: Path, kind: str, name: str) -> yaml.Node | None:
    """The document of a file that an object came from: of its kind and, rather, of its name."""
    alike = [
        (str(scalar(node, "metadata", "name")), node)
        for node in nodes(path)
        if scalar(node, "kind") == kind
    ]
    exact = [node for own, node in alike if own == name]
    partly = [node for own, node in alike if own and own in name]
    return next(iter([*exact, *partly, *(node for _, node in alike)]), None)


@cache
def nodes(path: Path) -> tuple[yaml.Node, ...]:
    """The documents of a file as nodes, which know their lines."""
    if path.suffix not in {".yaml", ".yml"} or not path.is_file():
        return ()
    return tuple(node for node in yaml.compose_all(path.read_text(), Loader=LOADER) if node)


def scalar(node: yaml.Node, *path: str) -> str | None:
    """A plain value below a node."""
    found: yaml.Node | None = node
    for step in path:
        pairs: Sequence[Any] = found.value if isinstance(found, yaml.MappingNode) else ()
        found = next((value for key, value in pairs if key.value == step), None)
    return str(found.value) if isinstance(found, yaml.ScalarNode) else None


def undefined(item: Placed) -> Iterator[Finding]:
    """Variables that stayed: nobody gives them, and they have no default."""
    if mapping(item.document, "metadata", "annotations").get(f"{FLUX}/substitute") == "disabled":
        return
    for path, text in strings(item.document):
        for name in dict.fromkeys(match["name"] for match in VARIABLE.finditer(text)):
            yield finding(
                item,
                UNDEFINED,
                f"nobody gives ${{{name}}}: it is none of the stack's settings, and Flux puts "
                "nothing in its place",
                "correct the name, give it a default (`${NAME:=value}`), or add it to "
                "`seeds.settings`",
                *path,
            )


def strings(found: Any, *path: str | int) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every text in a document, with its path."""
    if isinstance(found, str):
        yield path, found
    elif isinstance(found, Mapping):
        for key, value in found.items():
            yield from strings(value, *path, str(key))
    elif isinstance(found, list):
        for number, value in enumerate(found):
            yield from strings(value, *path, number)
