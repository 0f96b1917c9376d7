"""Cilium's Helm values, as they follow from the address plan and the stack's choices.

Pure. The keys are checked against `config/data/cilium-VERSION.keys`: the chart passes a misspelt
one (`cgroup.automount`) in silence.
"""

from copy import deepcopy
from typing import Any

from config.cilium import Masquerade, Routing
from config.cluster import Cluster
from config.network import Allocator
from config.talos import KUBEPRISM_PORT

Values = dict[str, Any]

KUBEPRISM_HOST = "localhost"
# Without SYS_MODULE: Talos loads modules itself and refuses everyone else.
AGENT_CAPABILITIES = (
    "CHOWN", "KILL", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "SYS_ADMIN", "SYS_RESOURCE",
    "PERFMON", "BPF", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID",
)  # fmt: skip
CLEAN_CAPABILITIES = ("NET_ADMIN", "SYS_ADMIN", "SYS_RESOURCE")


def values(cluster: Cluster) -> Values:
    """Every value; the stack's own `cilium.values` go over them last."""
    cilium = cluster.cilium
    computed: Values = {
        "cluster": {"name": cluster.name},
        "kubeProxyReplacement": True,
        "kubeProxyReplacementHealthzBindAddr": "0.0.0.0:10256",
        "k8sServiceHost": KUBEPRISM_HOST,
        "k8sServicePort": KUBEPRISM_PORT,
        "ipam": {"mode": "kubernetes"},
        "ipv4": {"enabled": 4 in cluster.network.families},
        "ipv6": {"enabled": 6 in cluster.network.families},
        "devices": list(cilium.devices),
        "MTU": cilium.mtu,
        "cgroup": {"autoMount": {"enabled": False}, "hostRoot": "/sys/fs/cgroup"},
        "securityContext": {
            "capabilities": {
                "ciliumAgent": list(AGENT_CAPABILITIES),
                "cleanCiliumState": list(CLEAN_CAPABILITIES),
            }
        },
        "operator": {"replicas": 2 if len(cluster.machines) > 1 else 1, "rollOutPods": True},
        "rollOutCiliumPods": True,
        "bgpControlPlane": {"enabled": cluster.network.load_balancer.bgp is not None},
        "hubble": {
            "enabled": True,
            "relay": {"enabled": cilium.hubble_ui, "rollOutPods": True},
            "ui": {"enabled": cilium.hubble_ui, "rollOutPods": True},
            # The chart's default makes new certificates at every rendering; a job inside the
            # cluster does not, so a second `up` has nothing to change.
            "tls": {"auto": {"enabled": True, "method": "cronJob"}},
        },
        **routing(cluster),
        **masquerade(cluster),
        **balancing(cluster),
    }
    return merged(computed, dict(cilium.values))


def routing(cluster: Cluster) -> Values:
    """Native routes between nodes of one segment, or a tunnel."""
    if cluster.cilium.routing is Routing.TUNNEL:
        return {"routingMode": "tunnel", "tunnelProtocol": "vxlan"}
    native: Values = {"routingMode": "native", "autoDirectNodeRoutes": True}
    for net in cluster.network.pod_subnets:
        native[f"ipv{net.version}NativeRoutingCIDR"] = str(net)
    return native


def masquerade(cluster: Cluster) -> Values:
    """Who masquerades; with Talos' host DNS forwarding, BPF needs one of its remedies."""
    cilium = cluster.cilium
    chosen: Values = {
        "enableIPv4Masquerade": 4 in cluster.network.families,
        "enableIPv6Masquerade": 6 in cluster.network.families,
        "bpf": {
            "masquerade": cilium.masquerade is Masquerade.BPF,
            "hostLegacyRouting": cilium.host_legacy_routing,
        },
    }
    if cilium.socket_lb_host_namespace_only:
        chosen["socketLB"] = {"enabled": True, "hostNamespaceOnly": True}
    return chosen


def balancing(cluster: Cluster) -> Values:
    """Load balancing; addresses are Cilium's to give only where the stack says so."""
    return {
        "loadBalancer": {"acceleration": cluster.cilium.acceleration.value},
        "l2announcements": {"enabled": False},
        # One allocator per cluster: with MetalLB, Cilium must not hand out addresses as well.
        "defaultLBServiceIPAM": "lbipam"
        if cluster.network.load_balancer.allocator is Allocator.CILIUM
        else "none",
    }


def merged(under: Values, over: Values) -> Values:
    """`over` laid over `under`, map by map; neither is changed."""
    result = deepcopy(under)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = deepcopy(value)
    return result
