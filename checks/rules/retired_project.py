"""Charts and images of projects that no longer get fixes.

Whoever knows and has a reason says so where it stands: the annotation `hearth/accept-end-of-life`
with the reason, on the HelmRelease or on what has the pod.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from checks.finding import Finding, Rule
from checks.images import parsed
from checks.tree.model import Tree, View

NAME = "retired-project"
ACCEPTED = "hearth/accept-end-of-life"


@dataclass(frozen=True, kw_only=True)
class Retired:
    """A project: its chart, what its images' names begin with, what became of it, what does."""

    chart: str
    images: tuple[str, ...]
    fate: str
    instead: str


PROJECTS = (
    # Source: kubernetes.io/blog/2025/11/11/ingress-nginx-retirement. F5's own controller, the chart
    # `nginx-ingress`, is another project.
    Retired(
        chart="ingress-nginx",
        images=("registry.k8s.io/ingress-nginx/", "k8s.gcr.io/ingress-nginx/"),
        fate="has had no fixes since 2026-03, not even of security",
        instead="a controller of the Gateway API, or another one of Ingresses",
    ),
    # Source: github.com/kubernetes-retired/dashboard, archived 2026-01-21.
    Retired(
        chart="kubernetes-dashboard",
        images=("kubernetesui/dashboard", "docker.io/kubernetesui/dashboard"),
        fate="is archived and no longer maintained",
        instead="Headlamp",
    ),
)


def find(tree: Tree) -> Iterator[Finding]:
    """One finding for each HelmRelease, and one for each container."""
    for release in tree.releases:
        for project in PROJECTS:
            if release.chart == project.chart and not accepted(release):
                yield release.finding(NAME, told(release, project), fix(project), "spec", "chart")
    for workload in tree.workloads:
        for container, path in workload.containers:
            name = parsed(str(container.get("image") or "")).name
            for project in PROJECTS:
                if name.startswith(project.images) and not accepted(workload):
                    message = told(workload, project)
                    yield workload.finding(NAME, message, fix(project), *path, "image")


def accepted(view: View) -> bool:
    """Whether somebody has said why it stays."""
    return bool(str(view.annotations.get(ACCEPTED) or "").strip())


def told(view: View, project: Retired) -> str:
    """What runs, and what became of it."""
    return f"{view.item.kind} {view.name} runs {project.chart}, which {project.fate}"


def fix(project: Retired) -> str:
    """What to do, and how to say that it is known."""
    return f'take {project.instead}, or annotate it with `{ACCEPTED}: "<reason>"`'


RULE = Rule(
    name=NAME,
    forbids="a project that no longer gets fixes, without a reason",
    outage="in 2025 a request to ingress-nginx' own webhook could take over a whole cluster "
    "(CVE-2025-1974); the next of its kind gets no fix",
    find=find,
)
