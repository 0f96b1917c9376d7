"""Cilium: keys that its chart would ignore in silence, and settings that cut DNS or nodes off."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from config.cilium import COMPUTED_VALUES, Masquerade
from config.cluster import Cluster
from config.rules.model import Finding, over_cluster
from config.spelling import near_miss
from config.versions import CILIUM

_DATA = Path(__file__).resolve().parent.parent / "data"


@lru_cache(maxsize=4)
def chart_keys(version: str) -> Mapping[str, frozenset[str]]:
    """The keys of Cilium's values by their parent's path, as far as the chart declares them."""
    children: dict[str, set[str]] = {}
    for line in (_DATA / f"cilium-{version}.keys").read_text().splitlines():
        if line and not line.startswith("#"):
            parent, _, key = line.rpartition(".")
            children.setdefault(parent, set()).add(key)
    return {parent: frozenset(keys) for parent, keys in children.items()}


def _misspelt(values: Mapping[str, Any], parent: str = "") -> Iterator[tuple[str, str]]:
    """Key paths that almost are the chart's, with the path that was meant.

    A key that resembles nothing passes: the chart's values.yaml omits real ones, such as
    `loadBalancer.mode` and `socketLB.hostNamespaceOnly`.
    """
    known = chart_keys(CILIUM.version).get(parent, frozenset())
    for key, value in values.items():
        path = f"{parent}.{key}" if parent else key
        if key in known:
            if isinstance(value, Mapping):
                yield from _misspelt(value, path)
        elif meant := near_miss(key, known):
            yield path, f"{parent}.{meant}" if parent else meant


@over_cluster("cilium-near-miss", "cilium.values has no key that almost is one of the chart's")
def cilium_near_miss(cluster: Cluster) -> Iterator[Finding]:
    """Helm passes unknown keys in silence: `cgroup.automount` mounted nothing for years."""
    for path, meant in _misspelt(cluster.cilium.values):
        yield Finding(
            path=f"cilium.values.{path}",
            value=path,
            message=f"{path} is no key of Cilium {CILIUM.version}; the chart would ignore it",
            fix=f"did you mean {meant}?",
        )


def _set_in(values: Mapping[str, Any], path: str) -> bool:
    node: object = values
    for key in path.split("."):
        if not isinstance(node, Mapping) or key not in node:
            return False
        node = node[key]
    return True


@over_cluster("cilium-computed-value", "cilium.values sets nothing that the program computes")
def cilium_computed_value(cluster: Cluster) -> Iterator[Finding]:
    """What follows from the address plan and the typed settings cannot be set a second time."""
    for path, source in COMPUTED_VALUES.items():
        if _set_in(cluster.cilium.values, path):
            yield Finding(
                path=f"cilium.values.{path}",
                value=path,
                message=f"{path} follows from {source}",
                fix="drop it here" + ("" if " " in source else f", and set {source}"),
            )


@over_cluster("host-dns-masquerade", "BPF masquerading and Talos' host DNS have a remedy")
def host_dns_masquerade(cluster: Cluster) -> Iterator[Finding]:
    """CoreDNS forwards to a link-local address that BPF cannot route back (siderolabs/talos#10002).

    Three remedies are known, any of them is enough.
    """
    cilium = cluster.cilium
    remedied = (
        cilium.host_legacy_routing
        or cilium.socket_lb_host_namespace_only
        or not cluster.talos.host_dns_forwarding
    )
    if cilium.masquerade is Masquerade.BPF and not remedied:
        yield Finding(
            path="cilium.masquerade",
            value=cilium.masquerade,
            message="bpf together with talos.hostDnsForwarding: true cuts cluster DNS off",
            fix="set one of cilium.hostLegacyRouting: true, cilium.socketLbHostNamespaceOnly: true "
            "or talos.hostDnsForwarding: false",
        )


@over_cluster("cilium-devices", "cilium.devices holds every machine's interface")
def cilium_devices(cluster: Cluster) -> Iterator[Finding]:
    """Cilium would not attach to it, and the node would answer no Service."""
    devices = cluster.cilium.devices
    for index, machine in enumerate(cluster.machines):
        name = machine.interface
        if name and not any(_covers(device, name) for device in devices):
            yield Finding(
                path=f"machines[{index}].interface",
                value=name,
                message=f"{name} of {machine.name} is not in cilium.devices ({', '.join(devices)})",
                fix=f"add {name} to cilium.devices, or correct the interface",
            )


def _covers(device: str, name: str) -> bool:
    """Whether a device name, or a prefix with `+` as Cilium writes it, means an interface."""
    return name == device or (device.endswith("+") and name.startswith(device[:-1]))
