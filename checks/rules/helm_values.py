"""Values that a chart does not take, as far as the chart can be had.

What Helm itself refuses (the chart's schema), and what it does not: a key that the chart has in
another spelling is taken without a word and does nothing. Charts set more than their values.yaml
shows, so a key that is merely unknown is no finding.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from checks.finding import Finding, Rule
from checks.tree.chart_values import Chart, chart
from checks.tree.model import HelmRelease, Tree

NAME = "helm-values"
Path = tuple[str | int, ...]


def find(tree: Tree) -> Iterator[Finding]:
    """One finding for each value."""
    for release in tree.releases:
        known = chart(tree, release)
        if known is not None:
            yield from refused(release, known)
            yield from misspelt(release, release.values, known.values, known.parts)


def refused(release: HelmRelease, known: Chart) -> Iterator[Finding]:
    """What the schema refuses of the release's values over the chart's own."""
    if not known.schema or release.spec.get("valuesFrom"):
        return
    # A tenth of a second, for charts that have a schema alone.
    from jsonschema import Draft7Validator  # noqa: PLC0415

    values = merged(known.values, release.values)
    for error in Draft7Validator(known.schema).iter_errors(values):
        path: Path = tuple(error.absolute_path)
        yield release.finding(
            NAME,
            f"HelmRelease {release.name}: the chart {release.chart} refuses "
            f"{'.'.join(map(str, path)) or 'its values'}: {error.message}",
            "correct it as the chart's values.schema.json has it: Helm installs nothing before",
            *("spec", "values", *path),
        )


def misspelt(
    release: HelmRelease, given: Mapping[str, Any], own: Mapping[str, Any], parts: frozenset[str]
) -> Iterator[Finding]:
    """Keys that the chart has in another spelling, however deep."""
    waiting: list[tuple[Path, Mapping[str, Any], Mapping[str, Any]]] = [((), given, own)]
    while waiting:
        path, here, there = waiting.pop()
        alike = {plain(key): key for key in there}
        for key, value in here.items():
            meant = alike.get(plain(key))
            if key not in there and meant is not None and meant not in here:
                told = ".".join(map(str, (*path, key)))
                yield release.finding(
                    NAME,
                    f"HelmRelease {release.name} sets {told}, and the chart {release.chart} has "
                    f"{meant}: Helm takes the one and the chart reads the other",
                    f"write `{meant}`",
                    *("spec", "values", *path, key),
                )
            within = there.get(key)
            ours = path or key not in parts
            if ours and isinstance(value, Mapping) and isinstance(within, Mapping):
                waiting.append(((*path, key), value, within))


def plain(key: str) -> str:
    """A key without what people get wrong: capitals, dashes, underscores."""
    return re.sub(r"[-_]", "", str(key)).lower()


def merged(own: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A chart's values under a release's, as Helm lays them; null takes a key away."""
    found = dict(own)
    for key, value in given.items():
        below = found.get(key)
        if value is None:
            found.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(below, Mapping):
            found[key] = merged(below, value)
        else:
            found[key] = value
    return found


RULE = Rule(
    name=NAME,
    forbids="a value that the chart refuses, or has in another spelling",
    outage="`cgroup.automount` for Cilium's `cgroup.autoMount` is in more than one public "
    "repository: it is taken, and does nothing",
    find=find,
)
