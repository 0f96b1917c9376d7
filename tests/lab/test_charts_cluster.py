"""The lab's own charts on a real API server: all objects are valid, and stay when repeated."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.lab import kube_world
from tests.lab.helm_client import Helm
from tests.lab.simulator_process import make_authority, running
from tests.lab.tools_bin import tool

pytestmark = pytest.mark.lab

STORAGE = {"name": "proxmox", "storage": "local-zfs", "ssd": "true", "cache": "none"}


@dataclass(frozen=True)
class Bench:
    """A cluster, and helm with the chart repositories."""

    cluster: kube_world.Cluster
    helm: Helm
    folder: Path

    def install(self, chart: str, namespace: str, values: object, *options: str) -> str:
        """Install or upgrade, and return the release's manifest."""
        file = self.folder / "values.yaml"
        file.write_text(yaml.safe_dump(values))
        where = ("--kubeconfig", str(self.cluster.folder / "kubeconfig"), "--namespace", namespace)
        name = chart.rpartition("/")[2]
        change = ("upgrade", "--install", "--create-namespace", name, chart, "--values", str(file))
        self.helm.say(*change, *options, *where)
        return self.helm.say("get", "manifest", name, *where)

    def kubectl(self, *arguments: str, text: str) -> subprocess.CompletedProcess[str]:
        """Run kubectl with this text as its input."""
        config = f"--kubeconfig={self.cluster.folder / 'kubeconfig'}"
        return subprocess.run(
            [str(tool("kubectl")), config, *arguments],
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("bench")
    authority = make_authority(folder)
    with (
        running("lab.charts", folder, authority=authority) as simulator,
        kube_world.running(tmp_path_factory.mktemp("cluster")) as cluster,
    ):
        yield Bench(cluster, Helm(folder, authority, simulator), folder)


def accepted(bench: Bench, manifest: str) -> None:
    """The API server takes every object, unknown fields forbidden."""
    strict = ("apply", "--dry-run=server", "--validate=strict", "-f", "-")
    checked = bench.kubectl(*strict, text=manifest)
    assert checked.returncode == 0, checked.stderr


def test_ciliums_objects_are_valid_and_stay(bench: Bench) -> None:
    values = {
        "kubeProxyReplacement": True,
        "k8sServiceHost": "localhost",
        "k8sServicePort": 7445,
        "hubble": {"relay": {"enabled": True}, "ui": {"enabled": True}},
        "bpf": {"masquerade": True, "hostLegacyRouting": True},
        "rollOutCiliumPods": True,
    }
    options = ("--repo", bench.helm.url, "--version", "1.20.2")
    manifest = bench.install("cilium", "kube-system", values, *options)
    accepted(bench, manifest)
    assert bench.install("cilium", "kube-system", values, *options) == manifest


def test_the_csi_drivers_objects_are_valid(bench: Bench) -> None:
    topology = {"key": "topology.kubernetes.io/zone", "values": ["atlas"]}
    allowed = [{"matchLabelExpressions": [topology]}]
    values = {"storageClass": [{**STORAGE, "allowedTopologies": allowed}], "replicaCount": 2}
    chart = f"{bench.helm.registry}/sergelogvinov/charts/proxmox-csi-plugin"
    bench.kubectl("create", "namespace", "csi-proxmox", text="")
    objects = bench.helm.render(bench.folder, chart, values, "--namespace", "csi-proxmox")
    # The node plugin is privileged, which this API server forbids and Talos' allows.
    [node] = [found for found in objects if found["kind"] == "DaemonSet"]
    [plugin] = node["spec"]["template"]["spec"]["containers"]
    assert plugin.pop("securityContext") == {"privileged": True}
    for mount in plugin["volumeMounts"]:
        mount.pop("mountPropagation", None)
    accepted(bench, yaml.safe_dump_all(objects))


def test_a_flux_instance_is_checked_against_its_definition(bench: Bench) -> None:
    chart = f"{bench.helm.registry}/controlplaneio-fluxcd/charts/flux-operator"
    accepted(bench, bench.install(chart, "flux-system", {}))
    sync = {
        "kind": "GitRepository",
        "url": "ssh://git@git.lab/home-ops",
        "ref": "refs/heads/main",
        "path": "gitops/clusters/test-cluster",
    }
    instance = {
        "apiVersion": "fluxcd.controlplane.io/v1",
        "kind": "FluxInstance",
        "metadata": {"name": "flux", "namespace": "flux-system"},
        "spec": {"distribution": {"version": "2.9.x", "registry": "ghcr.io/fluxcd"}, "sync": sync},
    }
    made = bench.kubectl("create", "-f", "-", text=yaml.safe_dump(instance))
    assert made.returncode == 0, made.stderr
    wrong = {**instance, "spec": {"sync": {**sync, "kind": "Git"}}}
    wrong["metadata"] = {"name": "wrong", "namespace": "flux-system"}
    refused = bench.kubectl("create", "-f", "-", text=yaml.safe_dump(wrong))
    assert "spec.distribution: Required value" in refused.stderr
    assert "supported values" in refused.stderr
