"""Charts whose values can be read: those of this repository, and archives that were fetched.

An archive is read, never unpacked. What a chart's parts of other charts take is theirs and not
looked at.
"""

import hashlib
import json
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from checks.gitops_tree import LOADER
from checks.tree.charts import folder
from checks.tree.model import HelmRelease, Tree, mapping

VALUES, SCHEMA, DESCRIPTION = "values.yaml", "values.schema.json", "Chart.yaml"
Read = Callable[[str], str | None]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """What a chart says of its values; `parts` are names and aliases of the charts within."""

    values: Mapping[str, Any]
    schema: Mapping[str, Any]
    parts: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Archive:
    """Where a chart comes from, and the file that it is kept in."""

    url: str
    name: str
    version: str

    def path(self, archives: Path) -> Path:
        """Its file in a folder of archives."""
        word = hashlib.sha256(f"{self.url} {self.name} {self.version}".encode()).hexdigest()[:16]
        return archives / f"{self.name.rpartition('/')[2]}-{self.version}-{word}.tgz"


def chart(tree: Tree, release: HelmRelease) -> Chart | None:
    """A release's chart; None where it cannot be had."""
    own = folder(tree, release)
    if own is not None:
        return read(lambda name: text(own / name)) if own.is_dir() else None
    archive = archive_of(tree, release)
    path = archive.path(tree.archives) if archive and tree.archives else None
    return unpacked(path) if path and path.is_file() else None


def archive_of(tree: Tree, release: HelmRelease) -> Archive | None:
    """Where a release's chart is fetched; None for other sources than Helm repositories."""
    source = mapping(release.chart_spec, "sourceRef")
    namespace = source.get("namespace") or release.namespace
    version = str(release.chart_spec.get("version", ""))
    for one in tree.of("HelmRepository"):
        if (one.namespace, one.name) == (namespace, source.get("name")) and version:
            return Archive(url=str(one.spec.get("url", "")), name=release.chart, version=version)
    return None


def read(file: Read) -> Chart:
    """A chart by its files."""
    parts = document(file(DESCRIPTION)).get("dependencies") or []
    return Chart(
        values=document(file(VALUES)),
        schema=json.loads(file(SCHEMA) or "{}"),
        parts=frozenset(str(one.get("alias") or one.get("name")) for one in parts),
    )


def document(text: str | None) -> Mapping[str, Any]:
    """The mapping of a file; empty where there is none."""
    found = next(iter(yaml.load_all(text or "", Loader=LOADER)), None)
    return found if isinstance(found, Mapping) else {}


def text(path: Path) -> str | None:
    """A file's text, None where it is not there."""
    return path.read_text() if path.is_file() else None


def unpacked(path: Path) -> Chart:
    """A chart out of its archive, whose files lie in a folder of the chart's name."""
    with tarfile.open(path) as archive:
        top = archive.getnames()[0].partition("/")[0]
        names = set(archive.getnames())

        def file(name: str) -> str | None:
            member = f"{top}/{name}"
            held = archive.extractfile(member) if member in names else None
            return held.read().decode() if held else None

        return read(file)
