"""A machine's patch documents: what each kind of machine carries, and what none may."""

from typing import Any

import pytest
import yaml

from components.infrastructure.patches import (
    EXCLUDE_LABEL,
    Document,
    documents,
    install_disk,
    pruned,
    tailscale,
)
from config.cluster import Cluster
from config.machines import Machine
from config.network import ClusterNetwork
from config.talos import Tailscale
from tests.unit.components.committed import STACKS, cluster, edited, machine

pytestmark = pytest.mark.unit

INSTALLER = "factory.talos.dev/nocloud-installer/schematic:v1.13.0"
EVERY_MACHINE = [(stack, item.name) for stack in STACKS for item in cluster(stack).machines]


def rendered(facts: Cluster, name: str) -> list[Document]:
    found = next(item for item in facts.machines if item.name == name)
    return documents(facts, found, INSTALLER)


def of_kind(found: list[Document], kind: str) -> list[Document]:
    return [item for item in found if item.get("kind") == kind]


def base(facts: Cluster, name: str) -> Any:
    return rendered(facts, name)[0]


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves(item)] or [value]
    return [value]


@pytest.mark.parametrize(("stack", "name"), EVERY_MACHINE)
def test_documents_are_plain_yaml_without_holes(stack: str, name: str) -> None:
    for document in rendered(cluster(stack), name):
        assert yaml.safe_load(yaml.safe_dump(document)) == document
        assert [leaf for leaf in leaves(document) if leaf in (None, {}, [])] == []


@pytest.mark.parametrize(("stack", "name"), EVERY_MACHINE)
def test_no_two_documents_are_the_same_thing(stack: str, name: str) -> None:
    found = rendered(cluster(stack), name)
    identities = [(item.get("kind"), item.get("name")) for item in found]
    assert len(identities) == len(set(identities))


@pytest.mark.parametrize(("stack", "name"), EVERY_MACHINE)
def test_deprecated_forms_are_not_used(stack: str, name: str) -> None:
    v1alpha1 = base(cluster(stack), name)
    assert "network" not in v1alpha1["machine"]
    assert "time" not in v1alpha1["machine"]
    # Under systemd-boot they are read from the image's schematic only.
    assert "extraKernelArgs" not in v1alpha1["machine"]["install"]


@pytest.mark.parametrize(("stack", "name"), EVERY_MACHINE)
def test_every_machine_is_named_once_and_by_the_facts(stack: str, name: str) -> None:
    (hostname,) = of_kind(rendered(cluster(stack), name), "HostnameConfig")
    assert (hostname["hostname"], hostname["auto"]) == (name, "off")


@pytest.mark.parametrize(("stack", "name"), EVERY_MACHINE)
def test_the_network_is_left_to_cilium_and_kubeprism(stack: str, name: str) -> None:
    v1alpha1 = base(cluster(stack), name)
    assert v1alpha1["cluster"]["network"]["cni"] == {"name": "none"}
    assert v1alpha1["machine"]["features"]["kubePrism"] == {"enabled": True, "port": 7445}


@pytest.mark.parametrize(("stack", "name"), EVERY_MACHINE)
def test_the_shared_address_is_never_a_nodes_own(stack: str, name: str) -> None:
    facts = cluster(stack)
    subnets = base(facts, name)["machine"]["kubelet"]["nodeIP"]["validSubnets"]
    assert {f"!{vip}/{vip.max_prefixlen}" for vip in facts.network.vips} <= set(subnets)


def test_a_workers_config_carries_nothing_that_only_control_planes_may() -> None:
    facts = cluster("test-cluster")
    assert set(base(facts, "worker1")["cluster"]) == {"network"}
    assert of_kind(rendered(facts, "worker1"), "Layer2VIPConfig") == []


def test_a_machines_own_labels_stand_beside_those_of_its_place() -> None:
    facts = edited(
        "test-cluster", lambda raw: raw["machines"][3].update(labels={"example.com/rack": "a1"})
    )
    labels = {name: base(facts, name)["machine"].get("nodeLabels") for name in ("cp1", "worker1")}
    place = {"topology.kubernetes.io/region": "atlas", "topology.kubernetes.io/zone": "atlas"}
    assert labels == {"cp1": place, "worker1": {**place, "example.com/rack": "a1"}}


def test_kube_proxy_is_off_where_the_setting_counts() -> None:
    assert base(cluster("test-cluster"), "cp1")["cluster"]["proxy"] == {"disabled": True}


def test_control_planes_pass_every_shared_address_between_them() -> None:
    facts = edited(
        "home-ops",
        lambda raw: raw["network"].update(vips=["172.29.51.10", "fd47:25e1:2f96:51::10"]),
    )
    found = of_kind(rendered(facts, "mini02"), "Layer2VIPConfig")
    assert [(item["name"], item["link"]) for item in found] == [
        ("172.29.51.10", "enp3s0f0"),
        ("fd47:25e1:2f96:51::10", "enp3s0f0"),
    ]


