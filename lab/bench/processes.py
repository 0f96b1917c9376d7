"""What a command starts and how much memory each of its processes took at most, watched in /proc.

Sampled: a process that lives shorter than a sample, or grows in its last one, may be missed. A
Python or a Pulumi CLI lives a hundred samples.
"""

import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
SAMPLE_SECONDS = 0.01
KIB = 1024


@dataclass(kw_only=True)
class Seen:
    """One process: the file it runs, its arguments, its largest resident set so far in bytes.

    The last of each: a launcher that becomes what it launches is one process.
    """

    program: str = ""
    arguments: tuple[str, ...] = ()
    peak: int = 0


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

    def peak(self, word: str) -> int:
        """The largest peak of a process with `word` in one of its arguments, in bytes."""
        found = (seen.peak for seen in self.seen.values() if any(word in x for x in seen.arguments))
        return max(found, default=0)

    def peak_of_program(self, program: str) -> int:
        """The largest peak of a process that runs this file, in bytes."""
        found = (seen.peak for seen in self.seen.values() if program == seen.program)
        return max(found, default=0)


def parent(pid: int) -> int:
    """Who started a process; 0 when it has ended."""
    try:
        # The second field is the name in parentheses, and may hold anything.
        return int((PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def note(pid: int, process: Seen) -> None:
    """Read what a living process runs, and its peak so far."""
    folder = PROC / str(pid)
    try:
        program = (folder / "exe").readlink().name
        arguments = (folder / "cmdline").read_bytes().decode(errors="replace")
        status = (folder / "status").read_text()
    except OSError:
        return
    process.program, process.arguments = program, tuple(arguments.rstrip("\0").split("\0"))
    process.peak = max(process.peak, high_water(status))


def high_water(status: str) -> int:
    """`VmHWM` of a process's status, in bytes; 0 for one that has no memory any more."""
    for entry in status.splitlines():
        if entry.startswith("VmHWM:"):
            return int(entry.split()[1]) * KIB
    return 0
