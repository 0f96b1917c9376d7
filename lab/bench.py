"""`make bench`: what a rehearsal and the quick tests cost on this machine. Figures, no verdicts.

Memory is the sum of proportional set sizes (PSS) of every process of the lab, so shared pages count
once; it is sampled, so a short peak may be missed.
"""

import subprocess
import sys
import threading
import time
from pathlib import Path

from lab.world.inventory import members

ROOT = Path(__file__).resolve().parents[1]
SAMPLE_SECONDS = 1.0
RUN_SECONDS = 1800
MIB = 1024  # kB, as the kernel counts


def pss(pid: int) -> int:
    """A process's proportional set size in kB; 0 when it has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line[:4] == "Pss:"), 0)


class Memory(threading.Thread):
    """Samples what all processes of labs take together, until `done` is set."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.done = threading.Event()
        self.peak = 0

    def run(self) -> None:
        """Keep the largest sum seen."""
        while not self.done.wait(SAMPLE_SECONDS):
            self.peak = max(self.peak, sum(pss(member.pid) for member in members()))


def timed(name: str, argv: list[str]) -> bool:
    """Run a command quietly and print what it took; whether it ended well."""
    memory = Memory()
    memory.start()
    started = time.monotonic()
    done = subprocess.run(
        argv,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    seconds = time.monotonic() - started
    memory.done.set()
    memory.join()
    peak = f", {memory.peak / MIB:.0f} MiB of lab at its peak" if memory.peak else ""
    failed = "" if done.returncode == 0 else f", FAILED with {done.returncode}"
    print(f"{name:28} {seconds:7.1f} s{peak}{failed}", flush=True)
    return done.returncode == 0


def main() -> int:
    """Every figure."""
    python = sys.executable
    rehearse = [python, "hearth", "rehearse", "test-cluster", "--scenarios"]
    good = [
        timed("tools, all cached", [python, "-m", "lab.tools"]),
        timed("unit and graph tests", [python, "-m", "pytest", "-q", "tests/unit", "tests/graph"]),
        timed("rehearsal: core", [*rehearse, "core"]),
        timed("rehearsal: cni-missing", [*rehearse, "cni-missing"]),
    ]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
