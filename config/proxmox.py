"""The Proxmox VE side of a stack: where machines are made, and what the storage driver may touch.

Credentials are secrets of their own (`hearth:proxmoxToken` for everyday runs, `hearth:proxmoxAuth`
for the layer that makes users and roles), never part of this object.
"""

from pydantic import Field

from config.base import HttpsUrl, Model, Name


class Host(Model):
    """A Proxmox node and the bridge its machines are plugged into."""

    name: Name
    bridge: str = Field(pattern=r"^[a-z][a-z0-9_.]{1,14}$")


class Proxmox(Model):
    """A Proxmox VE cluster, or a single host."""

    endpoint: HttpsUrl
    region: Name = Field(description="the cluster's name; part of every volume handle for ever")
    hosts: tuple[Host, ...] = Field(min_length=1)
    pool: Name
    image_datastore: str = Field(description="must carry the content type Import")
    machine_datastore: str
    insecure: bool = False

    def host(self, name: str) -> Host | None:
        """The host of that name."""
        return next((host for host in self.hosts if host.name == name), None)
