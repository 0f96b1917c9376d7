"""What a status says: sections of rows, each as it should be or not, as text, JSON and exit code.

Pure. A row that is not as wanted says why and what to do; a section that could not be asked says
so, and is neither well nor wrong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """`note` is told, and no reason for an exit code: it is not this stack's to mend."""

    WELL = "well"
    NOTE = "note"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One thing: `actual` is what was found of it, by words that a script may read."""

    name: str
    verdict: Verdict = Verdict.WELL
    actual: Mapping[str, str] = field(default_factory=dict)
    why: str = ""
    todo: str = ""


@dataclass(frozen=True, kw_only=True)
class Section:
    """One part of a cluster. `lines` is what there is to read besides, as it is."""

    name: str
    rows: tuple[Row, ...] = ()
    summary: str = ""
    lines: tuple[str, ...] = ()
    unasked: str = ""

    @property
    def verdict(self) -> Verdict:
        """The worst of its rows; unknown when nobody answered."""
        if self.unasked:
            return Verdict.UNKNOWN
        found = {row.verdict for row in self.rows}
        worst = (Verdict.WRONG, Verdict.UNKNOWN, Verdict.NOTE)
        return next((verdict for verdict in worst if verdict in found), Verdict.WELL)


MARKS = {
    Verdict.WELL: "ok",
    Verdict.NOTE: "note",
    Verdict.WRONG: "WRONG",
    Verdict.UNKNOWN: "?",
}
EXIT = {Verdict.WELL: 0, Verdict.NOTE: 0, Verdict.WRONG: 1, Verdict.UNKNOWN: 2}


def verdict(sections: Sequence[Section]) -> Verdict:
    """Of all together: what is wrong outweighs what nobody could say."""
    found = {section.verdict for section in sections}
    worst = (Verdict.WRONG, Verdict.UNKNOWN, Verdict.NOTE)
    return next((one for one in worst if one in found), Verdict.WELL)


def text(stack: str, sections: Sequence[Section]) -> str:
    """For a person: a line a section, and below it only what is not as it should be."""
    width = max((len(section.name) for section in sections), default=0)
    found = []
    for section in sections:
        summary = f"could not ask: {section.unasked}" if section.unasked else section.summary
        found.append(f"{section.name:{width}}  {MARKS[section.verdict]:5}  {summary}".rstrip())
        names = max((len(row.name) for row in troubled(section)), default=0)
        for row in troubled(section):
            found.append(f"  {row.name:{names}}  {row.why}")
            found += [f"  {'':{names}}  -> {row.todo}"] if row.todo else []
        found += [f"  {line}" for line in section.lines]
    return "\n".join([*found, "", f"{stack}: {ENDS[verdict(sections)]}"])


ENDS = {
    Verdict.WELL: "everything is as wanted.",
    Verdict.NOTE: "everything is as wanted, with notes.",
    Verdict.WRONG: "something is not as wanted.",
    Verdict.UNKNOWN: "not everybody could be asked.",
}


def troubled(section: Section) -> list[Row]:
    """The rows that a person has to look at."""
    return [row for row in section.rows if row.verdict is not Verdict.WELL]


def document(stack: str, sections: Sequence[Section]) -> dict[str, Any]:
    """For a script, as docs/status.md has it."""
    return {
        "stack": stack,
        "verdict": verdict(sections).value,
        "sections": [
            {
                "name": section.name,
                "verdict": section.verdict.value,
                "summary": section.summary,
                "unasked": section.unasked or None,
                "rows": [{**asdict(row), "actual": dict(row.actual)} for row in section.rows],
                "lines": list(section.lines),
            }
            for section in sections
        ],
    }
