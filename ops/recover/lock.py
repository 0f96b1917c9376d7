"""The file backend's locks of a stack: read, judged, and freed when their process is dead.

`pulumi cancel` frees every lock of a stack whoever holds it; here a lock is freed only when it was
written on this machine by this user and its process is no more. Other backends keep their own.
"""

import json
import os
import pwd
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

from ops.errors import VerbError
from ops.recover import processes


@dataclass(frozen=True, kw_only=True)
class Lock:
    """One lock file: who wrote it, and when (seconds since the epoch)."""

    path: Path
    pid: int
    user: str
    host: str
    since: float

    def __str__(self) -> str:
        """Its holder, for a person."""
        when = datetime.fromtimestamp(self.since).astimezone().isoformat(timespec="seconds")
        return f"{self.user}@{self.host}, process {self.pid}, since {when}"


@dataclass(frozen=True, kw_only=True)
class Here:
    """This machine and user; `lives` says whether a process that began before a time still runs."""

    host: str
    user: str
    lives: Callable[[int, float], bool]

    @classmethod
    def now(cls) -> "Here":
        """As the CLI would write it into a lock of its own."""
        # By number, as the CLI asks: $USER may say something else under sudo.
        user = pwd.getpwuid(os.getuid()).pw_name
        return cls(host=socket.gethostname(), user=user, lives=processes.lives)


def backend_url(project: Path, environment: Mapping[str, str]) -> str:
    """Where the CLI keeps state: the environment, the project's own word, the last login."""
    if environment.get("PULUMI_BACKEND_URL"):
        return environment["PULUMI_BACKEND_URL"]
    document = yaml.safe_load((project / "Pulumi.yaml").read_text(encoding="utf-8")) or {}
    stated = (document.get("backend") or {}).get("url")
    if stated:
        return str(stated)
    home = Path(environment.get("PULUMI_HOME") or Path.home() / ".pulumi")
    try:
        current: Any = json.loads((home / "credentials.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        current = {}
    return str(current.get("current") or "https://api.pulumi.com")


def state_folder(url: str) -> Path | None:
    """Where a file backend keeps everything; None for a backend that is no folder."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        return None
    return Path(unquote(f"{parts.netloc}{parts.path}")).expanduser() / ".pulumi"


def lock_folder(backend: Path, project: str, stack: str) -> Path:
    """Where a file backend keeps a stack's locks."""
    return backend / "locks" / "organization" / project / stack


def read_locks(folder: Path) -> list[Lock]:
    """Every lock of a stack; one that cannot be read is an error, not none."""
    return [read_lock(path, path.read_text()) for path in sorted(folder.glob("*.json"))]


def read_lock(path: Path, text: str) -> Lock:
    """A lock file's text."""
    try:
        content = json.loads(text)
        return Lock(
            path=path,
            pid=int(content["pid"]),
            user=str(content["username"]),
            host=str(content["hostname"]),
            since=datetime.fromisoformat(fitted(str(content["timestamp"]))).timestamp(),
        )
    except (ValueError, KeyError, TypeError):
        raise VerbError(
            f"{path} is no lock that this version of recover understands. When no `pulumi` runs "
            "anywhere on this stack, delete it by hand."
        ) from None


def fitted(timestamp: str) -> str:
    """A time as Go writes it, with nine digits of a second, cut to what Python reads."""
    head, dot, rest = timestamp.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    return f"{head}{dot}{digits[:6]}{rest[len(digits) :]}" if dot else timestamp


def objection(lock: Lock, here: Here) -> str | None:
    """Why a lock is not ours to free, and what to do; None when it is our own dead one."""
    if lock.host != here.host:
        return (
            f"it was written on {lock.host}, and this is {here.host}: look there whether process "
            f"{lock.pid} still runs; run `recover` there, or delete {lock.path} when it does not"
        )
    if lock.user != here.user:
        return (
            f"it is {lock.user}'s, and you are {here.user}: have {lock.user} run `recover`, or "
            f"delete {lock.path} when process {lock.pid} is no pulumi"
        )
    if here.lives(lock.pid, lock.since):
        return f"process {lock.pid} still runs: let it end, or interrupt it once (Ctrl-C) and wait"
    return None


def free(lock: Lock) -> None:
    """Delete the lock file and its attributes; one that is gone is free."""
    lock.path.unlink(missing_ok=True)
    Path(f"{lock.path}.attrs").unlink(missing_ok=True)
