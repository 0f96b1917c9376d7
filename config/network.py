"""The address plan: node nets, pod and service nets, VIP, load-balancer pools, BGP.

Lists of addresses and nets hold one entry per address family, in one order throughout, as
Kubernetes wants them. What follows from them (node masks, valid subnets, blocks per node) is
computed, never set.
"""

from enum import StrEnum
from ipaddress import IPv4Network

from pydantic import Field

from config.base import Address, Cidr, IpAddress, Model, Name, Network, Range

# What Tailscale gives its own nodes: never a node's address (traps: VIP traffic in the tunnel).
TAILSCALE_NETS = ("100.64.0.0/10", "fd7a:115c:a1e0::/48")
IPV6_SERVICE_MASK_MIN = 108


class Allocator(StrEnum):
    """Who gives Services of type LoadBalancer their addresses; one per cluster."""

    METALLB = "metallb"
    CILIUM = "cilium"


class PoolMode(StrEnum):
    """How a pool's addresses are made reachable."""

    L2 = "l2"
    BGP = "bgp"


class Pool(Model):
    """A named span of load-balancer addresses; the pool object itself stands in the GitOps tree."""

    name: Name
    mode: PoolMode
    addresses: tuple[Range, ...] = Field(min_length=1)


class FixedAddress(Model):
    """A Service's reserved address inside a pool."""

    service: Name
    address: IpAddress


class BgpPeer(Model):
    """A router the nodes peer with; `ibgp` says that equal AS numbers are meant."""

    name: Name
    address: IpAddress
    asn: int = Field(ge=1, le=4294967295)
    ibgp: bool = False


class Bgp(Model):
    """Cilium's BGP control plane: this cluster's autonomous system and its peers."""

    local_asn: int = Field(ge=1, le=4294967295)
    peers: tuple[BgpPeer, ...] = Field(min_length=1)


class LoadBalancer(Model):
    """Load-balancer addresses of the cluster."""

    allocator: Allocator
    pools: tuple[Pool, ...] = Field(min_length=1)
    fixed: tuple[FixedAddress, ...] = ()
    bgp: Bgp | None = None


class ClusterNetwork(Model):
    """The cluster's address plan, shared by every machine."""

    node_subnets: tuple[Cidr, ...] = Field(min_length=1, max_length=2)
    gateways: tuple[IpAddress, ...] = Field(min_length=1, max_length=2)
    nameservers: tuple[IpAddress, ...] = Field(min_length=1)
    time_servers: tuple[str, ...] = ("time.cloudflare.com",)
    search_domains: tuple[str, ...] = ()
    vlan: int | None = Field(default=None, ge=1, le=4094)
    dhcp_ranges: tuple[Range, ...] = ()
    pod_subnets: tuple[Cidr, ...] = Field(min_length=1, max_length=2)
    service_subnets: tuple[Cidr, ...] = Field(min_length=1, max_length=2)
    vips: tuple[IpAddress, ...] = Field(min_length=1, max_length=2)
    node_cidr_mask_ipv4: int = Field(default=24, ge=8, le=30)
    node_cidr_mask_ipv6: int = Field(default=64, ge=48, le=124)
    load_balancer: LoadBalancer

    @property
    def families(self) -> tuple[int, ...]:
        """The address families in the cluster's order, as 4 and 6; pods decide."""
        return tuple(net.version for net in self.pod_subnets)

    @property
    def api_vip(self) -> Address:
        """The address behind the cluster endpoint: the first VIP."""
        return self.vips[0]

    @property
    def valid_subnets(self) -> tuple[str, ...]:
        """Talos' `nodeIP.validSubnets` and etcd's `advertisedSubnets`.

        The node nets without the VIPs, each taken out as one host route, so that the VIP's holder
        never registers under an address that moves away from it.
        """
        excluded = (f"!{vip}/{vip.max_prefixlen}" for vip in self.vips)
        return (*(str(net) for net in self.node_subnets), *excluded)

    def node_mask(self, net: Network) -> int:
        """The length of the block that every node gets out of this pod net."""
        return (
            self.node_cidr_mask_ipv4 if isinstance(net, IPv4Network) else self.node_cidr_mask_ipv6
        )

    def node_blocks(self, net: Network) -> int:
        """How many nodes this pod net has blocks for; 0 when the mask is shorter than the net."""
        bits = self.node_mask(net) - net.prefixlen
        return 1 << bits if bits >= 0 else 0

    def subnet_of(self, address: Address) -> Network | None:
        """The node net that holds an address, if one does."""
        for net in self.node_subnets:
            if net.version == address.version and address in net:
                return net
        return None
