"""What checks have to ask other programs: the stacks' plans, tools, and the kinds vendors define.

Asking takes seconds and the answer rarely changes, so each is kept by what it was made of. The
answers are other processes' output: nothing of the program or of the lab is imported here.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from checks.tree.definitions import Definition, definitions
from checks.tree.load import Wanted
from config.owned import Owned, OwnedObject, OwnedRelease

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 900
PROGRAM = ("config", "components", "stacks")
TOOLS = ("lab/tools",)
KUSTOMIZE = "kustomize"
CRDS = (
    "flux-crds",
    "sealed-secrets-crds",
    "cert-manager-crds",
    "external-secrets-crds",
    "metallb-crds",
)


class AskError(Exception):
    """Somebody who was asked has no answer; the message is theirs."""


def default_cache() -> Path:
    """Where answers are kept, beside the tools."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "hearth" / "checks"


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Asks from the folder of the program; `cache` keeps what was answered."""

    program: Path = ROOT
    cache: Path = field(default_factory=default_cache)

    def plans(self, root: Path) -> list[Wanted]:
        """Every stack of a repository, as the program would build it."""
        sources = [*self._sources(PROGRAM), *sorted(root.glob("Pulumi.*.yaml"))]
        answer = self._kept("plans", sources, ("-m", "stacks.plan", str(root)))
        return [wanted(stack, one) for stack, one in answer.items()]

    def tools(self, names: Sequence[str]) -> dict[str, Path]:
        """Where tools are, by name; they are got or built when they are not there."""
        sources = self._sources(TOOLS)
        command = ("-m", "lab.tools", "--json", *names)
        what = "-".join(("tools", *names))
        answer = self._kept(what, sources, command)
        if not all(Path(path).exists() for path in answer.values()):
            answer = self._asked(command)
            self._keep(self._place(what, sources), answer)
        return {name: Path(path) for name, path in answer.items()}

    def kinds(self, files: Iterable[Path]) -> dict[tuple[str, str], Definition]:
        """The kinds that some files define: YAML of this size takes a second to read."""
        there = sorted(files)
        place = self._place("kinds", there)
        if not place.is_file():
            self._keep(place, [asdict(one) for one in definitions(there).values()])
        found = [Definition(**one) for one in json.loads(place.read_text())]
        return {(one.group, one.kind): one for one in found}

    def _sources(self, folders: Iterable[str]) -> list[Path]:
        return sorted(path for one in folders for path in (self.program / one).rglob("*.py"))

    def _kept(self, what: str, sources: Iterable[Path], command: tuple[str, ...]) -> Any:
        place = self._place(what, sources)
        if not place.is_file():
            self._keep(place, self._asked(command))
        return json.loads(place.read_text())

    def _place(self, what: str, sources: Iterable[Path]) -> Path:
        digest = hashlib.sha256(sys.version.encode())
        for path in sources:
            digest.update(f"{path}\0".encode())
            digest.update(path.read_bytes())
        return self.cache / f"{what}-{digest.hexdigest()}.json"

    def _keep(self, place: Path, answer: object) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        fresh = place.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps(answer))
        fresh.rename(place)

    def _asked(self, command: tuple[str, ...]) -> Any:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=self.program,
            stdout=subprocess.PIPE,
            stderr=None if command[1] == "lab.tools" else subprocess.PIPE,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise AskError((done.stderr or "").strip() or f"{' '.join(command)} failed")
        return json.loads(done.stdout)


def wanted(stack: str, plan: Mapping[str, Any]) -> Wanted:
    """A stack's plan, typed."""
    ours = plan["owned"]
    return Wanted(
        stack=stack,
        path=plan["path"],
        settings=plan["settings"],
        owned=Owned(
            objects=tuple(OwnedObject(**one) for one in ours["objects"]),
            releases=tuple(OwnedRelease(**one) for one in ours["releases"]),
        ),
    )
