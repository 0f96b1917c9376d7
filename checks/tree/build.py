"""kustomize builds of folders, as Flux does them, cached by what they are made of.

Each build goes through an overlay in a folder of its own, which carries what the Kustomization
itself adds and has kustomize note the origin of every object. The kustomize that runs is the one
that is handed in; the cache knows it by its path.
"""

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from checks.gitops_tree import FILES

SECONDS = 60
DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
# What a Flux Kustomization has of kustomize's own, and how kustomize calls it.
PASSED_ON: Mapping[str, str] = {
    "targetNamespace": "namespace",
    "namePrefix": "namePrefix",
    "nameSuffix": "nameSuffix",
    "patches": "patches",
    "images": "images",
}


class BuildError(Exception):
    """kustomize refuses a folder; the message is its own."""


@dataclass(frozen=True, kw_only=True)
class Builder:
    """Builds folders of one repository; `content` stands for all that they may hold."""

    root: Path
    kustomize: Path
    cache: Path
    content: str

    def build(self, path: str, spec: Mapping[str, Any]) -> str:
        """What a Kustomization's folder comes to, as YAML; raises `BuildError`."""
        wanted = {PASSED_ON[key]: spec[key] for key in PASSED_ON if key in spec}
        told = f"{self.kustomize} {self.content} {path} {yaml.safe_dump(wanted)}"
        kept = self.cache / f"{hashlib.sha256(told.encode()).hexdigest()}.yaml"
        if kept.is_file():
            return kept.read_text()
        made = self._run(self.root / path, wanted)
        self.cache.mkdir(parents=True, exist_ok=True)
        fresh = kept.with_suffix(f".{os.getpid()}")
        fresh.write_text(made)
        fresh.rename(kept)
        return made

    def _run(self, folder: Path, wanted: Mapping[str, Any]) -> str:
        with tempfile.TemporaryDirectory(prefix="hearth-check-") as place:
            here = Path(place).resolve()
            overlay = {
                "resources": [os.path.relpath(one, here) for one in taken(folder.resolve())],
                "buildMetadata": ["originAnnotations"],
                **wanted,
            }
            (here / "kustomization.yaml").write_text(yaml.dump(overlay, Dumper=DUMPER))
            done = subprocess.run(
                [str(self.kustomize), "build", "--load-restrictor=LoadRestrictionsNone", str(here)],
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
            if done.returncode != 0:
                raise BuildError(done.stderr.strip().replace(f"{self.root.resolve()}/", ""))
            return done.stdout.replace(os.path.relpath(self.root.resolve(), here) + "/", "")


def taken(folder: Path) -> list[Path]:
    """A folder with a kustomization.yaml as it is, any other by all that lies in it, as Flux."""
    if any((folder / name).is_file() for name in FILES):
        return [folder]
    return [path for path in sorted(folder.rglob("*")) if path.suffix in {".yaml", ".yml"}]


def content_of(folders: Iterable[Path]) -> str:
    """One word for everything in some folders."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            digest.update(f"{path}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
