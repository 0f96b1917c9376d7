"""Where the tests of the lab find the real programs: one place, so that it can be moved at once."""

import os
from pathlib import Path

from lab import tools


def tools_bin() -> Path | None:
    """The folder that `HEARTH_TOOLS_BIN` names, None when the lab's own resolver is to be asked."""
    named = os.environ.get("HEARTH_TOOLS_BIN")
    return Path(named) if named else None


def tool(name: str) -> Path:
    """One program, in the version that the lab runs."""
    folder = tools_bin()
    return folder / name if folder else tools.ensure([name])[name].path
