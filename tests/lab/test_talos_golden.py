"""One cluster's life on simulated machines, in file order, with the real talosctl and kubectl."""

import json
import signal
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.lab.talos_fixtures import KUBERNETES, VERSION, VIP, House, house
from tests.lab.waiting import wait_until

pytestmark = pytest.mark.lab

CONTROL_PLANES = {"cp1": "10.0.1.1", "cp2": "10.0.1.2", "cp3": "10.0.1.3"}
NODES = {**CONTROL_PLANES, "w1": "10.0.2.1"}
PATCH = "cluster: {network: {cni: {name: none}}, proxy: {disabled: true}}\n"
VIP_DOCUMENT = f"apiVersion: v1alpha1\nkind: Layer2VIPConfig\nname: {VIP}\nlink: eth0\n"
CILIUM = """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: cilium, namespace: kube-system, labels: {k8s-app: cilium}}
spec:
  selector: {matchLabels: {k8s-app: cilium}}
  template:
    metadata: {labels: {k8s-app: cilium}}
    spec:
      hostNetwork: true
      tolerations: [{operator: Exists}]
      containers: [{name: cilium-agent, image: quay.io/cilium/cilium:lab}]
"""
JOB = """
apiVersion: batch/v1
kind: Job
metadata: {name: once, namespace: default}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: once, image: busybox:lab}]
"""


def machine(name: str) -> str:
    return f"atlas/{name}"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("golden")) as made:
        for number, (name, address) in enumerate(NODES.items(), start=1):
            made.build(machine(name), address, f"BC:24:11:00:01:{number:02}")
        yield made


def ready_nodes(home: House) -> set[str]:
    return {
        node["metadata"]["name"]
        for node in home.objects("nodes")
        for condition in node["status"]["conditions"]
        if condition["type"] == "Ready" and condition["status"] == "True"
    }


def members(home: House, address: str = CONTROL_PLANES["cp1"]) -> list[list[str]]:
    done = home.talosctl("etcd", "members", "-n", address, check=False)
    return [line.split() for line in done.stdout.splitlines()[1:]]


def voters(home: House, address: str = CONTROL_PLANES["cp1"]) -> set[str]:
    return {row[2] for row in members(home, address) if row[-1] == "false"}


def service(home: House, name: str, address: str) -> str:
    done = home.talosctl("service", name, "-n", address, timeout=20, check=False)
    return done.stdout


def holder(home: House) -> str:
    vips: dict[str, str] = home.control("GET", "/world")[1]["vips"]
    return vips.get(VIP, "")


def apply(home: House, name: str) -> None:
    """Hand a machine in maintenance mode its configuration."""
    kind = "controlplane" if name in CONTROL_PLANES else "worker"
    identity = f"apiVersion: v1alpha1\nkind: HostnameConfig\nhostname: {name}\nauto: off\n"
    patches = [identity, VIP_DOCUMENT] if name in CONTROL_PLANES else [identity]
    argv = [part for patch in patches for part in ("-p", patch)]
    home.talosctl("apply-config", "--insecure", "-n", NODES[name], "-f", f"{kind}.yaml", *argv)


def in_maintenance(home: House, address: str) -> bool:
    return home.talosctl("get", "disks", "--insecure", "-n", address, check=False).returncode == 0


def test_configurations_are_generated_and_pass_the_real_validation(home: House) -> None:
    (home.folder / "patch.yaml").write_text(PATCH, encoding="utf-8")
    home.talosctl("gen", "secrets", "-o", "secrets.yaml")
    home.talosctl(
        *("gen", "config", "golden", f"https://{VIP}:6443", "--with-secrets", "secrets.yaml"),
        *("--kubernetes-version", KUBERNETES, "--config-patch", "@patch.yaml"),
    )
    for kind in ("controlplane", "worker"):
        home.talosctl("validate", "-m", "cloud", "-c", f"{kind}.yaml")
    addresses = list(CONTROL_PLANES.values())
    home.talosctl("config", "endpoint", *addresses)
    home.talosctl("config", "node", addresses[0])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("machine: {bogus: 1}", "unknown keys found during decoding"),
        ("machine: {type: sheep}", 'unknown machine type "sheep"'),
        ("version: v1alpha1\nmachine: {type: worker}", "cluster"),
    ],
)
def test_a_wrong_configuration_is_refused_in_talos_own_words(
    home: House, wrong: str, words: str
) -> None:
    wait_until(lambda: in_maintenance(home, NODES["cp1"]), "maintenance mode")
    (home.folder / "wrong.yaml").write_text(wrong, encoding="utf-8")
    done = home.talosctl(
        "apply-config", "--insecure", "-n", NODES["cp1"], "-f", "wrong.yaml", check=False
    )
    assert done.returncode != 0
    assert words in done.stderr


