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
