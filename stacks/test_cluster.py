"""What is special about test-cluster: virtual machines on a Proxmox VE, which also keeps volumes.

Its names are served by its own PowerDNS, to which a parent zone points.
"""

from pulumi import ResourceOptions

from components.auth.proxmox import Auth, AuthArgs
from components.dns import DelegatedZone, DelegatedZoneArgs
from components.infrastructure import Infrastructure
from components.infrastructure.made import MadeMachines
from components.storage import Storage, StorageArgs, VolumeClaim, VolumeClaimArgs
from config.proxmox import Proxmox
from config.services import ProxmoxCsi
from stacks.keys import needed
from stacks.special import Facts, Ground, Special
from stacks.zone import Zone, zone_writers


class OnProxmox(Special):
    """A cluster of virtual machines."""

    def __init__(self, facts: Facts, proxmox: Proxmox) -> None:
        super().__init__(facts)
        keys, storage = facts.keys, facts.cluster.storage
        self.proxmox = proxmox
        self.csi = storage if isinstance(storage, ProxmoxCsi) else None
        admin = keys.proxmox_admin
        self.auth = Auth(
            "auth",
            AuthArgs(
                stack=facts.cluster.name,
                proxmox=proxmox,
                csi=self.csi,
                token=needed(keys.proxmox_token, "proxmoxToken", "machines are made on Proxmox VE"),
                admin_username=admin["username"] if admin is not None else None,
                admin_password=admin["password"] if admin is not None else None,
                cloudflare_token=keys.cloudflare_token,
            ),
        )

    def ground(self) -> Ground:
        """A pool on the hypervisor; the claim on the volumes stands before the machines."""
        outside = [self.auth.proxmox, self.auth.hearth]
        datastore = None
        if self.csi:
            claim = VolumeClaimArgs(cluster=self.facts.cluster, proxmox=self.proxmox, csi=self.csi)
            opts = ResourceOptions(providers=outside)
            datastore = VolumeClaim("volumes", claim, opts=opts).datastore
        step = MadeMachines(proxmox=self.proxmox, pool=self.auth.pool, datastore=datastore)
        return Ground(hearth=self.auth.hearth, step=step, providers=outside)

    def storage(self, inside: ResourceOptions) -> None:
        """Proxmox' storage driver, with the rights that it was granted."""
        token = self.auth.csi_token
        if self.csi and token is not None:
            args = StorageArgs(
                cluster=self.facts.cluster, proxmox=self.proxmox, csi=self.csi, token=token
            )
            Storage("storage", args, opts=inside)

    def names(
        self, ground: Ground, infrastructure: Infrastructure, networked: ResourceOptions
    ) -> Zone | None:
        """The sub-zone that the cluster serves itself."""
        cluster, life = self.facts.cluster, infrastructure.anchor
        if cluster.dns.delegation is None:
            return None
        args = DelegatedZoneArgs(
            zone=cluster.domain,
            delegation=cluster.dns.delegation,
            writers=zone_writers(cluster),
            hearth=ground.hearth,
            life=life,
        )
        # Not as a whole with the cluster: what it asks of the parent zone outlives a destroy.
        zone = DelegatedZone("dns", args, opts=networked)
        return Zone(records=zone.records, keys=zone.keys)