def test_a_dual_stack_cluster_gets_one_node_mask_per_family() -> None:
    args = base(cluster("home-ops"), "mini01")["cluster"]["controllerManager"]["extraArgs"]
    assert args == {"node-cidr-mask-size-ipv4": "24", "node-cidr-mask-size-ipv6": "64"}


def test_a_single_stack_cluster_gets_the_flag_without_a_family() -> None:
    args = base(cluster("test-cluster"), "cp1")["cluster"]["controllerManager"]["extraArgs"]
    assert args == {"node-cidr-mask-size": "24"}


def test_a_single_stack_ipv6_cluster_takes_the_mask_of_its_family() -> None:
    def only_ipv6(raw: dict[str, Any]) -> None:
        raw["network"]["podSubnets"] = ["fd00:10::/56"]

    facts = edited("test-cluster", only_ipv6)
    args = base(facts, "cp1")["cluster"]["controllerManager"]["extraArgs"]
    assert args == {"node-cidr-mask-size": "64"}


def test_families_stand_in_one_order_everywhere() -> None:
    facts = cluster("home-ops")
    network = base(facts, "mini01")["cluster"]["network"]
    (link,) = of_kind(rendered(facts, "mini01"), "LinkConfig")
    assert [":" in net for net in network["podSubnets"]] == [False, True]
    assert [":" in net for net in network["serviceSubnets"]] == [False, True]
    assert link["addresses"] == [
        {"address": "172.29.51.11/24"},
        {"address": "fd47:25e1:2f96:51::11/64"},
    ]
    assert link["routes"] == [{"gateway": "172.29.51.1"}, {"gateway": "fd47:25e1:2f96:51::1"}]


def test_schedulable_control_planes_lose_the_label_that_hides_them_from_load_balancers() -> None:
    v1alpha1 = base(cluster("home-ops"), "mini01")
    assert v1alpha1["machine"]["nodeLabels"][EXCLUDE_LABEL] == {"$patch": "delete"}
    assert v1alpha1["cluster"]["allowSchedulingOnControlPlanes"] is True


@pytest.mark.parametrize("name", ["cp1", "worker1"])
def test_other_machines_keep_the_label_as_talos_sets_it(name: str) -> None:
    assert EXCLUDE_LABEL not in base(cluster("test-cluster"), name)["machine"]["nodeLabels"]


def test_region_and_zone_are_where_the_machine_stands() -> None:
    labels = base(cluster("test-cluster"), "worker2")["machine"]["nodeLabels"]
    assert labels == {
        "topology.kubernetes.io/region": "atlas",
        "topology.kubernetes.io/zone": "atlas",
    }
    home = base(cluster("home-ops"), "mini01")["machine"]["nodeLabels"]
    assert not {key for key in home if key.startswith("topology.")}


def test_one_list_of_names_serves_both_certificates() -> None:
    v1alpha1 = base(cluster("test-cluster"), "cp1")
    names = v1alpha1["machine"]["certSANs"]
    assert v1alpha1["cluster"]["apiServer"]["certSANs"] == names
    assert {"10.0.3.1", "10.0.1.1", "10.0.1.2", "10.0.1.3", "localhost"} <= set(names)


def test_a_virtual_machine_installs_on_its_only_disk() -> None:
    assert install_disk(machine("test-cluster", "cp1")) == {"disk": "/dev/sda"}


def test_a_host_installs_on_the_disk_that_its_facts_describe() -> None:
    assert install_disk(machine("home-ops", "mini01")) == {"diskSelector": {"model": "APPLE*"}}


def test_a_disk_can_be_told_by_serial_and_size_too() -> None:
    def described(raw: dict[str, Any]) -> None:
        raw["machines"][0]["metal"]["installDisk"] = {"serial": "S1", "minSizeGib": 100}

    found: Machine = edited("home-ops", described).machines[0]
    assert install_disk(found) == {"diskSelector": {"serial": "S1", "size": ">= 100GiB"}}


def test_a_data_disk_becomes_a_user_volume_that_is_never_the_system_disk() -> None:
    (volume,) = of_kind(rendered(cluster("home-ops"), "mini03"), "UserVolumeConfig")
    assert volume["name"] == "longhorn-ssd"
    assert volume["provisioning"]["diskSelector"]["match"] == (
        '!system_disk && glob("Portable SSD T5*", disk.model) && disk.size >= 900u * GiB'
    )
    assert volume["filesystem"] == {"type": "xfs"}


def test_a_data_disk_told_by_serial_is_matched_by_it() -> None:
    def described(raw: dict[str, Any]) -> None:
        raw["machines"][0]["metal"]["dataDisks"] = [{"name": "d", "match": {"serial": "S2"}}]

    (volume,) = of_kind(rendered(edited("home-ops", described), "mini01"), "UserVolumeConfig")
    assert volume["provisioning"]["diskSelector"]["match"] == (
        '!system_disk && disk.serial == "S2"'
    )


