"""One dual-stack metal box on simulated hardware: installation, old document forms, refusals."""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

import pytest

from tests.lab.talos_fixtures import KUBERNETES, VERSION, House, house
from tests.lab.waiting import wait_until

pytestmark = pytest.mark.lab

FIRST = "10.0.5.5"  # what DHCP gives
BOX = "10.0.1.1"
BOX6 = "fd00:1::1"
VIP = "10.0.3.1"
VIP6 = "fd00:1::10"
CARD = "enp3s0f0"
SERVICES = ("10.96.0.0/12", "fd00:96::/112")
PATCH = f"""
machine:
  install: {{disk: /dev/sda, image: "ghcr.io/siderolabs/installer:v1.13.0"}}
  kubelet: {{nodeIP: {{validSubnets: [10.0.0.0/16, "!{VIP}/32", "fd00:1::/64"]}}}}
  network:
    interfaces:
    - interface: {CARD}
      addresses: [{BOX}/16, "{BOX6}/64"]
      routes: [{{network: 0.0.0.0/0, gateway: 10.0.0.1}}]
      vip: {{ip: {VIP}}}
cluster:
  allowSchedulingOnControlPlanes: true
  network:
    podSubnets: [10.244.0.0/16, "fd00:244::/56"]
    serviceSubnets: ["{SERVICES[0]}", "{SERVICES[1]}"]
"""
NAME = "apiVersion: v1alpha1\nkind: HostnameConfig\nhostname: mini01\nauto: off\n"
SHARED = f"apiVersion: v1alpha1\nkind: Layer2VIPConfig\nname: {VIP6}\nlink: {CARD}\n"
LOST = "apiVersion: v1alpha1\nkind: Layer2VIPConfig\nname: 10.0.3.9\nlink: eth0\n"
BOTH_FAMILIES = """
apiVersion: v1
kind: Service
metadata: {name: both, namespace: default}
spec: {ipFamilyPolicy: PreferDualStack, selector: {app: both}, ports: [{port: 80}]}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("metal")) as made:
        made.run("ip", "addr", "add", "fd00:1::ffff/64", "dev", "br0", "nodad")
        made.build("mini01", FIRST, "BC:24:11:00:01:01", platform="metal", interfaces=[CARD])
        (made.folder / "patch.yaml").write_text(PATCH, encoding="utf-8")
        made.talosctl(
            *("gen", "config", "metal", f"https://{VIP}:6443", "--config-patch", "@patch.yaml"),
            *("--kubernetes-version", KUBERNETES, "--config-patch", NAME),
            *("--config-patch", SHARED, "--config-patch", LOST),
        )
        made.talosctl("config", "endpoint", BOX)
        made.talosctl("config", "node", BOX)
        yield made


def apply(home: House, *more: str) -> None:
    argv = ("apply-config", "-f", "controlplane.yaml", *more)
    wait_until(lambda: home.talosctl(*argv, check=False).returncode == 0, "the machine's consent")


def service(home: House, name: str) -> str:
    return home.talosctl("service", name, check=False).stdout


def test_a_metal_machine_installs_itself_and_moves_to_its_own_addresses(home: House) -> None:
    apply(home, "--insecure", "-n", FIRST)
    wait_until(lambda: "HEALTH" in service(home, "apid"), "apid at the configured address")
    read = home.machine("mini01")
    assert read["running"]["version"] == VERSION
    assert read["currentAddresses"] == [f"{BOX}/16", f"{BOX6}/64"]
    events = home.run("curl", "-sS", "http://127.0.0.1:9900/events").stdout
    assert "installed v1.13.0" in events
    assert home.talosctl("version", "-e", BOX6, "-n", BOX6, check=False).returncode == 0


def test_an_image_that_cannot_be_simulated_is_refused_by_name(home: House) -> None:
    patch = "cluster: {apiServer: {image: registry.k8s.io/kube-apiserver:v1.35.9}}"
    home.talosctl("patch", "mc", "-p", patch)
    home.talosctl("bootstrap")
    wait_until(lambda: "v1.35.9" in service(home, "kube-apiserver"), "the refusal", 60)
    assert "use that tag" in service(home, "kube-apiserver")


def test_the_right_image_is_taken_without_a_reboot(home: House) -> None:
    boot = home.machine("mini01")["bootId"]
    apply(home)
    wait_until(
        lambda: home.talosctl("kubeconfig", "--force", "kubeconfig", check=False).returncode == 0,
        "a kubeconfig",
    )
    wait_until(lambda: len(home.objects("nodes")) == 1, "the node", 60)
    assert home.machine("mini01")["bootId"] == boot


def test_flannel_and_both_families_come_from_the_configuration(home: House) -> None:
    wait_until(
        lambda: "True" in home.kubectl("get", "nodes", "-o", READY, check=False).stdout,
        "the node to be ready",
        60,
    )
    node = home.objects("node", "mini01")[0]
    internal = [a["address"] for a in node["status"]["addresses"] if a["type"] == "InternalIP"]
    assert internal == [BOX, BOX6]
    assert len(node["spec"]["podCIDRs"]) == 2
    service = home.objects("service", "kube-dns", "-n", "kube-system")[0]
    assert service["spec"]["clusterIPs"] == ["10.96.0.10", "fd00:96::a"]


def test_a_service_that_prefers_two_families_gets_an_address_of_each(home: House) -> None:
    (home.folder / "both.yaml").write_text(BOTH_FAMILIES, encoding="utf-8")
    home.kubectl("apply", "-f", "both.yaml")
    given = home.objects("service", "both", "-n", "default")[0]["spec"]["clusterIPs"]
    for address, net in zip(given, SERVICES, strict=True):
        assert ip_address(address) in ip_network(net)


def test_every_node_takes_a_block_of_each_pod_network(home: House) -> None:
    blocks = [ip_network(text) for text in home.objects("node", "mini01")[0]["spec"]["podCIDRs"]]
    assert [block.version for block in blocks] == [4, 6]
    assert [block.prefixlen for block in blocks] == [24, 64]


def test_a_pod_has_an_address_of_each_family(home: House) -> None:
    def given() -> list[str]:
        pods = home.objects("pods", "-n", "kube-system", "-l", "k8s-app=kube-dns")
        return [entry["ip"] for entry in pods[0]["status"].get("podIPs", [])] if pods else []

    wait_until(lambda: len(given()) == 2, "a running pod", 60)
    assert [ip_address(text).version for text in given()] == [4, 6]


def test_shared_addresses_of_both_families_come_up_on_the_card_that_is_there(home: House) -> None:
    def held() -> dict[str, str]:
        vips: dict[str, str] = home.control("GET", "/world")[1]["vips"]
        return vips

    wait_until(lambda: set(held()) >= {VIP, VIP6}, "both shared addresses")
    assert set(held()) == {VIP, VIP6}, "one that is meant for another card never comes up"
    server = f"https://[{VIP6}]:6443"
    ready = home.kubectl("--server", server, "get", "--raw", "/readyz")
    assert ready.stdout == "ok"
    shown = home.talosctl("get", "addresses", "-o", "json").stdout
    assert f'"{CARD}/{VIP6}/128"' in shown
    assert "eth0" not in shown


def test_etcd_advertises_an_address_of_one_family(home: House) -> None:
    line = home.talosctl("etcd", "members").stdout.splitlines()[1]
    assert f"https://{BOX}:2380" in line
    assert BOX6 not in line


READY = 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}'


def test_the_last_member_of_etcd_may_not_leave(home: House) -> None:
    done = home.talosctl("etcd", "leave", check=False)
    assert "last etcd member can't leave" in done.stderr
    done = home.talosctl("reset", "--graceful", "--reboot", "--timeout", "10s", check=False)
    assert done.returncode != 0
    assert home.machine("mini01")["stage"] == "running"


def test_a_reset_of_two_partitions_keeps_the_system(home: House) -> None:
    wipe = ("--system-labels-to-wipe", "STATE", "--system-labels-to-wipe", "EPHEMERAL")
    home.talosctl("reset", "--graceful=false", "--reboot", "--wait=false", *wipe)
    wait_until(lambda: home.machine("mini01")["stage"] == "maintenance", "maintenance mode")
    assert home.machine("mini01")["currentAddresses"] == [f"{FIRST}/16"]
    disks = home.talosctl("get", "systemdisk", "--insecure", "-n", FIRST).stdout
    assert "sda" in disks
