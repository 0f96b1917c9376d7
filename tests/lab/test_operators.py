"""The played controllers on a real API server, as the accounts of their own charts."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.charts.descriptions import DESCRIPTIONS, described
from tests.lab import kube_world
from tests.lab.helm_client import Helm
from tests.lab.simulator_process import make_authority, running
from tests.lab.tools_bin import tool
from tests.lab.waiting import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]
SECONDS = 60.0
POOLS = "/apis/metallb.io/v1beta1/namespaces/metallb/ipaddresspools"
STORES = "/apis/external-secrets.io/v1/clustersecretstores"


@dataclass(frozen=True)
class Bench:
    """A cluster, and the vendors' charts."""

    cluster: kube_world.Cluster
    helm: Helm
    folder: Path

    def install(self, chart: str, namespace: str = "", **values: Any) -> None:
        """Install a chart under its own name, into a namespace of that name or this one."""
        [one] = [one for one in described() if one.name == chart]
        file = self.folder / "values.yaml"
        file.write_text(yaml.safe_dump(values))
        config = str(self.cluster.folder / "kubeconfig")
        space = ("--namespace", namespace or chart, "--create-namespace")
        where = ("--kubeconfig", config, *space)
        version = next(iter(one.offered))
        repository = f"{self.helm.url}/{one.place.path}".rstrip("/")
        source = ("--repo", repository, "--version", version, "--values", str(file))
        self.helm.say("install", chart, chart, *source, *where)

    def render(self, chart: str, path: str, **values: Any) -> list[dict[str, Any]]:
        """The objects of a chart of the registry, as release `r`."""
        reference = f"{self.helm.registry}/{path}/{chart}"
        return self.helm.render(self.folder, reference, values, "--namespace", chart)

    def apply(self, objects: list[dict[str, Any]], namespace: str) -> None:
        """Apply objects with kubectl, in a namespace made for them."""
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        text = yaml.safe_dump_all([space, *objects])
        config = f"--kubeconfig={self.cluster.folder / 'kubeconfig'}"
        command = [str(tool("kubectl")), config, "apply", "-f", "-"]
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr

    def make(self, path: str, document: str) -> None:
        """Create an object."""
        answer = self.cluster.send("POST", path, yaml.safe_load(document))
        assert answer.status_code == 201, answer.text

    def condition(self, path: str) -> tuple[str, str]:
        """Status and reason of an object's condition Ready."""
        found = self.cluster.get(path).json().get("status", {}).get("conditions", [])
        ready = [one for one in found if one["type"] == "Ready"]
        return (ready[0]["status"], ready[0]["reason"]) if ready else ("", "")

    @contextmanager
    def playing(self, chart: str, account: str, namespace: str = "") -> Iterator[Path]:
        """The controller of a chart as one of its accounts; the block gets its log."""
        namespace = namespace or chart
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        token = self.cluster.send("POST", path, {"spec": {"expirationSeconds": 3600}}).json()
        config = yaml.safe_load(self.cluster.kubeconfig)
        config["users"][0]["user"] = {"token": token["status"]["token"]}
        file, log = self.folder / f"{account}.yaml", self.folder / f"{account}.log"
        file.write_text(yaml.safe_dump(config))
        description = ("--description", str(DESCRIPTIONS / f"{chart}.yaml"))
        who = ("--kubeconfig", str(file), "--namespace", namespace, "--pod", "test")
        with kube_world.process([str(tool("operators")), *description, *who], log):
            yield log


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("bench")
    authority = make_authority(folder)
    with (
        running("lab.charts", folder, authority=authority) as simulator,
        kube_world.running(tmp_path_factory.mktemp("cluster")) as cluster,
    ):
        yield Bench(cluster, Helm(folder, authority, simulator), folder)


def test_a_service_gets_its_address_from_metallbs_pool(bench: Bench) -> None:
    bench.install("metallb", speaker={"enabled": False})
    spec = "spec: {type: LoadBalancer, ports: [{port: 53, protocol: UDP}]}"
    bench.make("/api/v1/namespaces/default/services", f"metadata: {{name: dns}}\n{spec}")
    with bench.playing("metallb", "metallb-controller"):
        pool = "{apiVersion: metallb.io/v1beta1, kind: IPAddressPool, metadata: {name: dns}, "
        bench.make(POOLS, pool + "spec: {addresses: [10.0.3.3/32]}}")
        service = "/api/v1/namespaces/default/services/dns"

        def balanced() -> bool:
            status = bench.cluster.get(service).json()["status"]["loadBalancer"]
            return bool(status == {"ingress": [{"ip": "10.0.3.3", "ipMode": "VIP"}]})

        def counted() -> bool:
            status = bench.cluster.get(f"{POOLS}/dns").json().get("status", {})
            return bool(status.get("assignedIPv4") == 1)

        wait_until(balanced, "the Service's address", SECONDS)
        wait_until(counted, "the pool's count", SECONDS)


