"""A chart whose changes come at the wrong time: by themselves, or never."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from checks.finding import Finding, Rule
from checks.ownership import SOURCES
from checks.tree.model import Tree, View, mapping

NAME = "chart-version"
EXACT = re.compile(r"v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")


def find(tree: Tree) -> Iterator[Finding]:
    """One finding for each release, chart or source of a chart."""
    for release in tree.releases:
        if release.chart_spec:
            yield from floating(release, release.chart_spec, "spec", "chart", "spec")
    for chart in tree.of("HelmChart"):
        if chart.item.group == SOURCES:
            yield from floating(chart, chart.spec, "spec")
    referred = {
        (str(wanted.get("namespace") or release.namespace), str(wanted.get("name"))): release.name
        for release in tree.releases
        if (wanted := mapping(release.spec, "chartRef")).get("kind") == "OCIRepository"
    }
    for source in tree.of("OCIRepository"):
        user = referred.get((source.namespace, source.name))
        if user and not exact_reference(mapping(source.spec, "ref")):
            yield source.finding(
                NAME,
                f"OCIRepository {source.name}, of which HelmRelease {user} takes its chart, has no "
                "exact version: the chart changes without a commit",
                "set `ref.tag` to one version, or `ref.digest`",
                *("spec", "ref"),
            )


def floating(one: View, chart: Mapping[str, Any], *path: str) -> Iterator[Finding]:
    """What is wrong with how a release, or a HelmChart, asks for its chart."""
    source = mapping(chart, "sourceRef").get("kind")
    name, version = chart.get("chart"), str(chart.get("version") or "")
    if source in {"GitRepository", "Bucket"} and chart.get("reconcileStrategy") != "Revision":
        yield one.finding(
            NAME,
            f"{one.item.kind} {one.name} takes chart {name} from a {source}, and sees a change of "
            "its templates only when the version in Chart.yaml changes as well",
            "set `reconcileStrategy: Revision`",
            *path,
            "reconcileStrategy" if "reconcileStrategy" in chart else "sourceRef",
        )
    if source == "HelmRepository" and not EXACT.fullmatch(version):
        said = f"of version {version}" if version else "of whatever version is the newest"
        yield one.finding(
            NAME,
            f"{one.item.kind} {one.name} takes chart {name} {said}: it changes without a commit",
            "name one version, like 1.2.3",
            *path,
            "version" if version else "chart",
        )


def exact_reference(reference: Mapping[str, Any]) -> bool:
    """Whether an OCIRepository stays at what it is."""
    tag = str(reference.get("tag") or "")
    return bool(reference.get("digest")) or (
        "semver" not in reference and bool(EXACT.fullmatch(tag))
    )


RULE = Rule(
    name=NAME,
    forbids="a chart out of a Git repository or a bucket that is seen by its version alone, and a "
    "chart out of a registry without an exact version",
    outage="templates of a chart in the repository were mended, its version stayed 0.1.1, and Helm "
    "never rolled them out; only 0.1.2 did",
    find=find,
)