def test_a_dry_run_in_maintenance_changes_nothing(home: House) -> None:
    done = home.talosctl(
        *("apply-config", "--insecure", "-n", NODES["cp1"], "-f", "controlplane.yaml"), "--dry-run"
    )
    assert "Dry run summary" in done.stdout + done.stderr
    assert home.machine(machine("cp1"))["stage"] == "maintenance"


def test_machines_take_their_configuration_and_ask_for_certificates(home: House) -> None:
    for name in NODES:
        apply(home, name)
    for name, address in NODES.items():
        wait_until(lambda a=address: "HEALTH" in service(home, "apid", a), f"apid of {name}")  # type: ignore[misc]
    anonymous = home.talosctl("get", "disks", "--insecure", "-n", NODES["w1"], check=False)
    assert anonymous.returncode != 0


def test_a_worker_forwards_nothing_and_founds_nothing(home: House) -> None:
    worker = NODES["w1"]
    done = home.talosctl("version", "-e", worker, "-n", NODES["cp1"], check=False)
    assert "no request forwarding" in done.stdout + done.stderr
    done = home.talosctl("bootstrap", "-n", worker, check=False)
    assert "bootstrap is only available on control plane nodes" in done.stderr


def data_of_etcd(home: House, address: str) -> list[str]:
    """What lies in a control plane's etcd directory, besides the directory itself."""
    done = home.talosctl("ls", "/var/lib/etcd", "-n", address)
    return [line.split()[-1] for line in done.stdout.splitlines() if not line.endswith((".", "E"))]


def test_a_control_plane_that_waits_to_join_has_an_empty_data_directory(home: House) -> None:
    for address in CONTROL_PLANES.values():
        assert data_of_etcd(home, address) == []
    done = home.talosctl("ls", "/var/lib/etcd", "-n", NODES["w1"], check=False)
    assert "no such file or directory" in done.stdout + done.stderr


def test_bootstrap_works_once(home: House) -> None:
    home.talosctl("bootstrap")
    wait_until(lambda: voters(home) == set(CONTROL_PLANES), "three voting members", 60)
    assert data_of_etcd(home, CONTROL_PLANES["cp1"]) == ["member"]
    for address in CONTROL_PLANES.values():
        done = home.talosctl("bootstrap", "-n", address, check=False)
        assert "etcd data directory is not empty" in done.stderr


def test_nodes_register_and_wait_for_a_network(home: House) -> None:
    wait_until(
        lambda: home.talosctl("kubeconfig", "--force", "kubeconfig", check=False).returncode == 0,
        "a kubeconfig",
    )
    wait_until(
        lambda: sum("addresses" in node["status"] for node in home.objects("nodes")) == len(NODES),
        "every node's address",
        60,
    )
    nodes = {node["metadata"]["name"]: node for node in home.objects("nodes")}
    assert set(nodes) == set(NODES)
    for name, node in nodes.items():
        internal = [a["address"] for a in node["status"]["addresses"] if a["type"] == "InternalIP"]
        assert internal == [NODES[name]]
        assert node["status"]["nodeInfo"]["kubeletVersion"] == f"v{KUBERNETES}"
        assert VERSION in node["status"]["nodeInfo"]["osImage"]
        ready = next(c for c in node["status"]["conditions"] if c["type"] == "Ready")
        assert "cni plugin not initialized" in ready["message"]


def test_pods_wait_for_a_node_that_is_ready(home: House) -> None:
    wait_until(lambda: len(dns(home)) == 2, "two DNS pods")
    assert {pod["status"]["phase"] for pod in dns(home)} == {"Pending"}


def dns(home: House) -> list[dict[str, Any]]:
    return home.objects("pods", "-n", "kube-system", "-l", "k8s-app=kube-dns")


