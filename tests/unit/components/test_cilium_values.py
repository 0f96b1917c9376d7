"""Cilium's values: spelt as the chart spells them, and following from the address plan."""

from collections.abc import Iterator
from typing import Any

import pytest

from components.cni.values import merged, values
from config.cilium import COMPUTED_VALUES
from config.cluster import Cluster
from config.versions import CILIUM
from tests.unit.components.committed import ROOT, STACKS, cluster, edited

pytestmark = pytest.mark.unit

# Keys that templates read but values.yaml does not declare.
UNDECLARED = {
    # templates/cilium-configmap.yaml: `hasKey .Values.socketLB "hostNamespaceOnly"`.
    "socketLB.hostNamespaceOnly",
}


def declared() -> set[str]:
    path = ROOT / "config" / "data" / f"cilium-{CILIUM.version}.keys"
    return {line for line in path.read_text().splitlines() if line and not line.startswith("#")}


def paths(found: dict[str, Any], parent: str = "") -> Iterator[str]:
    for key, value in found.items():
        path = f"{parent}.{key}" if parent else key
        yield path
        if isinstance(value, dict):
            yield from paths(value, path)


def variants() -> list[Cluster]:
    """Both stacks, and what makes further values appear."""
    changes: list[dict[str, Any]] = [
        {"routing": "tunnel"},
        {"masquerade": "iptables"},
        {"socketLbHostNamespaceOnly": True},
        {"acceleration": "best-effort"},
        {"hubbleUi": False},
    ]
    changed = [
        edited(stack, lambda raw, change=change: raw["cilium"].update(change))  # type: ignore[misc]
        for stack in STACKS
        for change in changes
    ]
    return [*(cluster(stack) for stack in STACKS), *changed]


def test_every_key_is_one_that_the_chart_knows() -> None:
    known = declared() | UNDECLARED
    for facts in variants():
        assert [path for path in paths(values(facts)) if path not in known] == []


def test_no_exception_outlives_its_reason() -> None:
    assert set() == UNDECLARED & declared()


def test_what_a_stack_may_not_set_because_it_is_computed_is_computed() -> None:
    found = {path for facts in variants() for path in paths(values(facts))}
    assert set(COMPUTED_VALUES) - found == set()


@pytest.mark.parametrize("stack", STACKS)
def test_no_capability_that_talos_refuses_is_asked_for(stack: str) -> None:
    capabilities = values(cluster(stack))["securityContext"]["capabilities"]
    assert "SYS_MODULE" not in {*capabilities["ciliumAgent"], *capabilities["cleanCiliumState"]}
    assert {"NET_ADMIN", "SYS_ADMIN"} <= set(capabilities["ciliumAgent"])


@pytest.mark.parametrize("stack", STACKS)
def test_agents_reach_the_api_through_kubeprism_and_replace_kube_proxy(stack: str) -> None:
    found = values(cluster(stack))
    assert (found["k8sServiceHost"], found["k8sServicePort"]) == ("localhost", 7445)
    assert found["kubeProxyReplacement"] is True
    assert found["ipam"] == {"mode": "kubernetes"}
    assert found["cgroup"] == {"autoMount": {"enabled": False}, "hostRoot": "/sys/fs/cgroup"}


def test_families_follow_from_the_pod_nets() -> None:
    single, dual = values(cluster("test-cluster")), values(cluster("home-ops"))
    assert (single["ipv4"], single["ipv6"]) == ({"enabled": True}, {"enabled": False})
    assert (dual["ipv4"], dual["ipv6"]) == ({"enabled": True}, {"enabled": True})
    assert single["ipv4NativeRoutingCIDR"] == "10.244.0.0/16"
    assert "ipv6NativeRoutingCIDR" not in single
    assert dual["ipv6NativeRoutingCIDR"] == "fd47:25e1:2f96:1000::/56"


def test_masquerading_is_on_for_the_families_there_are() -> None:
    single, dual = values(cluster("test-cluster")), values(cluster("home-ops"))
    assert (single["enableIPv4Masquerade"], single["enableIPv6Masquerade"]) == (True, False)
    assert (dual["enableIPv4Masquerade"], dual["enableIPv6Masquerade"]) == (True, True)


def test_the_cluster_has_its_name_in_the_network_too() -> None:
    assert values(cluster("home-ops"))["cluster"] == {"name": "home-ops"}


def test_a_tunnel_needs_no_native_routes() -> None:
    found = values(edited("home-ops", lambda raw: raw["cilium"].update(routing="tunnel")))
    assert (found["routingMode"], found["tunnelProtocol"]) == ("tunnel", "vxlan")
    assert not {key for key in found if "NativeRouting" in key} | {"autoDirectNodeRoutes"} & set(
        found
    )


def test_devices_and_mtu_are_said_because_tailscale_would_shrink_them() -> None:
    found = values(cluster("test-cluster"))
    assert (found["devices"], found["MTU"]) == (["eth0"], 1500)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, {"masquerade": True, "hostLegacyRouting": True}),
        ({"masquerade": "iptables"}, {"masquerade": False, "hostLegacyRouting": True}),
        ({"hostLegacyRouting": False}, {"masquerade": True, "hostLegacyRouting": False}),
    ],
)
def test_who_masquerades_is_the_stacks_choice(
    change: dict[str, Any], expected: dict[str, bool]
) -> None:
    facts = edited("test-cluster", lambda raw: raw["cilium"].update(change))
    assert values(facts)["bpf"] == expected


def test_the_socket_remedy_is_written_only_where_it_is_chosen() -> None:
    assert "socketLB" not in values(cluster("test-cluster"))
    facts = edited("test-cluster", lambda raw: raw["cilium"].update(socketLbHostNamespaceOnly=True))
    assert values(facts)["socketLB"] == {"enabled": True, "hostNamespaceOnly": True}


def test_only_one_allocator_hands_out_addresses() -> None:
    assert values(cluster("test-cluster"))["defaultLBServiceIPAM"] == "none"
    assert values(cluster("home-ops"))["defaultLBServiceIPAM"] == "lbipam"


def test_bgp_runs_where_the_address_plan_has_peers() -> None:
    assert values(cluster("test-cluster"))["bgpControlPlane"] == {"enabled": False}
    assert values(cluster("home-ops"))["bgpControlPlane"] == {"enabled": True}


def test_certificates_are_not_made_anew_at_every_rendering() -> None:
    assert values(cluster("home-ops"))["hubble"]["tls"]["auto"]["method"] == "cronJob"


def test_one_machine_needs_one_operator() -> None:
    alone = edited("test-cluster", lambda raw: raw.update(machines=raw["machines"][:1]))
    assert values(alone)["operator"]["replicas"] == 1
    assert values(cluster("test-cluster"))["operator"]["replicas"] == 2


def test_the_stacks_own_values_win_and_leave_their_neighbours() -> None:
    facts = edited(
        "test-cluster",
        lambda raw: raw["cilium"].update(values={"hubble": {"relay": {"enabled": False}}}),
    )
    hubble = values(facts)["hubble"]
    assert hubble["relay"] == {"enabled": False, "rollOutPods": True}
    assert hubble["enabled"] is True


def test_merging_changes_neither_side() -> None:
    under: dict[str, Any] = {"a": {"b": 1}, "c": [1]}
    over: dict[str, Any] = {"a": {"d": 2}, "c": [2]}
    result = merged(under, over)
    result["a"]["b"] = 9
    result["c"].append(9)
    assert (under, over) == ({"a": {"b": 1}, "c": [1]}, {"a": {"d": 2}, "c": [2]})
