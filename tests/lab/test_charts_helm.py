"""The chart repositories under the real helm: classic repository, OCI registry, rendering."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from lab.charts.descriptions import described
from tests.lab.helm_client import OBJECTS, Helm
from tests.lab.simulator_process import Authority, Simulator, make_authority, running

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def simulator(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[Simulator]:
    with running("lab.charts", tmp_path_factory.mktemp("charts"), authority=authority) as started:
        yield started


@pytest.fixture
def helm(tmp_path: Path, authority: Authority, simulator: Simulator) -> Helm:
    return Helm(tmp_path, authority, simulator)


def named(objects: OBJECTS, kind: str) -> dict[str, dict[str, Any]]:
    return {o["metadata"]["name"]: o for o in objects if o["kind"] == kind}


def test_helm_pulls_cilium_from_the_classic_repository(helm: Helm, tmp_path: Path) -> None:
    helm.say("pull", "cilium", "--repo", helm.url, "--version", "1.20.2", "-d", str(tmp_path))
    assert (tmp_path / "cilium-1.20.2.tgz").is_file()
    shown = yaml.safe_load(helm.say("show", "chart", str(tmp_path / "cilium-1.20.2.tgz")))
    assert (shown["name"], shown["version"]) == ("cilium", "1.20.2")


def test_a_version_nobody_offers_is_refused_by_helm(helm: Helm) -> None:
    refused = helm.run("pull", "cilium", "--repo", helm.url, "--version", "1.2.3")
    assert refused.returncode != 0
    assert 'version "1.2.3" not found' in refused.stderr


@pytest.mark.parametrize(
    ("folder", "chart"),
    [
        ("sergelogvinov/charts", "proxmox-csi-plugin"),
        ("controlplaneio-fluxcd/charts", "flux-operator"),
    ],
)
def test_helm_pulls_and_reads_charts_of_the_registry(helm: Helm, folder: str, chart: str) -> None:
    reference = f"{helm.registry}/{folder}/{chart}"
    newest = yaml.safe_load(helm.say("show", "chart", reference))
    assert newest["name"] == chart
    said = helm.run("pull", reference, "--version", newest["version"])
    assert said.returncode == 0, said.stderr
    assert "Digest: sha256:" in said.stdout + said.stderr
    assert yaml.safe_load(helm.say("show", "values", reference))


def test_an_unknown_tag_is_refused_by_helm(helm: Helm) -> None:
    reference = f"{helm.registry}/controlplaneio-fluxcd/charts/flux-operator"
    refused = helm.run("pull", reference, "--version", "9.9.9")
    assert refused.returncode != 0
    assert "not found" in refused.stderr


def test_ciliums_configuration_follows_from_the_values(helm: Helm, tmp_path: Path) -> None:
    values = {
        "kubeProxyReplacement": True,
        "k8sServiceHost": "localhost",
        "k8sServicePort": 7445,
        "ipam": {"mode": "kubernetes"},
        "devices": ["enp3s0f0", "eth0"],
        "MTU": 1500,
        "routingMode": "native",
        "autoDirectNodeRoutes": True,
        "ipv4NativeRoutingCIDR": "10.244.0.0/16",
        "bpf": {"masquerade": True, "hostLegacyRouting": False},
        "rollOutCiliumPods": True,
        "operator": {"replicas": 1},
        "hubble": {"relay": {"enabled": True}, "ui": {"enabled": True}},
        "securityContext": {"capabilities": {"ciliumAgent": ["NET_ADMIN"]}},
    }
    where = ("--repo", helm.url, "--version", "1.20.2", "--namespace", "kube-system")
    objects = helm.render(tmp_path, "cilium", values, *where)
    config = named(objects, "ConfigMap")["cilium-config"]["data"]
    assert config["kube-proxy-replacement"] == "true"
    assert config["ipam"] == "kubernetes"
    assert config["devices"] == "enp3s0f0 eth0"
    assert (config["mtu"], config["routing-mode"]) == ("1500", "native")
    assert config["enable-host-legacy-routing"] == "false"
    assert "tunnel-protocol" not in config
    agent = named(objects, "DaemonSet")["cilium"]["spec"]["template"]["spec"]
    assert agent["hostNetwork"] is True
    assert agent["tolerations"] == [{"operator": "Exists"}]
    assert agent["containers"][0]["env"] == [
        {"name": "KUBERNETES_SERVICE_HOST", "value": "localhost"},
        {"name": "KUBERNETES_SERVICE_PORT", "value": "7445"},
    ]
    assert set(named(objects, "Deployment")) == {"cilium-operator", "hubble-relay", "hubble-ui"}
    assert helm.render(tmp_path, "cilium", values, *where) == objects


def test_the_agent_rolls_when_its_configuration_changes(helm: Helm, tmp_path: Path) -> None:
    where = ("--repo", helm.url, "--version", "1.20.2")
    sums = []
    for mtu in (1450, 1500):
        values = {"MTU": mtu, "rollOutCiliumPods": True}
        agent = named(helm.render(tmp_path, "cilium", values, *where), "DaemonSet")["cilium"]
        sums.append(agent["spec"]["template"]["metadata"]["annotations"])
    assert sums[0] != sums[1]


def test_the_csi_chart_makes_the_class_and_uses_the_existing_secret(
    helm: Helm, tmp_path: Path
) -> None:
    topology = [{"key": "topology.kubernetes.io/zone", "values": ["atlas"]}]
    storage = {"name": "proxmox", "storage": "local-zfs", "ssd": "true", "cache": "none"}
    values = {
        "existingConfigSecret": "proxmox-csi-plugin",
        "storageClass": [{**storage, "allowedTopologies": [{"matchLabelExpressions": topology}]}],
        "replicaCount": 2,
        "nodeSelector": {"node-role.kubernetes.io/control-plane": ""},
        "tolerations": [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}],
    }
    chart = f"{helm.registry}/sergelogvinov/charts/proxmox-csi-plugin"
    objects = helm.render(tmp_path, chart, values, "--namespace", "csi-proxmox")
    assert set(named(objects, "CSIDriver")) == {"csi.proxmox.sinextra.dev"}
    made = named(objects, "StorageClass")["proxmox"]
    assert made["parameters"]["storage"] == "local-zfs"
    assert made["volumeBindingMode"] == "WaitForFirstConsumer"
    assert made["allowedTopologies"] == [{"matchLabelExpressions": topology}]
    assert named(objects, "Secret") == {}
    controller = named(objects, "Deployment")["r-controller"]["spec"]
    assert controller["replicas"] == 2
    volumes = {v["name"]: v for v in controller["template"]["spec"]["volumes"]}
    assert volumes["cloud-config"]["secret"]["secretName"] == "proxmox-csi-plugin"
    assert set(named(objects, "DaemonSet")) == {"r-node"}


def test_the_flux_chart_brings_the_instances_definition(helm: Helm, tmp_path: Path) -> None:
    chart = f"{helm.registry}/controlplaneio-fluxcd/charts/flux-operator"
    objects = helm.render(tmp_path, chart, {}, "--namespace", "flux-system")
    definition = named(objects, "CustomResourceDefinition")["fluxinstances.fluxcd.controlplane.io"]
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert schema["properties"]["spec"]["required"] == ["distribution"]
    assert set(named(objects, "Deployment")) == {"flux-operator"}


def test_the_process_says_whose_charts_it_serves(
    authority: Authority, simulator: Simulator
) -> None:
    url = f"{simulator.url}/-/charts"
    listed = requests.get(url, verify=str(authority.bundle), timeout=10).json()
    assert {(c["name"], c["chart"]) for c in listed} == {(one.name, "lab") for one in described()}


def test_a_vendors_name_is_told_by_the_host_header(
    authority: Authority, simulator: Simulator
) -> None:
    def status(host: str, path: str) -> int:
        headers = {"Host": host}
        url = f"{simulator.url}{path}"
        bundle = str(authority.bundle)
        return requests.get(url, headers=headers, verify=bundle, timeout=10).status_code

    repository = "/v2/controlplaneio-fluxcd/charts/flux-operator/tags/list"
    assert (status("helm.cilium.io", "/index.yaml"), status("ghcr.io", "/index.yaml")) == (200, 404)
    assert (status("ghcr.io", repository), status("helm.cilium.io", repository)) == (200, 404)
