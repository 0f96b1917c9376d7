"""One resolver for every program the lab runs.

`ensure` finds, fetches or builds them; `bin_directory` puts exactly these on a shelf for a PATH.
It starts none of them for longer than it takes to ask for a version.
"""

from collections.abc import Iterable

from lab.tools.ask import on_path
from lab.tools.catalog import catalog
from lab.tools.errors import ToolError, ToolsMissing, explain
from lab.tools.model import Origin, Progress, Report, Tool
from lab.tools.resolve import Surroundings, resolve
from lab.tools.rows import Row
from lab.tools.shelf import bin_directory

__all__ = [
    "Origin",
    "Progress",
    "Report",
    "Tool",
    "ToolError",
    "ToolsMissing",
    "absent",
    "bin_directory",
    "damage",
    "ensure",
    "explain",
]


def ensure(
    names: Iterable[str] | None = None,
    report: Report | None = None,
    around: Surroundings | None = None,
) -> dict[str, Tool]:
    """Return the named tools (all when None), or raise ToolsMissing with one reason for each.

    What could be had before a failure is in the exception and stays in the cache.
    """
    return resolve(_rows(names), around, report)


def damage(
    names: Iterable[str] | None = None, around: Surroundings | None = None
) -> dict[str, str]:
    """Hash every named entry of the cache; return what is wrong, by name. Takes seconds."""
    cache = (around or Surroundings()).cache
    there = [row for row in _rows(names) if cache.entry(row).is_dir()]
    return {row.name: wrong for row in there if (wrong := cache.verify(row))}


def absent(around: Surroundings | None = None) -> list[str]:
    """Return the names of tools that are neither on PATH nor in the cache. Builds nothing."""
    here = around or Surroundings()
    return [
        row.name
        for row in catalog()
        if not (here.cache.find(row) or on_path(row, here.folders, here.cache.root))
    ]


def _rows(names: Iterable[str] | None) -> list[Row]:
    rows = {row.name: row for row in catalog()}
    if names is None:
        return list(rows.values())
    wanted = list(names)
    unknown = sorted(set(wanted) - set(rows))
    if unknown:
        raise ToolError(f"no tool is called {', '.join(unknown)}: there are {', '.join(rows)}")
    return [rows[name] for name in wanted]
