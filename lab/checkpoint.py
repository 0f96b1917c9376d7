"""The file backend of a world as a bystander reads it: what is open, and whether it is locked.

Read from the files themselves, because a CLI command takes a second and a moment does not last.
"""

import json
from pathlib import Path
from typing import Any


class Checkpoint:
    """One stack below the backend's folder."""

    def __init__(self, url: str, project: str, stack: str) -> None:
        place = Path(url.removeprefix("file://")) / ".pulumi"
        self._file = place / "stacks" / project / f"{stack}.json"
        self._locks = place / "locks" / "organization" / project / stack

    def pending(self) -> list[str]:
        """URNs of the operations that have begun and not ended, as far as was written."""
        return [item["resource"]["urn"] for item in self._operations()]

    def locked(self) -> bool:
        """Whether any lock lies there."""
        return any(self._locks.glob("*.json"))

    def _operations(self) -> list[dict[str, Any]]:
        try:
            document = json.loads(self._file.read_text())
        except (OSError, ValueError):
            return []
        latest = document["checkpoint"].get("latest") or {}
        found: list[dict[str, Any]] = latest.get("pending_operations") or []
        return found
