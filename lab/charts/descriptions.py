"""Descriptions of vendors' charts, and the charts made of them.

A file in `descriptions/` says what a chart installs, by the names its real templates give; the
templates in `library/` render every such chart alike. A chart with `source` has templates of its
own in `sources/`. The text is data for Helm, too: `$fullname` and the like become Helm's
expressions. Deterministic: the same files give the same archive. `controller` is for lab/operators;
nothing here reads it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from lab.charts.definitions import open_definition
from lab.charts.packing import Chart, folder_files, make

HERE: Final = Path(__file__).parent
DESCRIPTIONS: Final = HERE / "descriptions"
SOURCES: Final = HERE / "sources"
LIBRARY: Final = HERE / "library"
REGISTRY: Final = "oci"

# libyaml's: generated definitions are megabytes.
_Loader: Final = yaml.CSafeLoader
_WORDS: Final = {
    "fullname": '{{ include "lab.fullname" . }}',
    "name": '{{ include "lab.name" . }}',
    "namespace": "{{ .Release.Namespace }}",
    "release": "{{ .Release.Name }}",
    "version": "{{ .Chart.AppVersion }}",
}
_OBJECTS: Final = ("accounts", "workloads", "services", "objects")


@dataclass(frozen=True, order=True)
class Place:
    """Where a chart is published: a host, a path there, and whether that is an OCI registry."""

    host: str
    path: str = ""
    is_registry: bool = False

    def __str__(self) -> str:
        scheme = REGISTRY if self.is_registry else "https"
        return f"{scheme}://{self.host}/{self.path}".rstrip("/")


@dataclass(frozen=True, kw_only=True)
class Description:
    """One file of `descriptions/`, read."""

    name: str
    place: Place
    # Chart version -> the version of what it installs.
    offered: Mapping[str, str]
    document: Mapping[str, Any]


def describe(path: Path) -> Description:
    """Read one; `ValueError` says what it lacks."""
    document = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 (it is safe)
    lacking = [key for key in ("chart", "repository", "offered") if not document.get(key)]
    if lacking:
        raise ValueError(f"{path} does not say {', '.join(lacking)}")
    return Description(
        name=document["chart"],
        place=place(document["repository"]),
        offered={str(chart): str(app) for chart, app in document["offered"].items()},
        document=document,
    )


def place(repository: str) -> Place:
    """A repository's address as its two parts."""
    scheme, _, rest = repository.partition("://")
    host, _, path = rest.partition("/")
    return Place(host, path.strip("/"), scheme == REGISTRY)


def described(folder: Path = DESCRIPTIONS) -> tuple[Description, ...]:
    """All of them, by name."""
    return tuple(describe(path) for path in sorted(folder.glob("*.yaml")))


def hosts(folder: Path = DESCRIPTIONS) -> tuple[str, ...]:
    """The names under which charts are asked for."""
    return tuple(sorted({one.place.host for one in described(folder)}))


def charts(description: Description, definitions: Path | None = None) -> Iterator[Chart]:
    """A chart per version; `definitions` is a folder with generated CRDs, NAME.yaml each."""
    document = description.document
    if "source" in document:
        metadata, files = folder_files(SOURCES / document["source"])
    else:
        metadata = {
            "apiVersion": "v2",
            "name": description.name,
            "type": "application",
            "description": f"The lab's stand-in for {description.name}'s chart.",
        }
        files = _files(document, definitions)
    for version, app in description.offered.items():
        yield make({**metadata, "version": version, "appVersion": app}, files)


def _files(document: Mapping[str, Any], definitions: Path | None) -> dict[str, bytes]:
    objects = {key: document[key] for key in _OBJECTS if key in document}
    files = {
        "values.yaml": _yaml(document.get("values", {})),
        "objects.yaml": _helm(_yaml(objects).decode()),
        **{
            f"templates/{path.name}": path.read_bytes()
            for path in sorted(LIBRARY.glob("*.tpl"))
            if path.stem != "crds.yaml"
        },
    }
    if "more" in document:
        files["templates/more.yaml.tpl"] = _helm(document["more"])
    crds = document.get("crds")
    if crds and crds.get("folder"):
        files["crds/crds.yaml"] = crd_text(crds, definitions)
    elif crds:
        files["definitions/crds.yaml"] = crd_text(crds, definitions)
        files["definitions/when"] = str(crds.get("when", "")).encode()
        files["templates/crds.yaml.tpl"] = (LIBRARY / "crds.yaml.tpl").read_bytes()
    return files


def crd_text(crds: Mapping[str, Any], definitions: Path | None) -> bytes:
    """The generated definitions when they are there, else open ones, each a document."""
    generated = definitions / f"{crds['generated']}.yaml" if definitions else None
    if generated is None or not generated.is_file():
        found = [open_definition(kind) for kind in crds["kinds"]]
    elif not crds.get("keep"):
        return generated.read_bytes()
    else:
        text = generated.read_text(encoding="utf-8")
        found = [one for one in yaml.load_all(text, _Loader) if one]
    if crds.get("keep"):
        for one in found:
            annotations = one["metadata"].setdefault("annotations", {})
            annotations["helm.sh/resource-policy"] = "keep"
    return b"".join(b"---\n" + _yaml(one) for one in found)


def _helm(text: str) -> bytes:
    """Text with its words made Helm's; `$(NAME)` is a container's and stays."""
    return re.sub(rf"\$({'|'.join(_WORDS)})\b", lambda word: _WORDS[word[1]], text).encode()


class _Plain(yaml.CSafeDumper):
    """Without anchors: Helm's templates see every object whole."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


def _yaml(document: object) -> bytes:
    text: str = yaml.dump(document, Dumper=_Plain, sort_keys=True, width=4096)
    return text.encode()
