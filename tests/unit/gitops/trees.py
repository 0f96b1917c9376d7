"""Both clusters' trees as Flux sees them after substitution, for tests of what they say."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from checks.gitops_tree import FLUX, Placed, Reader
from components.secrets.settings import settings
from tests.unit.components.committed import ROOT, cluster

GITOPS = ROOT / "gitops"
INFRASTRUCTURE = GITOPS / "infrastructure"
ENFORCE = "pod-security.kubernetes.io/enforce"
KEEP = "kustomize.toolkit.fluxcd.io/prune"


@cache
def tree(stack: str) -> tuple[Placed, ...]:
    """Every object of a cluster."""
    facts = cluster(stack)
    reader = Reader(root=ROOT, values=settings(facts))
    return tuple(reader.cluster(facts.gitops.path))


def of(stack: str, kind: str) -> list[Placed]:
    """A cluster's objects of a kind."""
    return [item for item in tree(stack) if item.kind == kind]


@cache
def kustomizations(stack: str) -> dict[str, Placed]:
    """Flux' Kustomizations by name."""
    return {item.name: item for item in of(stack, "Kustomization") if item.group == FLUX}


def folder(item: Placed) -> Path:
    """Where a Kustomization points."""
    return ROOT / str(item.spec["path"])


def labels(item: Placed) -> Mapping[str, str]:
    """An object's labels."""
    found: Mapping[str, str] = item.document["metadata"].get("labels", {})
    return found


def pod_specs(stack: str) -> Iterator[tuple[Placed, dict[str, Any]]]:
    """The pods that the tree itself describes; those of charts are not seen."""
    for item in tree(stack):
        template = item.spec.get("template")
        if isinstance(template, dict) and "containers" in template.get("spec", {}):
            yield item, template["spec"]


def containers(pod: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All containers of a pod, those that go first included."""
    return [*pod.get("initContainers", []), *pod["containers"]]


def listed(place: Path) -> list[str]:
    """What a folder's kustomization.yaml takes in, by name."""
    found = yaml.safe_load((place / "kustomization.yaml").read_text())
    generated = [name for made in found.get("configMapGenerator", []) for name in made["files"]]
    return [*found["resources"], *generated]
