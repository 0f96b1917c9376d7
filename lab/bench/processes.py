"""What a command starts, and what memory and processor time each process took, watched in /proc.

Sampled: a process that lives shorter than a sample, or grows in its last one, may be missed. A
Python or a Pulumi CLI lives a hundred samples.
"""

import os
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
SAMPLE_SECONDS = 0.01
KIB = 1024
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(kw_only=True)
class Seen:
    """One process: the file it runs, its arguments, its largest resident set so far in bytes, and
    the processor time of its own in seconds.

    The last of each: a launcher that becomes what it launches is one process.
    """

    program: str = ""
    arguments: tuple[str, ...] = ()
    peak: int = 0
    processor: float = 0.0


class Watch(threading.Thread):
    """Watches everything below the process `root` until `done` is set."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self.done = threading.Event()
        self.seen: dict[int, Seen] = {root: Seen()}
        self._strangers: set[int] = set()

    def run(self) -> None:
        """Look again and again."""
        while not self.done.is_set():
            self.look()
            time.sleep(SAMPLE_SECONDS)

    def look(self) -> None:
        """One sample: find new processes, then note what the known ones run and how much."""
        numbers = sorted(int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())
        for pid in numbers:
            if pid in self.seen or pid in self._strangers:
                continue
            if parent(pid) in self.seen:
                self.seen[pid] = Seen()
            else:
                self._strangers.add(pid)
        for pid, process in self.seen.items():
            note(pid, process)

    def starts(self) -> Counter[str]:
        """How often each program was started, by the file that is executed."""
        return Counter(process.program for process in self.seen.values() if process.program)

    def running(self, program: str) -> list[Seen]:
        """The processes that run a file of this name."""
        return [seen for seen in self.seen.values() if seen.program == program]

    def given(self, word: str) -> list[Seen]:
        """The processes that have a word in one of their arguments."""
        return [
            seen for seen in self.seen.values() if any(word in item for item in seen.arguments[1:])
        ]


def peak(processes: Iterable[Seen]) -> int:
    """The largest peak of several processes, in bytes."""
    return max((process.peak for process in processes), default=0)


def processor(processes: Iterable[Seen]) -> float:
    """The processor time of several processes, in seconds."""
    return sum(process.processor for process in processes)


def parent(pid: int) -> int:
    """Who started a process; 0 when it has ended."""
    try:
        return int(fields((PROC / str(pid) / "stat").read_text())[1])
    except OSError:
        return 0


def fields(stat: str) -> list[str]:
    """A process's `stat` from its state on: what is before is its number and its name.

    The name stands in parentheses, and may hold anything.
    """
    return stat.rpartition(")")[2].split()


def ticks(stat: str) -> int:
    """The processor time in a process's `stat`, for itself and for the kernel, in clock ticks."""
    return sum(map(int, fields(stat)[11:13]))


def note(pid: int, process: Seen) -> None:
    """Read what a living process runs, and its peak so far."""
    folder = PROC / str(pid)
    try:
        program = (folder / "exe").readlink().name
        arguments = (folder / "cmdline").read_bytes().decode(errors="replace")
        status, stat = (folder / "status").read_text(), (folder / "stat").read_text()
    except OSError:
        return
    process.program, process.arguments = program, tuple(arguments.rstrip("\0").split("\0"))
    process.peak = max(process.peak, high_water(status))
    process.processor = max(process.processor, ticks(stat) / TICKS_A_SECOND)


def high_water(status: str) -> int:
    """`VmHWM` of a process's status, in bytes; 0 for one that has no memory any more."""
    for entry in status.splitlines():
        if entry.startswith("VmHWM:"):
            return int(entry.split()[1]) * KIB
    return 0
