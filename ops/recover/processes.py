"""Processes as recover looks at them: is the writer of a lock alive, do its plugins linger?

Vendors' plugins notice the engine's death late and finish what they were doing, so the world is
looked at only when none of them is left. `/proc` is Linux; elsewhere only life itself is asked.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
PLUGIN = "pulumi-resource-"
ENGINE = "pulumi"
POLL_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """A plugin's process that outlived its engine."""

    pid: int
    name: str

    def __str__(self) -> str:
        """For a message."""
        return f"{self.name} (process {self.pid})"


def lives(pid: int, since: float) -> bool:
    """Whether a process still runs; a number that was given away after `since` does not count."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    begun = started(pid)
    # A second of grace: the kernel counts in ticks since boot.
    return begun is None or begun <= since + 1


def started(pid: int) -> float | None:
    """When a process began, in seconds since the epoch; None where the system does not say."""
    fields = stat(pid)
    try:
        boot = next(
            float(line.split()[1])
            for line in (PROC / "stat").read_text().splitlines()
            if line.startswith("btime ")
        )
    except (OSError, StopIteration):
        return None
    return None if fields is None else boot + int(fields[19]) / os.sysconf("SC_CLK_TCK")


def stat(pid: int) -> list[str] | None:
    """The fields of `/proc/PID/stat` after the name, None for a process that is gone."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def lingering(project: Path) -> list[Plugin]:
    """Plugins that work for a project and whose engine is gone."""
    found = []
    for entry in PROC.glob("[0-9]*"):
        name = plugin_name(entry)
        if name is None or not works_in(entry, project):
            continue
        fields = stat(int(entry.name))
        if fields is not None and fields[0] != "Z" and not is_engine(int(fields[1])):
            found.append(Plugin(pid=int(entry.name), name=name))
    return found


def plugin_name(entry: Path) -> str | None:
    """The name of the plugin that a process is; None when it is none of ours to see."""
    try:
        # A script's name comes after its interpreter and that one's options.
        words = (entry / "cmdline").read_bytes().split(b"\0")[:4]
    except OSError:
        return None
    names = [Path(word.decode(errors="replace")).name for word in words]
    return next((name for name in names if name.startswith(PLUGIN)), None)


def works_in(entry: Path, project: Path) -> bool:
    """Whether a process works in a project's folder, where the engine starts its plugins."""
    try:
        return (entry / "cwd").resolve(strict=True).is_relative_to(project.resolve())
    except OSError:
        return False


def is_engine(pid: int) -> bool:
    """Whether a process is a running `pulumi`, or a plugin of one that starts another."""
    try:
        words = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return any(Path(word.decode(errors="replace")).name.startswith(ENGINE) for word in words[:3])


def await_end(project: Path, seconds: float) -> list[Plugin]:
    """Wait until no plugin lingers; those that still do when the time is up."""
    deadline = time.monotonic() + seconds
    while (left := lingering(project)) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return left
