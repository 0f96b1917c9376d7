"""The cache of programs: `$XDG_CACHE_HOME/hearth/tools/NAME/VERSION-RECIPE/`.

An entry is a folder with the program and a manifest. It is made complete in a folder beside it,
flushed to the disk, and renamed into place, so an entry is either whole or not there. A quick look
compares size and time of last change with the manifest; `verify` hashes the file. It decides
nothing about where a program comes from.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.tools.model import Origin
from lab.tools.recipe import recipe
from lab.tools.rows import Row

MANIFEST = "manifest.json"
KEPT = 5  # entries of a program of our own


def default_root() -> Path:
    """Return Hearth's cache folder. XDG: a relative XDG_CACHE_HOME is to be ignored."""
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (named if named.is_absolute() else Path.home() / ".cache") / "hearth"


def sha256(path: Path) -> str:
    """Return a file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Cache:
    """The programs below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tools = root / "tools"
        self.logs = root / "logs"

    def entry(self, row: Row) -> Path:
        """Return where the row's entry is or would be."""
        return self.tools / row.name / f"{row.version}-{recipe(row)[:12]}"

    def find(self, row: Row) -> Path | None:
        """Return the row's program when a quick look finds its entry whole."""
        folder = self.entry(row)
        manifest = self._manifest(folder)
        program = folder / row.name
        try:
            facts = program.stat()
        except OSError:
            return None
        whole = (
            manifest.get("version") == row.version
            and manifest.get("recipe") == recipe(row)
            and manifest.get("size") == facts.st_size
            and manifest.get("mtime_ns") == facts.st_mtime_ns
        )
        right = os.R_OK if row.is_file else os.X_OK
        return program if whole and os.access(program, right) else None

    def verify(self, row: Row) -> str | None:
        """Return what is wrong with the row's entry after hashing it, or None."""
        program = self.find(row)
        if program is None:
            return f"not in the cache ({self.entry(row)})"
        expected = self._manifest(self.entry(row)).get("sha256")
        seen = sha256(program)
        if seen == expected:
            return None
        return (
            f"{program} has changed since it was put there: SHA-256 {seen}, the manifest says"
            f" {expected}; delete {self.entry(row)} and run `make tools`"
        )

    def put(self, row: Row, program: Path, origin: Origin, work: Path) -> Path:
        """Make an entry of a finished program; `work` is the folder it was made in."""
        fresh = Path(tempfile.mkdtemp(prefix="entry-", dir=work))
        target = fresh / row.name
        program.rename(target)
        target.chmod(0o644 if row.is_file else 0o755)
        _flush(target)
        facts = target.stat()
        manifest = {
            "name": row.name,
            "version": row.version,
            "recipe": recipe(row),
            "origin": origin,
            "size": facts.st_size,
            "mtime_ns": facts.st_mtime_ns,
            "sha256": sha256(target),
        }
        (fresh / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
        _flush(fresh / MANIFEST)
        _flush(fresh)
        fresh.chmod(0o755)
        placed = self._place(fresh, self.entry(row), work) / row.name
        if row.of_sources:
            self._prune(row)
        return placed

    def _prune(self, row: Row) -> None:
        """Keep the newest few of a program whose version changes with every edit.

        A process that still runs an older one keeps its file until it ends.
        """
        entries = sorted(
            (entry for entry in (self.tools / row.name).iterdir() if entry.is_dir()),
            key=lambda entry: entry.stat().st_mtime_ns,
        )
        for old in entries[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)

    def _place(self, fresh: Path, folder: Path, work: Path) -> Path:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.exists():  # damaged, or `find` would have ended the search there
            folder.rename(Path(tempfile.mkdtemp(prefix="damaged-", dir=work)) / folder.name)
        fresh.rename(folder)
        _flush(folder.parent)
        return folder

    @contextmanager
    def workshop(self, label: str) -> Iterator[Path]:
        """Yield a folder on the cache's own file system; what is left in it afterwards goes.

        The caller holds the label's lock, so an older folder of that label belongs to nobody.
        """
        partial = self.tools / ".partial"
        partial.mkdir(parents=True, exist_ok=True)
        for abandoned in partial.glob(f"{label}@*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{label}@", dir=partial))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @staticmethod
    def _manifest(folder: Path) -> dict[str, object]:
        try:
            loaded = json.loads((folder / MANIFEST).read_text())
        except (OSError, ValueError):
            return {}
        return loaded if isinstance(loaded, dict) else {}


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
