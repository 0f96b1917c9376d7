"""Asking a program for its version, with a deadline. It never trusts a file's name.

Programs without a word for it (Flux's controllers) are not run: Go stamped their modules on them.
"""

import mmap
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lab.tools.rows import Question, Row, Stamp

DEADLINE = 20.0  # seconds; the slowest of ours answers in half a second on a busy laptop


def ask(program: Path, question: Question | Stamp, deadline: float = DEADLINE) -> str | None:
    """Return the program's version, or None when it does not say one in time."""
    if isinstance(question, Stamp):
        return _stamped(program, question)
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


def _stamped(program: Path, stamp: Stamp) -> str | None:
    """Read the version out of the build information that Go leaves in every program."""
    mark = f"\t{stamp.module}\tv".encode()
    try:
        with (
            program.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text,
        ):
            at = text.find(mark)
            rest = text[at + len(mark) : at + len(mark) + 80] if at >= 0 else b""
    except (OSError, ValueError):  # unreadable, or empty
        return None
    found = re.match(rb"[0-9][^\s]*", rest)
    return found.group().decode() if found else None


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
