"""The root of a stack's config: one cluster, with everything that follows from its facts."""

from pydantic import Field

from config.base import Fqdn, Model, Name
from config.cilium import Cilium
from config.machines import Machine
from config.network import ClusterNetwork
from config.proxmox import Proxmox
from config.services import Dns, Gitops, Seeds, Storage
from config.talos import Talos

API_PORT = 6443


class Deadlines(Model):
    """How long to wait before a step counts as failed, in seconds; slow hardware needs more.

    From power to an answer of Talos, to the readiness of every API server, to Node objects. Before
    a control plane changes, to the health of all others; after it has, to its own and theirs. From
    the hand-over until all that Flux makes is Ready, and how long nothing of it may get on.
    """

    machine_seconds: int = Field(default=600, gt=0)
    api_seconds: int = Field(default=600, gt=0)
    nodes_seconds: int = Field(default=300, gt=0)
    # One that is still coming up is worth waiting for, one that is broken is not.
    turn_seconds: int = Field(default=180, gt=0)
    # Restarting metal takes minutes; so does a new member's copy of a large etcd.
    back_seconds: int = Field(default=900, gt=0)
    flux_seconds: int = Field(default=3600, gt=0)
    # Longer than any one health check or chart takes that may still end well.
    flux_stall_seconds: int = Field(default=600, gt=0)


class Cluster(Model):
    """One cluster: the value of `hearth:cluster` in `Pulumi.<stack>.yaml`."""

    name: Name
    domain: Fqdn
    protected: bool = False
    talos: Talos
    proxmox: Proxmox | None = None
    network: ClusterNetwork
    machines: tuple[Machine, ...] = Field(min_length=1)
    cilium: Cilium
    storage: Storage
    seeds: Seeds = Seeds()
    gitops: Gitops
    dns: Dns = Dns()
    deadlines: Deadlines = Deadlines()

    @property
    def control_planes(self) -> tuple[Machine, ...]:
        """The control planes in config order; the first one is bootstrapped."""
        return tuple(machine for machine in self.machines if machine.is_control_plane)

    @property
    def workers(self) -> tuple[Machine, ...]:
        """The workers in config order."""
        return tuple(machine for machine in self.machines if not machine.is_control_plane)

    @property
    def endpoint(self) -> str:
        """The Kubernetes API as clients reach it: on the VIP."""
        vip = self.network.api_vip
        host = f"[{vip}]" if vip.version == 6 else str(vip)
        return f"https://{host}:{API_PORT}"

    @property
    def api_names(self) -> tuple[str, ...]:
        """One list of names and addresses for both the Talos and the Kubernetes certificates."""
        addresses = [str(address) for m in self.control_planes for address in m.addresses]
        vips = [str(vip) for vip in self.network.vips]
        return (*vips, *addresses, f"api.{self.domain}", "127.0.0.1", "::1", "localhost")
