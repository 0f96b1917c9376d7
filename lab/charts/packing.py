"""Chart archives: made so that the same folder always gives the same bytes, and read back.

Deterministic because a chart's digest is in the repository's index and in the registry's manifests:
a second start of the lab must not look like a new release. It knows Helm's layout, no server.
"""

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

_MODE: Final = 0o644


@dataclass(frozen=True)
class Chart:
    """One version of one chart, packed."""

    metadata: dict[str, Any]
    archive: bytes
    source: str

    @property
    def name(self) -> str:
        """The chart's name."""
        return str(self.metadata["name"])

    @property
    def version(self) -> str:
        """The chart's version."""
        return str(self.metadata["version"])

    @property
    def digest(self) -> str:
        """SHA-256 of the archive, in hex."""
        return hashlib.sha256(self.archive).hexdigest()

    @property
    def file(self) -> str:
        """The archive's name in a repository."""
        return f"{self.name}-{self.version}.tgz"


def pack(folder: Path, version: str) -> Chart:
    """Pack a chart folder as this version; `ValueError` says what is wrong with the folder."""
    metadata, files = folder_files(folder)
    return make({**metadata, "version": version, "appVersion": version}, files)


def folder_files(folder: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """A chart folder as its definition and its other files."""
    definition = folder / "Chart.yaml"
    if not definition.is_file():
        raise ValueError(f"{folder} is no chart: it has no Chart.yaml")
    metadata = yaml.safe_load(definition.read_text(encoding="utf-8"))
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != definition
    }
    return metadata, files


def make(metadata: dict[str, Any], files: Mapping[str, bytes]) -> Chart:
    """A chart of the lab's own, from its definition and its other files."""
    definition = {"Chart.yaml": yaml.safe_dump(metadata, sort_keys=True).encode()}
    return Chart(metadata, _archive(metadata["name"], definition | dict(files)), "lab")


def _archive(name: str, files: dict[str, bytes]) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for relative in sorted(files, key=lambda path: (path != "Chart.yaml", path)):
            entry = tarfile.TarInfo(f"{name}/{relative}")
            entry.size, entry.mode = len(files[relative]), _MODE
            tar.addfile(entry, io.BytesIO(files[relative]))
    return gzip.compress(plain.getvalue(), compresslevel=9, mtime=0)


def read(path: Path) -> Chart:
    """A chart archive made by somebody else; `ValueError` when it is none."""
    archive = path.read_bytes()
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
            for member in tar:
                parts = member.name.split("/")
                content = tar.extractfile(member) if len(parts) == 2 else None
                if content is not None and parts[1] == "Chart.yaml":
                    metadata = yaml.safe_load(content.read())
                    return Chart(metadata, archive, "real")
    except (tarfile.TarError, OSError, yaml.YAMLError) as error:
        raise ValueError(f"{path} is no chart archive: {error}") from error
    raise ValueError(f"{path} is no chart archive: it holds no NAME/Chart.yaml")
