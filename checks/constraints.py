"""Writes constraints.txt: the exact version of everything that the pinned requirements bring along.

It records what pip resolved in this environment; it resolves nothing itself.
"""

import re
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADER = (
    "# Everything requirements*.txt bring along, as pip resolved it: `make constraints` writes it."
)
INSTALLERS = {"pip", "setuptools", "wheel"}


def canonical(name: str) -> str:
    """PEP 503's spelling of a distribution's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def direct(root: Path) -> set[str]:
    """Canonical names that a requirements file already pins."""
    text = "\n".join(path.read_text() for path in root.glob("requirements*.txt"))
    return {canonical(name) for name in re.findall(r"^([A-Za-z0-9_.-]+)==", text, re.MULTILINE)}


def constraints(root: Path) -> str:
    """The file's text, one line per distribution, sorted."""
    installed = {canonical(d.metadata["Name"]): d.version for d in distributions()}
    names = sorted(set(installed) - direct(root) - INSTALLERS)
    return "\n".join([HEADER, *(f"{name}=={installed[name]}" for name in names)]) + "\n"


if __name__ == "__main__":
    (ROOT / "constraints.txt").write_text(constraints(ROOT))
