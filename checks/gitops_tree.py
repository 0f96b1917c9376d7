"""The GitOps tree as Flux reads it: from a cluster's folder to every object, with its place.

Files alone, so that it can be asked before every run and needs no program: of a
`kustomization.yaml` it follows `resources` and `components` and applies `namespace`, `namePrefix`
and `nameSuffix`, which decide who an object is. Patches and generators change no object's name that
is looked for here. What lies in other repositories is not seen.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

FLUX = "kustomize.toolkit.fluxcd.io"
FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
# `${NAME}` and `${NAME:=default}`, as Flux' substitution spells them.
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::[=-](?P<default>[^}]*))?\}")
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, kw_only=True)
class Placed:
    """An object of the tree, where it stands, and the Kustomization that brings it."""

    document: Mapping[str, Any]
    file: Path
    line: int
    brought_by: str
    namespace: str
    name: str
    node: yaml.Node | None = field(default=None, compare=False, repr=False)

    def line_of(self, *path: str | int) -> int:
        """The line of a field, or of the deepest part of its path that stands in the file."""
        return line_in(self.node, path, self.line)

    @property
    def group(self) -> str:
        """The API group; empty for Kubernetes' core."""
        version = str(self.document.get("apiVersion", ""))
        return version.partition("/")[0] if "/" in version else ""

    @property
    def kind(self) -> str:
        """The kind."""
        return str(self.document.get("kind", ""))

    @property
    def spec(self) -> Mapping[str, Any]:
        """The spec; empty where there is none."""
        found = self.document.get("spec")
        return found if isinstance(found, Mapping) else {}

    @property
    def place(self) -> str:
        """`gitops/infrastructure/cilium/release.yaml:3`."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, kw_only=True)
class Names:
    """What a kustomization.yaml does to names, outermost last."""

    namespace: str | None = None
    prefix: str = ""
    suffix: str = ""

    def inside(self, kustomization: Mapping[str, Any]) -> "Names":
        """As seen from a folder further in: what is outside wins, and wraps."""
        return Names(
            namespace=self.namespace or kustomization.get("namespace"),
            prefix=self.prefix + str(kustomization.get("namePrefix", "")),
            suffix=str(kustomization.get("nameSuffix", "")) + self.suffix,
        )


class TreeError(Exception):
    """The tree cannot be read; the message names file, line and reason."""


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Reads the tree of one cluster; `root` is the repository, `values` what Flux substitutes."""

    root: Path
    values: Mapping[str, str]

    def cluster(self, path: str, name: str = "flux-system") -> list[Placed]:
        """Every object below a Kustomization's path, those of its Kustomizations included."""
        found: list[Placed] = []
        waiting, seen = [(path, name, True)], set()
        while waiting:
            path, name, substitutes = waiting.pop(0)
            folder = (self.root / path).resolve()
            if (name, folder) in seen:
                continue
            seen.add((name, folder))
            reader = self if substitutes else replace(self, values={})
            here = [replace(item, brought_by=name) for item in reader.folder(folder, Names())]
            found += here
            waiting += [
                (str(item.spec["path"]), item.name, "postBuild" in item.spec)
                for item in here
                if item.group == FLUX and item.kind == "Kustomization" and "path" in item.spec
            ]
        return found

    def folder(self, folder: Path, names: Names) -> Iterator[Placed]:
        """The objects of a folder: as its kustomization.yaml says, else all there is, as Flux."""
        listing = next((folder / name for name in FILES if (folder / name).is_file()), None)
        if listing is None:
            yield from self._everything(folder, names)
            return
        documents = list(self._documents(listing))
        kustomization = documents[0][1] if documents else {}
        inner = names.inside(kustomization)
        for entry in (*listed(kustomization, "resources"), *listed(kustomization, "components")):
            if "://" in entry:
                continue
            yield from self._entry((folder / entry).resolve(), inner, listing)

    def _everything(self, folder: Path, names: Names) -> Iterator[Placed]:
        if not folder.is_dir():
            raise TreeError(f"{self._shown(folder)}: no such folder, and a Kustomization names it")
        for path in sorted(folder.iterdir()):
            if path.is_dir() or path.suffix in {".yaml", ".yml"}:
                yield from self._entry(path, names, folder)

    def _entry(self, path: Path, names: Names, asked_by: Path) -> Iterator[Placed]:
        if path.is_dir():
            yield from self.folder(path, names)
        elif path.is_file():
            yield from self._file(path, names)
        else:
            raise TreeError(f"{self._shown(asked_by)} names {path.name}, which is not there")

    def _file(self, path: Path, names: Names) -> Iterator[Placed]:
        for node, document in self._documents(path):
            metadata = document.get("metadata")
            if not isinstance(metadata, Mapping) or "kind" not in document:
                continue
            yield Placed(
                document=document,
                file=self._shown(path),
                line=node.start_mark.line + 1,
                brought_by="",
                namespace=str(names.namespace or metadata.get("namespace") or ""),
                name=f"{names.prefix}{metadata.get('name', '')}{names.suffix}",
                node=node,
            )

    def _documents(self, path: Path) -> Iterator[tuple[yaml.Node, Mapping[str, Any]]]:
        """Each document with the node that knows its lines."""
        loader = LOADER(substituted(path.read_text(encoding="utf-8"), self.values))
        try:
            while loader.check_node():
                node = loader.get_node()
                document = loader.construct_document(node)
                if isinstance(document, Mapping):
                    yield node, document
        except yaml.YAMLError as error:
            raise TreeError(f"{self._shown(path)} is no YAML: {error}") from None
        finally:
            loader.dispose()

    def _shown(self, path: Path) -> Path:
        root = self.root.resolve()
        return path.relative_to(root) if path.is_relative_to(root) else path


def line_in(node: yaml.Node | None, path: tuple[str | int, ...], line: int) -> int:
    """The line of a path below a node; `line` is what is known so far."""
    for step in path:
        found = None
        if isinstance(node, yaml.MappingNode):
            found = next((pair for pair in node.value if pair[0].value == step), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            found = next(((one, one) for one in node.value[step : step + 1]), None)
        if found is None:
            return line
        key, node = found
        line = key.start_mark.line + 1
    return line


def listed(kustomization: Mapping[str, Any], key: str) -> list[str]:
    """A list of a kustomization.yaml; empty where there is none."""
    found = kustomization.get(key)
    return [str(item) for item in found] if isinstance(found, list) else []


def substituted(text: str, values: Mapping[str, str]) -> str:
    """The text after substitution; what nobody gives and has no default stays as it is."""

    def given(match: re.Match[str]) -> str:
        return values.get(match["name"], match["default"] or match[0])

    return VARIABLE.sub(given, text)
