"""A file backend's checkpoint whose writer was killed between the files that make it up.

The backend writes `STACK.json` by way of a temporary file, and before it `STACK.json.attrs`, in
place (gocloud's fileblob). Killed there, it leaves the attributes empty or cut short, and every
later command ends in "failed to load checkpoint: EOF", though the checkpoint itself is whole: the
last one that was written. Attributes that are missing are no problem to the backend. The checkpoint
is never touched here.
"""

import json
from pathlib import Path

SUFFIXES = ("json", "json.gz")


def mend(folder: Path, stack: str) -> list[str]:
    """Remove what cannot be read beside a stack's checkpoint, and what was never finished.

    `folder` holds the project's stacks. Call it under the dead run's lock, so that no other run
    writes meanwhile. Returns a line for each thing done.
    """
    told = []
    for suffix in SUFFIXES:
        checkpoint = folder / f"{stack}.{suffix}"
        for attributes in (Path(f"{checkpoint}.attrs"), Path(f"{checkpoint}.bak.attrs")):
            if attributes.exists() and not readable(attributes):
                attributes.unlink()
                told.append(f"removed {attributes.name}: the run died while it wrote it")
        for unfinished in sorted(folder.glob(f"{checkpoint.name}.*.tmp")):
            unfinished.unlink()
            told.append(f"removed {unfinished.name}: a checkpoint that was never finished")
    return told


def readable(path: Path) -> bool:
    """Whether a file holds JSON."""
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True
