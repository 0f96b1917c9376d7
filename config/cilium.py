"""Cilium's settings that a stack may choose; the rest of its values follow from the address plan.

The program owns Cilium for ever. When a GitOps controller updated it, nodes lost the network they
needed to pull the images that would restore it.
"""

from enum import StrEnum
from typing import Any

from pydantic import Field

from config.base import Model


class Routing(StrEnum):
    """How pods of different nodes reach each other."""

    NATIVE = "native"
    TUNNEL = "tunnel"


class Masquerade(StrEnum):
    """Who rewrites pod addresses on the way out."""

    BPF = "bpf"
    IPTABLES = "iptables"


class Acceleration(StrEnum):
    """XDP acceleration of load balancing; the Mac minis' network cards have no use for it."""

    DISABLED = "disabled"
    NATIVE = "native"
    BEST_EFFORT = "best-effort"


class Cilium(Model):
    """Cilium's settings.

    `devices` and `mtu` are explicit: since 1.17 Cilium takes the lowest MTU of all devices, and
    Tailscale's is 1280.
    """

    devices: tuple[str, ...] = Field(min_length=1)
    mtu: int = Field(ge=1280, le=9216)
    routing: Routing = Routing.NATIVE
    masquerade: Masquerade = Masquerade.BPF
    host_legacy_routing: bool = False
    socket_lb_host_namespace_only: bool = False
    acceleration: Acceleration = Acceleration.DISABLED
    hubble_ui: bool = True
    values: dict[str, Any] = Field(default_factory=dict)


# Helm values that follow from the address plan or from the settings above, each with its source.
COMPUTED_VALUES = {
    "MTU": "cilium.mtu",
    "bpf.hostLegacyRouting": "cilium.hostLegacyRouting",
    "bpf.masquerade": "cilium.masquerade",
    "cgroup.autoMount.enabled": "Talos, which mounts it",
    "cgroup.hostRoot": "Talos, which mounts it",
    "cluster.name": "name",
    "devices": "cilium.devices",
    "enableIPv4Masquerade": "network.podSubnets",
    "enableIPv6Masquerade": "network.podSubnets",
    "ipam.mode": "Kubernetes, which hands out the blocks",
    "ipv4.enabled": "network.podSubnets",
    "ipv4NativeRoutingCIDR": "network.podSubnets",
    "ipv6.enabled": "network.podSubnets",
    "ipv6NativeRoutingCIDR": "network.podSubnets",
    "k8sServiceHost": "KubePrism on every machine",
    "k8sServicePort": "KubePrism on every machine",
    "kubeProxyReplacement": "Talos, where kube-proxy is off",
    "loadBalancer.acceleration": "cilium.acceleration",
    "routingMode": "cilium.routing",
    "socketLB.hostNamespaceOnly": "cilium.socketLbHostNamespaceOnly",
}
