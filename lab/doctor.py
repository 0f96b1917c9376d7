"""What a machine needs for the lab, looked at one by one. It changes nothing by itself.

`end` is the exception that its caller asks for: processes that have outlived their lab.
"""

import os
import shutil
import signal
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab import tools
from lab.tools.cache import default_root
from lab.world import WorldError, namespace
from lab.world.inventory import Member, dead_labs

GIB = 1 << 30
DISK_GIB = 5  # state of a lab and all tools; building tools takes about 10 more, once
MEMORY_GIB = 3  # a five-machine cluster takes one, the engine and its plugins another


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing looked at: fine or not, and what was seen or what to do."""

    subject: str
    fine: bool
    text: str


def examine(root: Path) -> list[Finding]:
    """Look at everything; `root` is where `.lab` lies."""
    return [
        _namespaces(),
        _tools(),
        *(_disk(folder) for folder in (root, default_root())),
        _memory(),
        _leftovers(dead_labs()),
    ]


def _namespaces() -> Finding:
    try:
        namespace.check()
    except WorldError as error:
        return Finding(subject="namespaces", fine=False, text=str(error))
    return Finding(subject="namespaces", fine=True, text="can be made without root")


def _tools() -> Finding:
    wrong = tools.damage()
    if wrong:
        return Finding(subject="tools", fine=False, text="; ".join(wrong.values()))
    absent = tools.absent()
    if absent:
        text = f"{', '.join(absent)} not there yet: run `make tools`"
        return Finding(subject="tools", fine=False, text=text)
    return Finding(subject="tools", fine=True, text="all there, checksums right")


def _disk(folder: Path) -> Finding:
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(there).free / GIB
    text = f"{free:.0f} GiB free at {there}"
    if free < DISK_GIB:
        text += f": the lab wants {DISK_GIB}; free some, or point XDG_CACHE_HOME elsewhere"
    return Finding(subject="disk", fine=free >= DISK_GIB, text=text)


def _memory(meminfo: Path = Path("/proc/meminfo")) -> Finding:
    try:
        lines = meminfo.read_text().splitlines()
    except OSError as error:
        return Finding(subject="memory", fine=False, text=f"cannot be read: {error}")
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    free = int(fields["MemAvailable"].split()[0]) * 1024 / GIB
    text = f"{free:.1f} GiB available"
    if free < MEMORY_GIB:
        text += f": a rehearsal wants {MEMORY_GIB}; close something"
    return Finding(subject="memory", fine=free >= MEMORY_GIB, text=text)


def _leftovers(labs: Mapping[str, Iterable[Member]]) -> Finding:
    if not labs:
        return Finding(subject="leftovers", fine=True, text="no process of a dead lab")
    seen = "; ".join(
        f"{lab}: " + ", ".join(f"{member.pid} {member.command[:60]}" for member in group)
        for lab, group in labs.items()
    )
    text = f"processes of dead labs ({seen}): end them with `./hearth lab doctor --end`"
    return Finding(subject="leftovers", fine=False, text=text)


def end(labs: Mapping[str, Iterable[Member]]) -> int:
    """Kill processes of dead labs, each by a handle taken before it is looked at once more."""
    ended = 0
    for lab, group in labs.items():
        for member in group:
            with suppress(ProcessLookupError):
                handle = os.pidfd_open(member.pid)
                try:
                    still = any(other.pid == member.pid for other in dead_labs().get(lab, ()))
                    if still:
                        signal.pidfd_send_signal(handle, signal.SIGKILL)
                        ended += 1
                finally:
                    os.close(handle)
    return ended
