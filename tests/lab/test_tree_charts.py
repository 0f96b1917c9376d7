"""The lab's charts with the trees' values, under the real helm: pods that their namespaces take."""

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from checks.gitops_tree import Placed
from lab.charts.descriptions import charts, described
from lab.charts.packing import Chart
from tests.lab.tools_bin import tool
from tests.unit.components.committed import STACKS
from tests.unit.gitops.trees import ENFORCE, labels, of

pytestmark = pytest.mark.lab

# The program's own namespaces are `restricted` (tests/graph); kube-system takes anything.
ANYTHING = "privileged"


@cache
def offered() -> dict[tuple[str, str], Chart]:
    """The lab's charts by name and version."""
    return {(made.name, made.version): made for one in described() for made in charts(one)}


def level(stack: str, namespace: str) -> str:
    said = {item.name: labels(item)[ENFORCE] for item in of(stack, "Namespace")}
    return ANYTHING if namespace == "kube-system" else said.get(namespace, "restricted")


def rendered(release: Placed, home: Path) -> list[dict[str, Any]]:
    """What helm makes of a release."""
    spec = release.spec["chart"]["spec"]
    made = offered()[(spec["chart"], spec["version"])]
    archive, values = home / made.file, home / "values.yaml"
    archive.write_bytes(made.archive)
    values.write_text(yaml.safe_dump(release.spec["values"]))
    told = ["--namespace", release.namespace, "--values", str(values), "--include-crds"]
    done = subprocess.run(
        [str(tool("helm")), "template", release.name, str(archive), *told],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [found for found in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader) if found]


@pytest.mark.parametrize("stack", STACKS)
def test_the_charts_pods_are_as_their_namespaces_demand(stack: str, tmp_path: Path) -> None:
    for release in of(stack, "HelmRelease"):
        found = rendered(release, tmp_path)
        pods = [x["spec"]["template"]["spec"] for x in found if "template" in x.get("spec", {})]
        assert pods, release.place
        if level(stack, release.namespace) == "restricted":
            assert [missing(pod) for pod in pods] == [[]] * len(pods), release.place


def missing(pod: dict[str, Any]) -> list[str]:
    """What the level `restricted` demands of a pod and it does not say."""
    whole = pod.get("securityContext", {})
    found = []
    for container in pod["containers"]:
        own = {**whole, **container.get("securityContext", {})}
        said = {
            "runAsNonRoot": own.get("runAsNonRoot") is True,
            "seccompProfile": own.get("seccompProfile") == {"type": "RuntimeDefault"},
            "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is False,
            "capabilities": own.get("capabilities", {}).get("drop") == ["ALL"],
        }
        found += [f"{container['name']}: {name}" for name, there in said.items() if not there]
    return found
