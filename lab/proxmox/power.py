# SPDX-License-Identifier: AGPL-3.0-or-later
"""Power: what a task on a guest means for the machine behind it.

fakepve keeps a guest's status; here every start, stop, reset and removal reaches the machine
simulator, and a machine that went off by itself is a guest that stopped. A guest whose boot disk
holds no Talos image runs with nothing inside it. The work of the tasks stays fakepve's.
"""

from typing import Any, Final

from lab.proxmox.errors import TaskError
from lab.proxmox.guests import Guests
from lab.proxmox.machines import MachineError, Machines
from lab.proxmox.state import machine
from lab.proxmox.transfer import TransferError, extensions
from lab.proxmox.volumes import Volumes

AGENT: Final = "siderolabs/qemu-guest-agent"
_START_FAILED: Final = "start failed: QEMU exited with code 1"


class Power:
    """Guests of one host and their machines."""

    def __init__(
        self, machines: Machines, guests: Guests, volumes: Volumes, bridges: set[str]
    ) -> None:
        self._machines = machines
        self._guests = guests
        self._volumes = volumes
        self._bridges = bridges
        # schematic -> its extensions; a schematic never changes.
        self._known: dict[str, list[str]] = {}

    def _describe(self, vm: Any) -> dict[str, Any]:
        return machine.describe(vm.node, vm.vmid, vm.config, self._volumes.origin(vm.config))

    async def _boot(self, vm: Any) -> None:
        described = self._describe(vm)
        if described["image"]["version"]:
            await self._machines.boot(described)

    def before(self, kind: str, vm: Any) -> None:
        """What has to be so before a task's own work; raises `TaskError`."""
        if kind == "qmstart" and vm.status != "running" and not vm.lock:
            self._guests.apply_pending(vm)
            for bridge in machine.bridges(vm.config).values():
                if bridge not in self._bridges:
                    raise TaskError(f"bridge '{bridge}' does not exist")
        if kind == "qmdestroy" and not vm.lock:
            self._volumes.detach_foreign(vm)

    async def after(self, kind: str, vm: Any) -> None:
        """What the machine does once a task's own work is done; raises `TaskError`."""
        name = machine.machine_id(vm.node, vm.vmid)
        try:
            match kind:
                case "qmstart" | "qmcreate" if vm.status == "running":
                    await self._boot(vm)
                case "qmstop" | "qmshutdown":
                    await self._machines.power(name, "off")
                case "qmreboot":
                    await self._machines.power(name, "off")
                    self._guests.apply_pending(vm)
                    await self._boot(vm)
                case "qmreset":
                    await self._machines.power(name, "reset")
                case "qmdestroy":
                    await self._machines.delete(name)
        except MachineError as error:
            if kind in {"qmstart", "qmcreate", "qmreboot"}:
                vm.status = vm.qmpstatus = "stopped"
                raise TaskError(f"{_START_FAILED} ({error})") from error
            raise TaskError(str(error)) from error

    async def changed(self, vm: Any) -> None:
        """The hardware of a running guest changed."""
        described = self._describe(vm)
        if vm.status == "running" and described["image"]["version"]:
            try:
                await self._machines.change(described)
            except MachineError as error:
                raise TaskError(str(error)) from error

    async def observe(self, vm: Any) -> None:
        """Notice a guest that powered itself off."""
        if vm.status != "running" or vm.lock_holder is not None:
            return
        shown = await self._show(vm)
        if shown and shown.get("power") == "off":
            vm.status = vm.qmpstatus = "stopped"

    async def agent(self, vm: Any) -> dict[str, Any] | None:
        """The guest agent's answers; None where no agent runs."""
        shown = await self._show(vm)
        if shown is None or shown.get("power") == "off":
            return None
        # The machine runs what it was upgraded to, which need not be what it was made from.
        running = shown.get("running") or {}
        image = machine.image_of(self._volumes.origin(vm.config))
        schematic = running.get("schematic") or image["schematic"]
        if AGENT not in await self._extensions(vm, schematic):
            return None
        return {"interfaces": _interfaces(shown, self._describe(vm))}

    async def _extensions(self, vm: Any, schematic: str) -> list[str]:
        """A schematic's extensions, asked of the factory the image came from."""
        if schematic not in self._known:
            try:
                found = await extensions(self._volumes.origin(vm.config), schematic)
            except TransferError:
                return []
            self._known[schematic] = found
        return self._known[schematic]

    async def _show(self, vm: Any) -> dict[str, Any] | None:
        try:
            return await self._machines.show(machine.machine_id(vm.node, vm.vmid))
        except MachineError:
            return None


def _interfaces(shown: dict[str, Any], described: dict[str, Any]) -> list[dict[str, Any]]:
    """`network-get-interfaces`: what the machine has now, all of it on its first card."""
    addresses = shown.get("currentAddresses") or described["addresses"]
    found = [_interface("lo", "00:00:00:00:00:00", ["127.0.0.1/8", "::1/128"])]
    for number, mac in enumerate(described["macs"]):
        found.append(_interface(f"eth{number}", mac, [] if number else addresses))
    return found


def _interface(name: str, mac: str, addresses: list[str]) -> dict[str, Any]:
    listed = [_address(text) for text in addresses]
    return {"name": name, "hardware-address": mac, "ip-addresses": listed}


def _address(text: str) -> dict[str, Any]:
    address, _, prefix = text.partition("/")
    kind, whole = ("ipv6", 128) if ":" in address else ("ipv4", 32)
    return {"ip-address": address, "ip-address-type": kind, "prefix": int(prefix or whole)}
