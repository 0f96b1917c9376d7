"""The memory of whole labs: the sum of proportional set sizes, in which a shared page counts once.

It is sampled, so a short peak may be missed.
"""

import threading
from pathlib import Path

from lab.world.inventory import members

SAMPLE_SECONDS = 1.0


class Memory(threading.Thread):
    """Samples what all processes of labs take together, until `done` is set; `peak` in kB."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.done = threading.Event()
        self.peak = 0

    def run(self) -> None:
        """Keep the largest sum seen."""
        while not self.done.wait(SAMPLE_SECONDS):
            self.peak = max(self.peak, sum(pss(member.pid) for member in members()))


def pss(pid: int) -> int:
    """A process's proportional set size in kB; 0 when it has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line[:4] == "Pss:"), 0)
