"""What a scenario can need of a stack, and what a stack has: read from its facts, nothing is asked.

Whether the facts are right is the config's business; whether a scenario passes is its own.
"""

from collections.abc import Iterator
from enum import StrEnum

from config.cluster import Cluster


class Need(StrEnum):
    """Something that not every stack has, in the words of an error."""

    PROXMOX = "machines that are made on Proxmox VE"
    METAL = "adopted hosts"
    WORKERS = "workers"
    CSI = "volumes of the Proxmox CSI driver"
    DATA_DISKS = "data disks in adopted hosts"
    CLOUDFLARE = "records at Cloudflare"
    ZONE = "a zone that is delegated to the cluster"
    TWO_FAMILIES = "a second address family"


def abilities(cluster: Cluster) -> frozenset[Need]:
    """Everything a stack has."""
    return frozenset(found(cluster))


def found(cluster: Cluster) -> Iterator[Need]:
    """The same, one by one."""
    machines = cluster.machines
    if any(machine.vm for machine in machines):
        yield Need.PROXMOX
    if any(machine.metal for machine in machines):
        yield Need.METAL
    if cluster.workers:
        yield Need.WORKERS
    if cluster.storage.kind == "proxmoxCsi":
        yield Need.CSI
    if any(machine.metal and machine.metal.data_disks for machine in machines):
        yield Need.DATA_DISKS
    if cluster.dns.cloudflare is not None:
        yield Need.CLOUDFLARE
    if cluster.dns.delegation is not None:
        yield Need.ZONE
    if len(cluster.network.families) > 1:
        yield Need.TWO_FAMILIES
