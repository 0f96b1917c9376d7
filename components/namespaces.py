"""The namespaces that the program makes: their names, and what pods may ask of a node in there.

Talos lets `baseline` in where nothing is said. The tree says it of the namespaces that it makes
itself; of these only the program can, because a namespace has one owner.
"""

from typing import Any, Literal

Level = Literal["privileged", "baseline", "restricted"]
ENFORCE = "pod-security.kubernetes.io/enforce"


def metadata(name: str, level: Level = "restricted") -> dict[str, Any]:
    """A namespace's metadata."""
    return {"name": name, "labels": {ENFORCE: level}}
