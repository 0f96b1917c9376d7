"""A cluster's tree: every object that Flux would make, and typed views of those that rules ask for.

Rules see this and never YAML. Objects are those of the kustomize builds, after Flux' substitution
with the stack's own settings; each knows the file and the lines that it came from. What charts
make is not here but for what their HelmReleases say.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from checks.finding import Finding
from checks.gitops_tree import FLUX, Placed
from checks.ownership import HELM, chart_of, release_of
from checks.tree.definitions import Definition
from config.owned import Owned

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod")
POD_PATHS: Mapping[str, tuple[str, ...]] = {
    "Pod": ("spec",),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
}
TEMPLATE = ("spec", "template", "spec")


@dataclass(frozen=True, kw_only=True)
class View:
    """An object that a rule asks for by its kind."""

    item: Placed

    @property
    def name(self) -> str:
        """Its name."""
        return self.item.name

    @property
    def namespace(self) -> str:
        """Its namespace, empty for what has none."""
        return self.item.namespace

    @property
    def spec(self) -> Mapping[str, Any]:
        """Its spec."""
        return self.item.spec

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels."""
        return mapping(self.item.document, "metadata", "labels")

    @property
    def annotations(self) -> Mapping[str, str]:
        """Its annotations."""
        return mapping(self.item.document, "metadata", "annotations")

    def finding(self, rule: str, message: str, fix: str, *path: str | int) -> Finding:
        """A finding at the line of a field, by its path in the object."""
        return finding(self.item, rule, message, fix, *path)


@dataclass(frozen=True, kw_only=True)
class Kustomization(View):
    """Flux' own kind; not kustomize's file."""

    @property
    def path(self) -> str:
        """The folder, from the root of the repository."""
        return str(self.spec.get("path", ""))

    @property
    def depends_on(self) -> list[tuple[str, str]]:
        """Namespace and name of what it waits for, in the order of the file."""
        return [
            (str(one.get("namespace") or self.namespace), str(one.get("name")))
            for one in sequence(self.spec, "dependsOn")
        ]

    @property
    def health_checks(self) -> list[Mapping[str, Any]]:
        """The objects it waits for by name."""
        return sequence(self.spec, "healthChecks")


@dataclass(frozen=True, kw_only=True)
class HelmRelease(View):
    """A chart that Flux installs; `chart` is the chart's name, empty when it cannot be told."""

    chart: str

    @property
    def release(self) -> tuple[str, str]:
        """Namespace and name of the Helm release."""
        return release_of(self.item)

    @property
    def chart_spec(self) -> Mapping[str, Any]:
        """`spec.chart.spec`, empty for a `chartRef`."""
        return mapping(self.spec, "chart", "spec")

    @property
    def values(self) -> Mapping[str, Any]:
        """The values that stand in the release itself."""
        return mapping(self.spec, "values")

    @property
    def depends_on(self) -> list[tuple[str, str]]:
        """Namespace and name of the releases that it waits for."""
        return [
            (str(one.get("namespace") or self.namespace), str(one.get("name")))
            for one in sequence(self.spec, "dependsOn")
        ]


@dataclass(frozen=True, kw_only=True)
class Workload(View):
    """Whatever has a pod in it; `path` leads to the pod's spec in the object."""

    path: tuple[str, ...]

    @property
    def pod(self) -> Mapping[str, Any]:
        """The pod's spec."""
        return mapping(self.item.document, *self.path)

    @property
    def containers(self) -> Iterator[tuple[Mapping[str, Any], tuple[str | int, ...]]]:
        """Every container with its path in the object, those that go first included."""
        for key in ("initContainers", "containers"):
            for number, one in enumerate(sequence(self.pod, key)):
                yield one, (*self.path, key, number)


@dataclass(frozen=True, kw_only=True)
class Tree:
    """One cluster's tree.

    `settings` are what Flux substitutes, `owned` what the program makes itself, `definitions` the
    kinds whose schemas are known, by group and kind, `problems` what was wrong with loading it,
    `archives` where charts lie that were fetched.
    """

    root: Path
    stack: str
    path: str
    objects: tuple[Placed, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    owned: Owned = field(default_factory=lambda: Owned(objects=(), releases=()))
    definitions: Mapping[tuple[str, str], Definition] = field(default_factory=dict)
    archives: Path | None = None
    problems: tuple[Finding, ...] = ()

    def of(self, *kinds: str) -> Iterator[View]:
        """Objects of these kinds, of any group."""
        return (View(item=item) for item in self.objects if item.kind in kinds)

    @cached_property
    def kustomizations(self) -> tuple[Kustomization, ...]:
        """Flux' Kustomizations; the root itself is the program's and not among them."""
        return tuple(
            Kustomization(item=item)
            for item in self.objects
            if item.group == FLUX and item.kind == "Kustomization"
        )

    @cached_property
    def releases(self) -> tuple[HelmRelease, ...]:
        """Every HelmRelease."""
        return tuple(
            HelmRelease(item=item, chart=chart_of(item, self.objects))
            for item in self.objects
            if item.group == HELM and item.kind == "HelmRelease"
        )

    @cached_property
    def workloads(self) -> tuple[Workload, ...]:
        """Everything with a pod in it that stands in the tree itself."""
        return tuple(
            Workload(item=item, path=POD_PATHS.get(item.kind, TEMPLATE))
            for item in self.objects
            if item.kind in WORKLOADS and item.group in {"", "apps", "batch"}
        )

    def brought_by(self, name: str) -> list[Placed]:
        """What a Kustomization brings, by its name."""
        return [item for item in self.objects if item.brought_by == name]


def finding(item: Placed, rule: str, message: str, fix: str, *path: str | int) -> Finding:
    """A finding in an object, at the line of a field."""
    return Finding(file=item.file, line=item.line_of(*path), rule=rule, message=message, fix=fix)


def mapping(found: Any, *path: str) -> Mapping[str, Any]:
    """A mapping below a path; empty where there is none."""
    for step in path:
        found = found.get(step) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def sequence(found: Any, *path: str) -> list[Any]:
    """The mappings of a list below a path; empty where there is none."""
    *way, last = path
    held = mapping(found, *way).get(last)
    return [one for one in held if isinstance(one, Mapping)] if isinstance(held, list) else []
