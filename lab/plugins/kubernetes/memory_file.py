"""Secrets for programs that insist on files: files that live in memory only.

A plugin is killed more often than it ends, and then nobody cleans up a temporary folder. A memory
file goes with its process; children and OpenSSL read it under `/proc`, others of the same machine
cannot. Linux only, as the lab is.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self


class MemoryFile:
    """A file that holds `content` until it is closed or the process ends."""

    def __init__(self, content: bytes) -> None:
        self._descriptor = os.memfd_create("hearth-plugin", os.MFD_CLOEXEC)
        view = memoryview(content)
        while view:
            view = view[os.write(self._descriptor, view) :]

    @property
    def path(self) -> Path:
        """Where this process and its children find it."""
        return Path(f"/proc/{os.getpid()}/fd/{self._descriptor}")

    def close(self) -> None:
        """Give the memory back; the path is gone then."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
