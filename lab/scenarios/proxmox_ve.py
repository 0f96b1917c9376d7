"""The Proxmox VE of a rehearsal as others than the program see it: its owner, and the CSI driver.

Pods are played in the lab, so no driver runs. What a driver would ask of Proxmox VE is asked here
with the token that the program made for it: the calls of sergelogvinov/proxmox-csi-plugin
(`pkg/csi/utils.go`), in its order. Nothing goes around the API.
"""

import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from proxmoxer import ProxmoxAPI

from config.proxmox import Proxmox
from config.secret_keys import PROXMOX_AUTH
from lab.scenarios.rehearsal import Failed, Rehearsal
from lab.seal import lab_values

REQUEST_SECONDS = 20
TASK_SECONDS = 60.0
POLL_SECONDS = 0.1
# Whom the driver says its volumes belong to: a number that no machine has.
NOBODY = 9999
# The driver leaves scsi0 alone and takes the first free one of the rest.
SLOTS = tuple(f"scsi{number}" for number in range(1, 30))
CSI_TOKEN = "proxmoxve:user/token:Token"  # noqa: S105 - a type
ROOM = {"size": "5G", "format": "raw"}


@dataclass(frozen=True, kw_only=True)
class ProxmoxVe:
    """One host, through one login."""

    api: Any
    host: str

    def volumes(self, datastore: str) -> dict[str, int]:
        """Volumes on a datastore with their sizes in bytes, as far as this login sees them."""
        found = self.api.nodes(self.host).storage(datastore).content.get()
        return {str(item["volid"]): int(item["size"]) for item in found}

    def disks(self, machine: int) -> dict[str, str]:
        """Slot -> volume of a machine's SCSI disks."""
        config = self.api.nodes(self.host).qemu(machine).config.get()
        return {
            key: str(value).partition(",")[0]
            for key, value in config.items()
            if key == "scsi0" or key in SLOTS
        }

    def make(self, datastore: str, name: str, owner: int = NOBODY) -> str:
        """A new volume's id."""
        content = self.api.nodes(self.host).storage(datastore).content
        return str(content.post(vmid=owner, filename=f"vm-{owner}-{name}", **ROOM))

    def attach(self, machine: int, volume: str) -> str:
        """Hang a volume on a machine; the slot it took."""
        taken = self.disks(machine)
        slot = next(name for name in SLOTS if name not in taken)
        self.finish(
            self.api.nodes(self.host).qemu(machine).config.post(**{slot: f"{volume},backup=0"})
        )
        return slot

    def detach(self, machine: int, slot: str) -> None:
        """Take a volume off a machine."""
        self.api.nodes(self.host).qemu(machine).unlink.put(idlist=slot)

    def delete(self, volume: str) -> None:
        """Free a volume."""
        datastore = volume.partition(":")[0]
        self.finish(self.api.nodes(self.host).storage(datastore).content(volume).delete())

    def free_strays(self) -> list[str]:
        """Free every volume that is named after no machine, off whatever it hangs on; which."""
        node = self.api.nodes(self.host)
        machines = [int(item["vmid"]) for item in node.qemu.get()]
        strays = [
            str(item["volid"])
            for store in node.storage.get(content="images")
            for item in node.storage(store["storage"]).content.get(content="images")
            if int(item["vmid"]) not in machines
        ]
        for machine in machines:
            for slot, volume in self.disks(machine).items():
                if volume in strays:
                    self.detach(machine, slot)
        for volume in strays:
            self.delete(volume)
        return strays

    def stop(self, machine: int) -> None:
        """Pull a machine's plug."""
        self.finish(self.api.nodes(self.host).qemu(machine).status.stop.post())

    def finish(self, task: str) -> None:
        """Wait for a task's good end."""
        deadline = time.monotonic() + TASK_SECONDS
        while time.monotonic() < deadline:
            status = self.api.nodes(self.host).tasks(task).status.get()
            if status["status"] == "stopped":
                if status["exitstatus"] != "OK":
                    raise Failed(f"{task} ended with: {status['exitstatus']}")
                return
            time.sleep(POLL_SECONDS)
        raise Failed(f"{task} has not ended within {TASK_SECONDS:.0f} s")


def tidy(rehearsal: Rehearsal) -> None:
    """Free the volumes that a failed scenario left, where the stack has a Proxmox VE."""
    if rehearsal.cluster().proxmox is not None:
        as_owner(rehearsal).free_strays()


def as_owner(rehearsal: Rehearsal) -> ProxmoxVe:
    """With the administrator's login."""
    login = json.loads(lab_values(rehearsal.stack)[PROXMOX_AUTH])
    return logged_in(rehearsal, user=login["username"], password=login["password"])


def as_driver(rehearsal: Rehearsal) -> ProxmoxVe:
    """With the token that the program made for the storage driver, and its few rights."""
    value = rehearsal.engine.output_of(CSI_TOKEN, "value")
    identity, _, secret = value.partition("=")
    user, _, name = identity.partition("!")
    return logged_in(rehearsal, user=user, token_name=name, token_value=secret)


def logged_in(rehearsal: Rehearsal, **credentials: str) -> ProxmoxVe:
    """The stack's first host."""
    facts = Proxmox.model_validate(rehearsal.facts.read()["proxmox"])
    address = urlsplit(str(facts.endpoint))
    api = ProxmoxAPI(
        address.hostname,
        port=address.port or 8006,
        verify_ssl=str(rehearsal.vendors.bundle),
        timeout=REQUEST_SECONDS,
        **credentials,
    )
    return ProxmoxVe(api=api, host=facts.hosts[0].name)
