# SPDX-License-Identifier: AGPL-3.0-or-later
"""Power: what a task on a guest means for the machine behind it.

fakepve keeps a guest's status; here every start, stop, reset and removal reaches the machine
simulator, and a machine that went off by itself is a guest that stopped. The work of the tasks
stays fakepve's.
"""

from typing import Any, Final

from lab.proxmox.errors import TaskError
from lab.proxmox.guests import Guests
from lab.proxmox.machines import MachineError, Machines
from lab.proxmox.state import machine
from lab.proxmox.volumes import Volumes

AGENT_EXTENSION: Final = "qemu-guest-agent"
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

    def _describe(self, vm: Any) -> dict[str, Any]:
        return machine.describe(vm.node, vm.vmid, vm.config, self._volumes.origin(vm.config))

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
                    await self._machines.boot(self._describe(vm))
                case "qmstop" | "qmshutdown":
                    await self._machines.power(name, "off")
                case "qmreboot":
                    await self._machines.power(name, "off")
                    self._guests.apply_pending(vm)
                    await self._machines.boot(self._describe(vm))
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
        if vm.status == "running":
            try:
                await self._machines.change(self._describe(vm))
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
        extensions = [str(name).rpartition("/")[2] for name in (shown or {}).get("extensions", [])]
        if shown is None or AGENT_EXTENSION not in extensions or shown.get("power") == "off":
            return None
        return {"interfaces": _interfaces(shown, self._describe(vm))}

    async def _show(self, vm: Any) -> dict[str, Any] | None:
        try:
            return await self._machines.show(machine.machine_id(vm.node, vm.vmid))
        except MachineError:
            return None


def _interfaces(shown: dict[str, Any], described: dict[str, Any]) -> list[dict[str, Any]]:
    """`network-get-interfaces`: the machine's own list, else what its configuration promises."""
    listed = shown.get("interfaces") or [
        {"name": f"eth{number}", "mac": mac, "addresses": [] if number else described["addresses"]}
        for number, mac in enumerate(described["macs"])
    ]
    loopback = {"name": "lo", "mac": "00:00:00:00:00:00", "addresses": ["127.0.0.1/8", "::1/128"]}
    return [
        {
            "name": entry["name"],
            "hardware-address": entry.get("mac", ""),
            "ip-addresses": [_address(text) for text in entry.get("addresses", [])],
        }
        for entry in [loopback, *(entry for entry in listed if entry["name"] != "lo")]
    ]


def _address(text: str) -> dict[str, Any]:
    address, _, prefix = text.partition("/")
    kind = "ipv6" if ":" in address else "ipv4"
    return {"ip-address": address, "ip-address-type": kind, "prefix": int(prefix or 32)}