def test_a_cni_on_every_node_makes_every_node_ready(home: House) -> None:
    (home.folder / "cilium.yaml").write_text(CILIUM, encoding="utf-8")
    home.kubectl("apply", "-f", "cilium.yaml")
    wait_until(lambda: ready_nodes(home) == set(NODES), "every node to be ready", 60)
    for pod in home.objects("pods", "-n", "kube-system", "-l", "k8s-app=cilium"):
        assert pod["status"]["podIP"] == NODES[pod["spec"]["nodeName"]]


def test_deployments_run_and_jobs_complete(home: House) -> None:
    (home.folder / "job.yaml").write_text(JOB, encoding="utf-8")
    home.kubectl("apply", "-f", "job.yaml")
    home.kubectl("wait", "--for=condition=complete", "job/once", "--timeout=40s")
    home.kubectl("-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=40s")
    for pod in dns(home):
        assert pod["status"]["podIP"].startswith("10.244.")


def test_a_running_pod_that_was_marked_not_ready_is_well_again(home: House) -> None:
    name = dns(home)[0]["metadata"]["name"]
    marked = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
    where = ("-n", "kube-system")
    home.kubectl(*where, "patch", "pod", name, "--subresource=status", "-p", json.dumps(marked))
    home.kubectl(*where, "wait", "--for=condition=Ready", f"pod/{name}", "--timeout=40s")


def test_both_health_checks_pass(home: House) -> None:
    server = home.talosctl("health", "--wait-timeout", "40s", timeout=60)
    assert "all k8s nodes to report schedulable: OK" in server.stderr + server.stdout
    client = home.talosctl("health", "--server=false", "--wait-timeout", "40s", timeout=60)
    assert "all k8s nodes to report schedulable: OK" in client.stderr + client.stdout


def test_members_and_services_are_shown_for_many_machines_at_once(home: House) -> None:
    shown = home.talosctl("get", "members").stdout
    assert all(name in shown for name in NODES)
    version = home.talosctl("version", "-n", ",".join(NODES.values())).stdout
    assert version.count(f"Tag:         {VERSION}") == len(NODES) + 1  # and the client's own


def test_a_snapshot_of_etcd_holds_no_secret_in_plain_text(home: House) -> None:
    home.kubectl("create", "secret", "generic", "canary", "--from-literal=key=plain-canary-text")
    done = home.talosctl("etcd", "snapshot", "snapshot.db")
    assert "etcd snapshot saved" in done.stdout + done.stderr
    raw = (home.folder / "snapshot.db").read_bytes()
    assert b"plain-canary-text" not in raw
    assert b"k8s:enc:secretbox" in raw


def test_a_label_is_applied_without_a_reboot_and_a_sysctl_file_is_not(home: House) -> None:
    boot = home.machine(machine("w1"))["bootId"]
    patch = "machine: {nodeLabels: {example.com/patched: 'yes'}}"
    done = home.talosctl("patch", "mc", "-n", NODES["w1"], "-p", patch)
    assert "Applied configuration without a reboot" in done.stdout + done.stderr
    wait_until(lambda: len(home.objects("nodes", "-l", "example.com/patched=yes")) == 1, "a label")
    patch = "machine: {files: [{path: /var/etc/x, op: create, permissions: 0o644, content: x}]}"
    done = home.talosctl("patch", "mc", "-n", NODES["w1"], "--dry-run", "-p", patch)
    assert "Applied configuration with a reboot" in done.stdout + done.stderr
    assert home.machine(machine("w1"))["bootId"] == boot


def test_a_tried_configuration_is_taken_back(home: House) -> None:
    patch = "machine: {nodeAnnotations: {example.com/tried: 'yes'}}"
    argv = ("patch", "mc", "-n", NODES["w1"], "--mode", "try", "--timeout", "3s", "-p", patch)
    home.talosctl(*argv)
    assert "example.com/tried" in home.talosctl("get", "mc", "-n", NODES["w1"], "-o", "yaml").stdout
    wait_until(
        lambda: (
            "example.com/tried"
            not in home.talosctl("get", "mc", "-n", NODES["w1"], "-o", "yaml").stdout
        ),
        "the way back",
        15,
    )


