"""Machines that are adopted: hosts that a person booted into Talos' maintenance mode.

All of them are looked at before anything is applied to one. Adopting a host gives it its production
address, and nothing else: it is configured as a virtual machine is. What is removed at the end is
the cluster on it: system and data disks stay.
"""

from dataclasses import dataclass
from typing import Any

from pulumi import Output, ResourceOptions

from components import hearth
from components.infrastructure.image import boot_image_url
from components.infrastructure.patches import hostname, interface, link
from components.infrastructure.steps import Ready, Site, held
from components.infrastructure.text import dumped_all
from components.naming import child
from config import versions
from config.cluster import Cluster
from config.machines import AdoptedHost, DiskMatch, Machine
from config.services import DataOnDestroy


@dataclass(frozen=True, kw_only=True)
class _Ground:
    """What `prepare` leaves for the machines."""

    site: Site
    preflight: hearth.HostPreflight


class AdoptedMachines:
    """The step of physical hosts."""

    platform = "metal"

    def __init__(self) -> None:
        self._ground: _Ground | None = None

    def prepare(self, site: Site) -> Output[Any]:
        """Look at all hosts: whatever is wrong with any of them is told at once."""
        preflight = hearth.HostPreflight(
            child(site.name, "preflight"),
            hosts=[described(machine) for machine in site.cluster.machines if machine.metal],
            # Everything below takes a value from the preflight, so it comes after the quorum too.
            talos_version=site.guard.passed(versions.TALOS),
            schematic=site.schematic,
            extensions=sorted(item.value for item in site.cluster.talos.extensions),
            image=site.schematic.apply(lambda found: boot_image_url(found, versions.TALOS)),
            authority=site.authority,
            deadline_seconds=site.cluster.deadlines.machine_seconds,
            opts=site.inside(),
        )
        self._ground = _Ground(site=site, preflight=preflight)
        return preflight.id

    def machine(self, name: str, machine: Machine, leave: Output[Any] | None) -> Ready:
        """A host, adopted; it changes hands once it has leave to."""
        ground, metal = self._ground, machine.metal
        if ground is None or metal is None:
            raise ValueError(f"{machine.name} is no physical host")
        site = ground.site
        facts = described(machine)
        adopted = hearth.AdoptedHost(
            name,
            machine=held(machine.name, leave),
            # Every host has passed before one is touched.
            address=ground.preflight.checked.apply(lambda _: facts["address"]),
            maintenance_address=facts["maintenanceAddress"],
            mac=facts["mac"],
            uuid=facts["uuid"],
            install_disk=facts["installDisk"],
            data_disks=facts["dataDisks"],
            network=dumped_all([hostname(machine), link(site.cluster, machine)]),
            authority=site.authority,
            client_configuration=site.client_configuration,
            control_planes=[str(item.addresses[0]) for item in site.cluster.control_planes],
            data_on_destroy=data_on_destroy(site.cluster).value,
            deadline_seconds=site.cluster.deadlines.machine_seconds,
            hint=hint(machine, metal),
            opts=ResourceOptions(
                parent=site.parent,
                # Another box takes the same addresses: side by side they would clash.
                delete_before_replace=True,
                # Neither a destroy nor a change that replaces resets a protected stack's machines.
                protect=site.cluster.protected,
            ),
        )
        return Ready(resource=adopted, address=adopted.address)


def described(machine: Machine) -> dict[str, Any]:
    """A host as the provider has to know it: how it is told from others, and where it waits."""
    metal = machine.metal
    if metal is None:
        raise ValueError(f"{machine.name} is no physical host")
    return {
        "machine": machine.name,
        "address": str(machine.addresses[0]),
        "maintenanceAddress": str(metal.maintenance_address),
        "mac": machine.mac,
        "interface": interface(machine),
        "uuid": metal.uuid,
        "installDisk": selector(metal.install_disk),
        "dataDisks": [
            {"name": disk.name, "match": selector(disk.match)} for disk in metal.data_disks
        ],
    }


def selector(match: DiskMatch) -> dict[str, Any]:
    """A disk's selector as the facts spell it."""
    return match.model_dump(by_alias=True, exclude_none=True)


def data_on_destroy(cluster: Cluster) -> DataOnDestroy:
    """What a reset does with data disks: they are Longhorn's, or nobody says that they may go."""
    storage = cluster.storage
    return storage.data_on_destroy if storage.kind == "longhorn" else DataOnDestroy.KEEP


def hint(machine: Machine, metal: AdoptedHost) -> str:
    """Where to look when a host does not answer."""
    return (
        f"Its screen shows whether Talos runs, and with which address: it should wait in "
        f"maintenance mode at {metal.maintenance_address}, the reservation that your DHCP server "
        f"keeps for {machine.mac}. Boot it from a stick with the stack's image, compare addresses "
        "and cables, then run `pulumi up` again."
    )
