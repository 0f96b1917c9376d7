"""Charts that stand in the repository itself: which releases install them, and their templates.

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


def templates(tree: Tree, release: HelmRelease) -> Iterator[Part]:
    """The documents of a release's chart; none where the chart is not in this repository."""
    source = mapping(release.chart_spec, "sourceRef")
    if (source.get("kind"), source.get("name")) != ("GitRepository", "flux-system"):
        return
    folder = tree.root / str(release.chart_spec.get("chart", "")) / "templates"
    for path in sorted(folder.rglob("*.yaml")):
        text, begin = path.read_text(), 0
        for end in [*(match.start() for match in BETWEEN.finditer(text)), len(text)]:
            line = text.count("\n", 0, begin) + 1
            yield Part(file=path.relative_to(tree.root), line=line, text=text[begin:end])
            begin = end
