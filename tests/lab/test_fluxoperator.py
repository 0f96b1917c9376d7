"""The stand-in for flux-operator under a real API server; the test plays pods and Flux."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab import kube_world
from tests.lab.waiting import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]  # building the tools takes minutes, once

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "lab" / "charts" / "sources" / "flux-operator" / "templates" / "crds.yaml.tpl"
SECONDS = 60.0
GROUP = "fluxcd.controlplane.io"
INSTANCE = f"/apis/{GROUP}/v1/namespaces/flux-system/fluxinstances/flux"
SOURCE = "/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/gitrepositories/flux-system"
ROOT_KUSTOMIZATION = (
    "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/flux-system"
)
DEPLOYMENTS = "/apis/apps/v1/namespaces/flux-system/deployments"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
COMPONENTS = ["source-controller", "kustomize-controller"]


def definition(group: str, kind: str, plural: str) -> dict[str, Any]:
    """A definition that takes anything, in a Flux group."""
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": anything},
                }
            ],
        },
    }


@dataclass
class Site:
    """A cluster with the stand-in in it."""

    cluster: kube_world.Cluster
    log: Path

    def read(self, path: str) -> dict[str, Any]:
        """An object, or nothing."""
        answer = self.cluster.get(path)
        found: dict[str, Any] = answer.json() if answer.ok else {}
        return found

    def make(self, timeout: str = "60s", **spec: Any) -> None:
        """Make the instance."""
        body = {
            "apiVersion": f"{GROUP}/v1",
            "kind": "FluxInstance",
            "metadata": {
                "name": "flux",
                "annotations": {f"{GROUP}/reconcileTimeout": timeout},
            },
            "spec": {
                "distribution": {"version": "2.9.x", "registry": "ghcr.io/fluxcd"},
                "components": COMPONENTS,
                "sync": {
                    "kind": "GitRepository",
                    "url": "https://git.example/a/b",
                    "ref": "refs/heads/main",
                    "path": "./one",
                    "interval": "5m",
                },
                **spec,
            },
        }
        self.cluster.send("POST", INSTANCE.rpartition("/")[0], body).raise_for_status()

    def change(self, **spec: Any) -> None:
        """Change the instance's spec."""
        answer = self.cluster.send(
            "PATCH", INSTANCE, {"spec": spec}, "application/merge-patch+json"
        )
        answer.raise_for_status()

    def condition(self, kind: str = "Ready") -> dict[str, Any]:
        """A condition of the instance."""
        status = self.read(INSTANCE).get("status") or {}
        return next((c for c in status.get("conditions") or [] if c["type"] == kind), {})

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait, and show the stand-in's log when it was in vain."""
        try:
            wait_until(condition, what, SECONDS)
        except AssertionError as late:
            raise AssertionError(f"{late}; {self.condition()}\n{self.log.read_text()}") from None

    def report(self, path: str, ready: str, message: str) -> None:
        """Write the status of a Flux object as its controller would."""
        found = self.read(path)
        status = {
            "observedGeneration": found["metadata"]["generation"],
            "conditions": [
                {
                    "type": "Ready",
                    "status": ready,
                    "reason": "Test",
                    "message": message,
                    "lastTransitionTime": "2026-01-01T00:00:00Z",
                }
            ],
        }
        self.patch_status(path, status)

    def patch_status(self, path: str, status: dict[str, Any]) -> None:
        """Write a status."""
        kind = "application/merge-patch+json"
        self.cluster.send("PATCH", f"{path}/status", {"status": status}, kind).raise_for_status()

    def play(self) -> None:
        """Every controller's pod runs, and what they look after is Ready."""
        wait_until(lambda: len(self.pods()) == len(COMPONENTS), "a pod per controller", SECONDS)
        for pod in self.pods():
            path = f"/api/v1/namespaces/flux-system/pods/{pod['metadata']['name']}"
            ready = {"type": "Ready", "status": "True"}
            self.patch_status(path, {"phase": "Running", "conditions": [ready]})
        self.report(SOURCE, "True", "stored artifact")
        self.report(ROOT_KUSTOMIZATION, "True", "Applied revision: main@sha1:1")

    def pods(self) -> list[dict[str, Any]]:
        """The pods of the controllers."""
        found: list[dict[str, Any]] = self.read("/api/v1/namespaces/flux-system/pods")["items"]
        return found

    def is_made(self) -> bool:
        """Whether everything has been applied."""
        return bool(self.read(ROOT_KUSTOMIZATION))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("flux")
    definitions = folder / "crds.yaml"
    definitions.write_text(
        yaml.safe_dump_all(
            [
                definition("source.toolkit.fluxcd.io", "GitRepository", "gitrepositories"),
                definition("kustomize.toolkit.fluxcd.io", "Kustomization", "kustomizations"),
            ]
        )
    )
    own = [line for line in CHART.read_text().splitlines() if "{{" not in line]
    with kube_world.running(folder) as cluster:
        namespace = {"metadata": {"name": "flux-system"}}
        cluster.send("POST", "/api/v1/namespaces", namespace).raise_for_status()
        cluster.send("POST", DEFINITIONS, yaml.safe_load("\n".join(own))).raise_for_status()
        log = folder / "operator.log"
        with operator(folder / "kubeconfig", definitions, log):
            yield Site(cluster, log)