def test_an_external_secret_waits_for_its_store_and_gets_its_secret(bench: Bench) -> None:
    bench.install("external-secrets")
    api = "apiVersion: external-secrets.io/v1\n"
    ref = "{name: token, key: token, namespace: default}"
    auth = f"auth: {{secretRef: {{connectTokenSecretRef: {ref}}}}}"
    provider = (
        f"{{onepassword: {{connectHost: 'https://op.example.org', vaults: {{v: 1}}, {auth}}}}}"
    )
    store = f"kind: ClusterSecretStore\nmetadata: {{name: op}}\nspec: {{provider: {provider}}}"
    bench.make(STORES, api + store)
    path = "/apis/external-secrets.io/v1/namespaces/default/externalsecrets"
    asked = "secretStoreRef: {kind: ClusterSecretStore, name: op}"
    data = "data: [{secretKey: user, remoteRef: {key: login, property: user}}]"
    kind = "kind: ExternalSecret\nmetadata: {name: login}\n"
    bench.make(path, f"{api}{kind}spec: {{{asked}, {data}}}")
    with bench.playing("external-secrets", "external-secrets"):
        failed = ("False", "SecretSyncedError")
        wait_until(lambda: bench.condition(f"{path}/login") == failed, "the refusal", SECONDS)
        assert bench.condition(f"{STORES}/op") == ("False", "InvalidProviderConfig")
        bench.make(
            "/api/v1/namespaces/default/secrets", "{metadata: {name: token}, data: {token: dA==}}"
        )
        synced = ("True", "SecretSynced")
        wait_until(lambda: bench.condition(f"{path}/login") == synced, "the Secret", SECONDS)
        made = bench.cluster.get("/api/v1/namespaces/default/secrets/login").json()
        assert set(made["data"]) == {"user"}
        assert made["metadata"]["ownerReferences"][0]["name"] == "login"


def test_an_account_without_rights_writes_nothing_and_says_so(bench: Bench) -> None:
    bench.install("cert-manager", crds={"enabled": True})
    path = "/apis/cert-manager.io/v1/clusterissuers"
    document = "{apiVersion: cert-manager.io/v1, kind: ClusterIssuer, metadata: {name: self}, "
    bench.make(path, document + "spec: {selfSigned: {}}}")
    with bench.playing("cert-manager", "cert-manager-cainjector") as log:
        wait_until(lambda: "is forbidden" in log.read_text(), "the refusal", SECONDS)
        assert bench.condition(f"{path}/self") == ("", "")
    with bench.playing("cert-manager", "cert-manager"):
        ready = ("True", "IsReady")
        wait_until(lambda: bench.condition(f"{path}/self") == ready, "the issuer", SECONDS)


def test_ciliums_operator_makes_its_definitions_and_gives_addresses(bench: Bench) -> None:
    bench.install("cilium", namespace="kube-system")
    spec = "spec: {type: LoadBalancer, ports: [{port: 80}]}"
    labelled = "metadata: {name: grafana, labels: {pool: bgp}}"
    bench.make("/api/v1/namespaces/default/services", f"{labelled}\n{spec}")
    pools = "/apis/cilium.io/v2/ciliumloadbalancerippools"
    pool = "{apiVersion: cilium.io/v2, kind: CiliumLoadBalancerIPPool, metadata: {name: bgp}, "
    chosen = "serviceSelector: {matchLabels: {pool: bgp}}"
    with bench.playing("cilium", "cilium-operator", "kube-system"):
        wait_until(lambda: bench.cluster.get(pools).status_code == 200, "Cilium's kinds", SECONDS)
        bench.make(pools, f"{pool}spec: {{{chosen}, blocks: [{{cidr: 172.29.52.100/32}}]}}}}")
        service = "/api/v1/namespaces/default/services/grafana"

        def balanced() -> bool:
            status = bench.cluster.get(service).json()["status"]["loadBalancer"]
            return bool(status == {"ingress": [{"ip": "172.29.52.100", "ipMode": "VIP"}]})

        wait_until(balanced, "the Service's address", SECONDS)
        [told] = bench.cluster.get(service).json()["status"]["conditions"]
        assert (told["type"], told["reason"]) == ("cilium.io/IPAMRequestSatisfied", "satisfied")


def test_a_claim_gets_its_volume_from_the_drivers_provisioner(bench: Bench) -> None:
    class_ = {"name": "slow", "storage": "local-zfs", "volumeBindingMode": "Immediate"}
    # The node plugin is privileged, which this API server forbids: nothing is played by it.
    driver = "csi.proxmox.sinextra.dev"
    [one] = [one for one in described() if one.name == "proxmox-csi-plugin"]
    objects = bench.render(one.name, str(one.place.path), storageClass=[class_])
    bench.apply([found for found in objects if found["kind"] != "DaemonSet"], one.name)
    annotation = f"annotations: {{volume.kubernetes.io/storage-provisioner: {driver}}}"
    claimed = "accessModes: [ReadWriteOnce], resources: {requests: {storage: 5Gi}}"
    bench.make(
        "/api/v1/namespaces/default/persistentvolumeclaims",
        f"metadata: {{name: data, {annotation}}}\nspec: {{storageClassName: slow, {claimed}}}",
    )
    with bench.playing(one.name, "r-controller"):

        def made() -> bool:
            found = bench.cluster.get("/api/v1/persistentvolumes").json()["items"]
            return [item["spec"]["csi"]["driver"] for item in found] == [driver]

        wait_until(made, "the volume", SECONDS)
