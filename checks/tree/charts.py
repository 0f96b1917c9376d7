"""Charts that stand in the repository itself: where each release has its own, and its templates.

Templates are no YAML before Helm has rendered them; they are read as text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from checks.tree.model import HelmRelease, Tree, mapping

BETWEEN = re.compile(r"^---.*$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One document of a template: its text, and where it stands."""

    file: Path
    line: int
    text: str

    def line_of(self, position: int, text: str = "") -> int:
        """The line of a place in the text, or in another one with the same lines."""
        return self.line + (text or self.text).count("\n", 0, position)


def folder(tree: Tree, release: HelmRelease) -> Path | None:
    """Where a release's chart lies in this repository; None for a chart from elsewhere."""
    source = mapping(release.chart_spec, "sourceRef")
    if (source.get("kind"), source.get("name")) != ("GitRepository", "flux-system"):
        return None
    return tree.root / str(release.chart_spec.get("chart", ""))


def templates(tree: Tree, release: HelmRelease) -> Iterator[Part]:
    """The documents of a release's chart; none where the chart is not in this repository."""
    chart = folder(tree, release)
    for path in sorted((chart / "templates").rglob("*.yaml")) if chart else ():
        text, begin = path.read_text(), 0
        for end in [*(match.start() for match in BETWEEN.finditer(text)), len(text)]:
            line = text.count("\n", 0, begin) + 1
            yield Part(file=path.relative_to(tree.root), line=line, text=text[begin:end])
            begin = end
