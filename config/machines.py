"""The machines: what every one has, and the one fork - a virtual machine made, or a host adopted.

Addresses are facts, never read back from a hypervisor's agent: an agent lists VIPs and CNI
interfaces too, and changes its answer at every refresh.
"""

from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import Field

from config.base import IpAddress, Label, LabelKey, Mac, Model, Name

GIB = 1024**3


class Role(StrEnum):
    """A machine's part in Kubernetes."""

    CONTROL_PLANE = "controlPlane"
    WORKER = "worker"

    @property
    def talos(self) -> str:
        """Talos' word for it."""
        return "controlplane" if self is Role.CONTROL_PLANE else "worker"


class VirtualMachine(Model):
    """A Proxmox VM that the program makes and destroys."""

    host: Name
    id: int = Field(ge=100, le=999999999, description="VMID, unique on the Proxmox cluster")
    cores: int = Field(ge=1, le=512)
    memory_mib: int = Field(ge=2048, description="Talos wants 2 GiB for a control plane")
    disk_gib: int = Field(ge=10, description="the system disk; Talos wants 10 GiB")


class DiskMatch(Model):
    """Which disk is meant, by what the hardware says of it; exactly one must match.

    `model` is a glob. Rules demand a model or a serial.
    """

    model: str | None = None
    serial: str | None = None
    min_size_gib: int | None = Field(default=None, ge=1)

    def matches(self, model: str, serial: str, size: int) -> bool:
        """Whether a disk with this model, serial and size (bytes) is meant."""
        return (
            (self.model is None or fnmatchcase(model, self.model))
            and (self.serial is None or serial == self.serial)
            and (self.min_size_gib is None or size >= self.min_size_gib * GIB)
        )


class DataDisk(Model):
    """A disk for data, as one Talos UserVolume; survives destroy unless the stack says sweep."""

    name: Name
    match: DiskMatch


class AdoptedHost(Model):
    """A physical machine, booted into maintenance mode by hand and adopted as it is."""

    maintenance_address: IpAddress
    uuid: str | None = Field(default=None, pattern=r"^[0-9a-fA-F-]{36}$")
    install_disk: DiskMatch
    data_disks: tuple[DataDisk, ...] = ()


class Machine(Model):
    """One Talos machine: name (host name and node name alike), role, addresses, hardware.

    `labels` are its Node's, beside those that the program computes.
    """

    name: Name
    role: Role
    addresses: tuple[IpAddress, ...] = Field(min_length=1, max_length=2)
    mac: Mac
    interface: Annotated[str, Field(pattern=r"^[a-z][a-z0-9.]{1,14}$")] | None = None
    labels: dict[LabelKey, Label] = Field(default_factory=dict)
    vm: VirtualMachine | None = None
    metal: AdoptedHost | None = None

    @property
    def is_control_plane(self) -> bool:
        """Whether the machine runs etcd and an API server."""
        return self.role is Role.CONTROL_PLANE
