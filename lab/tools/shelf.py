"""A folder with links to exactly the tools of one run, for a PATH and for the Talos simulator.

Programs lie in it by name, vendors' CRDs below `crds/`.

Its name is made of what it holds, so two versions never share a folder and none is ever changed.
"""

import hashlib
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from lab.tools.cache import default_root
from lab.tools.model import Tool


def bin_directory(tools: Mapping[str, Tool], root: Path | None = None) -> Path:
    """Return the folder for these tools, made when it is not there (or not as it should be)."""
    wanted = {tool.place: str(tool.path) for tool in tools.values()}
    name = hashlib.sha256(repr(sorted(wanted.items())).encode()).hexdigest()[:16]
    shelves = (root or default_root()) / "bin"
    shelf = shelves / name
    if _links(shelf) == wanted:
        return shelf
    shelves.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".shelf-", dir=shelves) as work:
        fresh = Path(work) / "fresh"
        fresh.mkdir()
        for place, target in wanted.items():
            (fresh / place).parent.mkdir(exist_ok=True)
            (fresh / place).symlink_to(target)
        if shelf.exists():
            shelf.rename(Path(work) / "damaged")
        with suppress(OSError):  # another run put the same shelf there first
            fresh.rename(shelf)
    return shelf


def _links(shelf: Path) -> dict[str, str]:
    if not shelf.is_dir():
        return {}
    return {
        entry.relative_to(shelf).as_posix(): str(entry.readlink()) if entry.is_symlink() else ""
        for entry in shelf.rglob("*")
        if entry.is_symlink() or not entry.is_dir()
    }
