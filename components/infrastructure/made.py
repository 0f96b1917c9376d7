"""Machines that are made: preflight of the Proxmox VE, one image per host, one VM per machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi_proxmoxve as pve
from pulumi import Input, Output

from components import hearth
from components.infrastructure.image import disk_image_url
from components.infrastructure.machines import VirtualMachine, VirtualMachineArgs, described
from components.infrastructure.steps import Ready, Site
from components.naming import child
from config import naming, versions
from config.cluster import Cluster
from config.machines import Machine
from config.proxmox import Proxmox
from config.services import DataOnDestroy


@dataclass(frozen=True, kw_only=True)
class _Ground:
    """What `prepare` leaves for the machines."""

    site: Site
    preflight: hearth.Preflight
    images: Mapping[str, Output[str]]


class MadeMachines:
    """The step of virtual machines: `pool` and `datastore` come from the layers before."""

    platform = "nocloud"

    def __init__(self, *, proxmox: Proxmox, pool: Input[str], datastore: Input[str] | None) -> None:
        self._proxmox, self._pool, self._datastore = proxmox, pool, datastore
        self._ground: _Ground | None = None

    def prepare(self, site: Site) -> Output[Any]:
        """Look at the hypervisor, then bring the stack's image to every host of it."""
        proxmox, cluster = self._proxmox, site.cluster
        preflight = hearth.Preflight(
            child(site.name, "preflight"),
            hosts=[{"name": host.name, "bridge": host.bridge} for host in proxmox.hosts],
            image_datastore=proxmox.image_datastore,
            machine_datastore=proxmox.machine_datastore,
            volume_datastore=volume_datastore(cluster),
            frees_volumes=frees_volumes(cluster),
            # Everything below takes a value from the preflight, so it comes after the quorum too.
            pool=site.guard.passed(proxmox.pool),
            machines=described(cluster.machines, proxmox.machine_datastore),
            opts=site.inside(),
        )
        images = {host.name: image(site, host.name, preflight) for host in proxmox.hosts}
        self._ground = _Ground(site=site, preflight=preflight, images=images)
        return preflight.id

    def machine(self, name: str, machine: Machine, leave: Output[Any] | None) -> Ready:
        """A virtual machine on its host, made or changed once it has leave to."""
        ground = self._ground
        host = self._proxmox.host(machine.vm.host) if machine.vm else None
        if ground is None or host is None:
            raise ValueError(f"{machine.name} stands on no host of this stack")
        # The claim on the volumes' datastore comes first, so that it is released last: volumes can
        # be freed only when no machine holds them any more.
        claimed = Output.all(ground.preflight.machine_datastore, self._datastore)
        made = VirtualMachine(
            name,
            VirtualMachineArgs(
                cluster=ground.site.cluster,
                machine=machine,
                host=host,
                pool=self._pool,
                image=ground.images[host.name],
                datastore=claimed.apply(lambda values: values[0]),
                authority=ground.site.authority,
                leave=leave,
            ),
            opts=ground.site.inside(),
        )
        return Ready(resource=made.resource, address=made.address)


def image(site: Site, host: str, preflight: hearth.Preflight) -> Output[str]:
    """The stack's Talos image on one host: files are per host unless a datastore is shared."""
    stack = site.cluster.name
    file = pve.download.File(
        child(site.name, "image", host),
        node_name=host,
        datastore_id=preflight.image_datastore,
        content_type="import",
        url=site.schematic.apply(lambda found: disk_image_url(found, versions.TALOS)),
        file_name=site.schematic.apply(
            lambda found: naming.image_file(stack, versions.TALOS, found)
        ),
        # True compares sizes with the URL at every refresh and replaces on a difference.
        overwrite=False,
        opts=site.inside(),
    )
    identifier: Output[str] = file.id
    return identifier


def volume_datastore(cluster: Cluster) -> str | None:
    """The datastore volumes go to, when Proxmox keeps them."""
    return cluster.storage.datastore if cluster.storage.kind == "proxmoxCsi" else None


def frees_volumes(cluster: Cluster) -> bool:
    """Whether a destroy frees volumes on that datastore; on a shared one it only lists them."""
    storage = cluster.storage
    return (
        storage.kind == "proxmoxCsi"
        and storage.data_on_destroy is DataOnDestroy.SWEEP
        and not storage.shared_datastore
    )
