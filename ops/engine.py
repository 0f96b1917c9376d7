"""The Pulumi CLI as the verbs use it: export, import, refresh of single resources, config, marks.

What it prints may hold secrets, so nothing of it is shown but the errors of its own. Values go in
by standard input.
"""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ops.encrypt import find_pulumi
from ops.errors import VerbError
from ops.recover.state import Document

DEADLINE_SECONDS = 300


class Engine:
    """The CLI on one stack of a project."""

    def __init__(self, project: Path, stack: str, environment: Mapping[str, str]) -> None:
        self._pulumi = find_pulumi(environment)
        self._project, self._stack = project, stack
        self._environment = {**environment, "PULUMI_SKIP_UPDATE_CHECK": "true"}

    def export(self, *, clear: bool = False) -> Document:
        """The state; secrets as cipher texts, or in clear, which is never written anywhere."""
        words = ["stack", "export", *(["--show-secrets"] if clear else [])]
        document: Document = json.loads(self._run(*words))
        return document

    def put(self, document: Document) -> None:
        """Replace the state; the engine checks its integrity, and drops pending operations."""
        self._run("stack", "import", given=json.dumps(document))

    def refresh(self, urns: Sequence[str]) -> None:
        """Have single resources read anew."""
        targets = [word for urn in urns for word in ("--target", urn)]
        self._run("refresh", "--yes", "--skip-preview", "--suppress-outputs", *targets)

    def unprotect(self) -> None:
        """Take the mark of protection off every resource."""
        self._run("state", "unprotect", "--all", "--yes")

    def secrets(self) -> dict[str, str]:
        """The stack's config in clear, by its keys."""
        found: dict[str, Any] = json.loads(self._run("config", "--show-secrets", "--json"))
        return {key: str(item["value"]) for key, item in found.items() if "value" in item}

    def _run(self, *words: str, given: str | None = None) -> str:
        argv = [self._pulumi, *words, "--stack", self._stack, "--non-interactive"]
        try:
            done = subprocess.run(
                [*argv, "--color", "never"],
                cwd=self._project,
                env=self._environment,
                input=given,
                stdin=subprocess.DEVNULL if given is None else None,
                capture_output=True,
                text=True,
                timeout=DEADLINE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise VerbError(
                f"pulumi {' '.join(words[:2])} did not end within {DEADLINE_SECONDS} s."
            ) from None
        if done.returncode != 0:
            said = told(done.stdout if words[0] == "refresh" else "", done.stderr)
            raise VerbError(f"pulumi {' '.join(words[:2])} failed: {said}")
        return done.stdout


def told(output: str, errors: str) -> str:
    """What the CLI gave as its reason: its lines that say error, else the end of what it said."""
    lines = [line.strip() for line in f"{output}\n{errors}".splitlines() if line.strip()]
    named = [line for line in lines if "error:" in line]
    return os.linesep.join(named or lines[-3:]) or "it said nothing"