@pytest.fixture
def bare(site: Site) -> Iterator[Site]:
    """The cluster without an instance, before and after."""
    yield site
    site.cluster.send("DELETE", INSTANCE)
    site.until(lambda: not site.read(INSTANCE), "the instance to be gone")


def operator(
    kubeconfig: Path, definitions: Path, log: Path
) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """The stand-in, as its pod runs it."""
    module = [sys.executable, "-m", "lab.fluxoperator"]
    options = ["--kubeconfig", str(kubeconfig), "--definitions", str(definitions)]
    return kube_world.process([*module, *options], log)


def test_an_instance_is_ready_when_all_that_it_made_is_and_says_what_it_runs(bare: Site) -> None:
    bare.make()
    bare.until(bare.is_made, "everything to be applied")
    assert bare.condition()["status"] == "Unknown"
    bare.play()
    bare.until(lambda: bare.condition().get("status") == "True", "the instance to be Ready")
    status = bare.read(INSTANCE)["status"]
    assert bare.condition()["reason"] == "ReconciliationSucceeded"
    assert status["lastAppliedRevision"].startswith("v2.9.4@sha256:")
    assert [item["name"] for item in status["components"]] == COMPONENTS
    entries = {entry["id"] for entry in status["inventory"]["entries"]}
    assert "flux-system_source-controller_apps_Deployment" in entries
    assert "_cluster-reconciler-flux-system_rbac.authorization.k8s.io_ClusterRoleBinding" in entries


def test_a_change_is_applied_and_what_is_no_longer_wanted_goes(bare: Site) -> None:
    bare.make()
    bare.until(bare.is_made, "everything to be applied")
    sync = bare.read(INSTANCE)["spec"]["sync"]
    bare.change(sync=sync | {"path": "./two"}, components=COMPONENTS[:1])
    bare.until(
        lambda: bare.read(ROOT_KUSTOMIZATION)["spec"]["path"] == "./two", "the path to change"
    )
    bare.until(lambda: not bare.read(f"{DEPLOYMENTS}/kustomize-controller"), "a controller to go")
    assert bare.read(f"{DEPLOYMENTS}/source-controller")


def test_what_somebody_deleted_is_back_when_asked_for(bare: Site) -> None:
    bare.make()
    bare.until(bare.is_made, "everything to be applied")
    bare.cluster.send("DELETE", f"{DEPLOYMENTS}/source-controller")
    requested = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "now"}}}
    bare.cluster.send("PATCH", INSTANCE, requested, "application/merge-patch+json")
    bare.until(lambda: bool(bare.read(f"{DEPLOYMENTS}/source-controller")), "it to be back")


def test_a_version_that_there_is_not_stalls_the_instance_with_the_reason(bare: Site) -> None:
    bare.make(distribution={"version": "3.x", "registry": "ghcr.io/fluxcd"})
    bare.until(lambda: bare.condition().get("reason") == "BuildFailed", "the build to fail")
    assert bare.condition()["message"] == "build failed: no match found for semver: 3.x"
    assert bare.condition("Stalled")["status"] == "True"
    assert not bare.condition("Reconciling")


def test_an_instance_that_does_not_become_healthy_says_what_flux_says(bare: Site) -> None:
    bare.make(timeout="3s")
    bare.until(bare.is_made, "everything to be applied")
    bare.report(SOURCE, "False", "failed to checkout: no such host")
    bare.until(lambda: bare.condition().get("status") == "False", "the health check to fail")
    said = bare.condition()["message"]
    assert "reconciliation failed: timeout waiting for: [" in said
    assert "Deployment/flux-system/kustomize-controller" in said
    assert "GitRepository/flux-system/flux-system status: failed to checkout: no such host" in said
    assert bare.condition("Reconciling")["reason"] == "ProgressingWithRetry"


def test_a_deleted_instance_takes_away_flux_but_not_the_namespace(bare: Site) -> None:
    bare.make()
    bare.until(bare.is_made, "everything to be applied")
    bare.cluster.send("DELETE", INSTANCE)
    bare.until(lambda: not bare.read(INSTANCE), "the instance to be gone")
    bare.until(
        lambda: not bare.read(f"{DEFINITIONS}/kustomizations.kustomize.toolkit.fluxcd.io"),
        "Flux's definitions to be gone",
    )
    assert not bare.read(f"{DEPLOYMENTS}/source-controller")
    assert bare.read("/api/v1/namespaces/flux-system")["status"]["phase"] == "Active"