def test_the_shared_address_moves_from_a_pulled_cable(home: House) -> None:
    owner = holder(home)
    assert owner
    home.order(owner, "cable", {"to": "down"})
    wait_until(lambda: holder(home) not in {"", owner}, "another holder", 10)
    wait_until(lambda: len(home.objects("nodes")) == len(NODES), "the API through it", 30)
    home.order(owner, "cable", {"to": "up"})
    address = NODES[owner.removeprefix("atlas/")]
    wait_until(lambda: "Running" in service(home, "etcd", address), "its etcd", 30)
    wait_until(lambda: voters(home) == set(CONTROL_PLANES), "three voting members", 30)


def test_a_reboot_keeps_everything_but_the_boot_and_brings_a_deleted_node_back(home: House) -> None:
    before = home.machine(machine("w1"))["bootId"]
    home.kubectl("delete", "node", "w1")
    home.talosctl("reboot", "-n", NODES["w1"], "--timeout", "60s", timeout=90)
    after = home.machine(machine("w1"))
    assert after["bootId"] != before
    assert after["stage"] == "running"
    wait_until(lambda: ready_nodes(home) == set(NODES), "every node to be ready")


def test_an_upgrade_boots_the_other_version(home: House) -> None:
    image = "ghcr.io/siderolabs/installer:v1.13.1"
    home.talosctl("upgrade", "-n", NODES["w1"], "-i", image, "--timeout", "60s", timeout=90)
    assert home.machine(machine("w1"))["running"]["version"] == "v1.13.1"
    assert "v1.13.1" in home.talosctl("version", "-n", NODES["w1"]).stdout
    wait_until(
        lambda: any("v1.13.1" in json.dumps(node) for node in home.objects("nodes")),
        "the node's image",
    )


def test_a_graceful_reset_leaves_etcd_and_the_machine_joins_again(home: House) -> None:
    wipe = ("--system-labels-to-wipe", "STATE", "--system-labels-to-wipe", "EPHEMERAL")
    home.talosctl(
        *("reset", "-n", NODES["cp3"], "--graceful", "--reboot", "--timeout", "60s", *wipe),
        timeout=90,
    )
    assert voters(home) == {"cp1", "cp2"}
    wait_until(lambda: in_maintenance(home, NODES["cp3"]), "maintenance mode")
    apply(home, "cp3")
    wait_until(lambda: voters(home) == set(CONTROL_PLANES), "three voting members", 60)
    wait_until(lambda: ready_nodes(home) == set(NODES), "every node to be ready", 60)


def test_an_empty_machine_takes_the_place_of_the_member_of_its_name(home: House) -> None:
    before = {row[2]: row[1] for row in members(home)}
    home.control("DELETE", f"/machines/{quote(machine('cp3'), safe='')}")
    home.build(machine("cp3"), NODES["cp3"], "BC:24:11:00:01:03")
    wait_until(lambda: in_maintenance(home, NODES["cp3"]), "maintenance mode")
    apply(home, "cp3")
    wait_until(lambda: id_of(home, "cp3") not in {"", before["cp3"]}, "the new member", 60)
    wait_until(lambda: voters(home) == set(CONTROL_PLANES), "three voting members", 60)
    assert len(members(home)) == len(CONTROL_PLANES)
    assert {name: id_of(home, name) for name in ("cp1", "cp2")} == {
        name: before[name] for name in ("cp1", "cp2")
    }
    wait_until(lambda: ready_nodes(home) == set(NODES), "every node to be ready", 60)


def id_of(home: House, name: str) -> str:
    """A member's id, empty while there is none of the name."""
    return next((row[1] for row in members(home) if row[2] == name), "")


def test_leadership_can_be_given_away(home: House) -> None:
    for address in CONTROL_PLANES.values():
        home.talosctl("etcd", "forfeit-leadership", "-n", address)
    assert voters(home) == set(CONTROL_PLANES)


def test_a_killed_simulator_leaves_no_process_and_everything_comes_back(home: House) -> None:
    home.end(signal.SIGKILL)
    wait_until(lambda: home.processes() == [], "the end of every process", 10)
    home.start()
    wait_until(lambda: voters(home) == set(CONTROL_PLANES), "three voting members", 60)
    wait_until(lambda: ready_nodes(home) == set(NODES), "every node to be ready", 60)
    assert home.objects("secret", "canary")[0]["metadata"]["name"] == "canary"


def test_a_stopped_simulator_leaves_no_process(home: House) -> None:
    assert home.end(signal.SIGTERM) == 0
    assert home.processes() == []
