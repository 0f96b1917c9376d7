"""Who belongs to a lab: processes that carry its mark in their environment, seen from outside.

Reads /proc and nothing else, so it also sees what a supervisor has lost. Processes of other users
are not readable and not counted.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.world.plan import MARK, SUPERVISOR

PROC = Path("/proc")


@dataclass(frozen=True, kw_only=True)
class Member:
    """One process of a lab, by its number as seen from here.

    `inside`: it lives in a process namespace below ours; `is_init`: it is PID 1 there.
    """

    pid: int
    lab: str
    command: str
    inside: bool
    is_init: bool


def members(lab: str | None = None, proc: Path = PROC) -> list[Member]:
    """Return the living processes of one lab, or of all labs when None."""
    found = (_member(folder) for folder in _processes(proc))
    return [member for member in found if member and (lab is None or member.lab == lab)]


def init_of(lab: str, proc: Path = PROC) -> int | None:
    """Return the process id (as seen from here) of the lab's PID 1."""
    return next((member.pid for member in members(lab, proc) if member.is_init), None)


def dead_labs(proc: Path = PROC) -> dict[str, list[Member]]:
    """Return processes that have outlived their lab, by lab. We ourselves do not count.

    The kernel lets nothing outlive the PID 1 of its namespace, so a lab with any process inside
    one is alive, whoever started it; so is one whose supervisor is on its way in.
    """
    ours = _ancestry(proc)
    labs: dict[str, list[Member]] = {}
    for member in members(None, proc):
        labs.setdefault(member.lab, []).append(member)
    left = {
        lab: [member for member in group if member.pid not in ours]
        for lab, group in labs.items()
        if not any(member.inside or SUPERVISOR in member.command for member in group)
    }
    return {lab: group for lab, group in left.items() if group}


def _processes(proc: Path) -> Iterator[Path]:
    for entry in sorted(proc.iterdir()):
        if entry.name.isdigit():
            yield entry


def _member(folder: Path) -> Member | None:
    try:
        environment = (folder / "environ").read_bytes()
        status = (folder / "status").read_text()
        command = (folder / "cmdline").read_bytes()
    except (OSError, UnicodeDecodeError):  # ended meanwhile, or somebody else's
        return None
    prefix = f"{MARK}=".encode()
    lab = next((var for var in environment.split(b"\0") if var.startswith(prefix)), None)
    if lab is None or _field(status, "State").startswith("Z"):
        return None
    inner = _field(status, "NSpid").split()
    return Member(
        pid=int(folder.name),
        lab=lab.removeprefix(prefix).decode(errors="replace"),
        command=command.replace(b"\0", b" ").decode(errors="replace").strip(),
        inside=len(inner) > 1,
        is_init=len(inner) > 1 and inner[-1] == "1",
    )


def _field(status: str, name: str) -> str:
    for line in status.splitlines():
        if line.startswith(f"{name}:"):
            return line.split(":", 1)[1].strip()
    return ""


def _ancestry(proc: Path) -> set[int]:
    pids: set[int] = set()
    pid = os.getpid()
    while pid > 0 and pid not in pids:
        pids.add(pid)
        try:
            pid = int(_field((proc / str(pid) / "status").read_text(), "PPid") or 0)
        except (OSError, ValueError):
            break
    return pids
