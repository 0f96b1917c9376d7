"""Asking a program for its version, with a deadline. It never trusts a file's name."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lab.tools.rows import Question, Row

DEADLINE = 20.0  # seconds; the slowest of ours answers in half a second on a busy laptop


def ask(program: Path, question: Question, deadline: float = DEADLINE) -> str | None:
    """Return the program's version, or None when it does not say one in time."""
    quiet = os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "true", "NO_COLOR": "1"}
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                [program, *question.arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=quiet,
                start_new_session=True,  # a wrapper script's child must end with it
            )
        except OSError:
            return None
        try:
            process.wait(deadline)
        except subprocess.TimeoutExpired:
            return None
        finally:
            end_group(process)
        output.seek(0)
        return question.answer(output.read(65536).decode(errors="replace"))


def end_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process that leads its own group, with everything it started, and reap it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def on_path(row: Row, folders: str, not_below: Path, deadline: float = DEADLINE) -> Path | None:
    """Return the first program on PATH that answers with the row's version.

    Links into our own cache (a lab's shell has them on its PATH) do not count as somebody's
    installation: the cache vouches for its entries itself.
    """
    if row.question is None:
        return None
    for candidate in _candidates(row.name, folders):
        if not candidate.resolve().is_relative_to(not_below.resolve()) and (
            ask(candidate, row.question, deadline) == row.version
        ):
            return candidate
    return None


def _candidates(name: str, folders: str) -> Iterator[Path]:
    seen: set[Path] = set()
    for folder in folders.split(os.pathsep):
        candidate = Path(folder) / name
        if folder and candidate.is_file() and os.access(candidate, os.X_OK):
            real = candidate.resolve()
            if real not in seen:
                seen.add(real)
                yield candidate.absolute()