def test_the_kubelet_sees_longhorns_volume_where_talos_mounts_it() -> None:
    (mount,) = base(cluster("home-ops"), "mini01")["machine"]["kubelet"]["extraMounts"]
    assert mount["source"] == mount["destination"] == "/var/mnt/longhorn-ssd"
    assert "rshared" in mount["options"]


def test_without_longhorn_the_kubelet_gets_no_extra_mount() -> None:
    assert "extraMounts" not in base(cluster("test-cluster"), "worker1")["machine"]["kubelet"]


def test_both_system_partitions_are_encrypted_where_the_stack_says_so() -> None:
    found = of_kind(rendered(cluster("home-ops"), "mini01"), "VolumeConfig")
    assert {item["name"]: item["encryption"]["provider"] for item in found} == {
        "STATE": "luks2",
        "EPHEMERAL": "luks2",
    }
    assert of_kind(rendered(cluster("test-cluster"), "cp1"), "VolumeConfig") == []


def test_lldp_stands_in_every_machines_main_config() -> None:
    for item in cluster("home-ops").machines:
        (service,) = of_kind(rendered(cluster("home-ops"), item.name), "ExtensionServiceConfig")
        (file,) = service["configFiles"]
        assert service["name"] == "lldpd"
        assert 'configure system description "Talos Node"' in file["content"]


def test_facts_about_kernel_and_devices_arrive_word_for_word() -> None:
    found = base(cluster("home-ops"), "mini01")["machine"]
    assert found["sysctls"] == {"kernel.kexec_load_disabled": "1"}
    assert "Portable SSD T5*" in found["udev"]["rules"][0]
    assert "sysctls" not in base(cluster("test-cluster"), "cp1")["machine"]


def test_modules_are_loaded_by_name() -> None:
    facts = edited("test-cluster", lambda raw: raw["talos"].update(kernelModules=["nvme_tcp"]))
    assert base(facts, "worker1")["machine"]["kernel"] == {"modules": [{"name": "nvme_tcp"}]}


def test_search_domains_are_written_only_where_there_are_some() -> None:
    (plain,) = of_kind(rendered(cluster("test-cluster"), "cp1"), "ResolverConfig")
    assert "searchDomains" not in plain
    facts = edited("test-cluster", lambda raw: raw["network"].update(searchDomains=["lan"]))
    (resolver,) = of_kind(rendered(facts, "cp1"), "ResolverConfig")
    assert resolver["searchDomains"] == {"domains": ["lan"]}


def test_host_dns_forwarding_is_said_either_way() -> None:
    facts = edited("test-cluster", lambda raw: raw["talos"].update(hostDnsForwarding=False))
    features = base(facts, "cp1")["machine"]["features"]
    assert features["hostDNS"] == {"enabled": True, "forwardKubeDNSToHost": False}


def settings() -> Tailscale:
    found = cluster("test-cluster").talos.tailscale
    assert found is not None
    return found


def environment(given: Tailscale) -> dict[str, str]:
    document = tailscale(given, "cp1", "tskey-auth-canary")
    assert (document["kind"], document["name"]) == ("ExtensionServiceConfig", "tailscale")
    return dict(line.split("=", 1) for line in document["environment"])


def test_tailscale_joins_once_and_keeps_its_state() -> None:
    found = environment(settings())
    assert found["TS_AUTHKEY"] == "tskey-auth-canary"
    assert found["TS_AUTH_ONCE"] == "true"
    assert found["TS_STATE_DIR"].startswith("/var/lib/")
    assert found["TS_HOSTNAME"] == "cp1"


def test_tailscale_advertises_routes_and_accepts_none() -> None:
    found = environment(settings())
    assert found["TS_ROUTES"] == "10.0.3.0/27"
    assert found["TS_ACCEPT_DNS"] == "false"
    assert found["TS_EXTRA_ARGS"].split() == [
        "--advertise-tags=tag:cluster-router",
        "--accept-routes=false",
        "--login-server=https://headscale.agentydragon.com",
    ]


def test_without_a_login_server_tailscales_own_is_meant() -> None:
    found = environment(settings().model_copy(update={"login_server": None}))
    assert "login-server" not in found["TS_EXTRA_ARGS"]


def test_pruning_keeps_what_is_false_or_zero() -> None:
    assert pruned({"a": False, "b": 0, "c": "", "d": {}, "e": [], "f": None, "g": {"h": {}}}) == {
        "a": False,
        "b": 0,
        "c": "",
    }


def test_an_address_outside_the_node_nets_still_gets_a_mask() -> None:
    network: ClusterNetwork = cluster("test-cluster").network
    assert all(network.subnet_of(a) for m in cluster("test-cluster").machines for a in m.addresses)
    facts = edited("test-cluster", lambda raw: raw["machines"][0].update(addresses=["192.0.2.1"]))
    (link,) = of_kind(rendered(facts, "cp1"), "LinkConfig")
    assert link["addresses"] == [{"address": "192.0.2.1/32"}]
