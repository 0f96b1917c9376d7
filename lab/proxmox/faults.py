# SPDX-License-Identifier: AGPL-3.0-or-later
"""Faults as data: each kind is put into the host's state, and taken out of it again.

`POST /-/faults` adds one, `DELETE /-/faults` ends them all; a restart ends them too. Nothing is
patched: every fault is a state fakepve (or the storage) has anyway, but for an answer that is late,
which a middleware keeps back.
"""

import asyncio
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from lab.proxmox import wire
from lab.proxmox.errors import died


class Faults:
    """The faults in force on one host."""

    def __init__(self, host: Any) -> None:
        """`host` is the `fakepve.FakePve` they act on."""
        self._host = host
        self._active: list[wire.Fault] = []
        # Free bytes of the storages that were filled, to give back.
        self._free: dict[str, int] = {}

    def listing(self) -> list[dict[str, Any]]:
        """The faults in force, as they were given."""
        return [fault.model_dump(by_alias=True, exclude_none=True) for fault in self._active]

    async def add(self, fault: wire.Fault) -> None:
        """Put a fault in force."""
        host = self._host
        match fault:
            case wire.Fail():
                self._fail(fault)
            case wire.SlowNetwork():
                host.slow_network(fault.latency, fault.jitter)
            case wire.LateAnswer():
                pass  # `late` looks for it at every answer
            case wire.FlakyNetwork():
                rates = (fault.drop_rate, fault.hang_rate, fault.hang_seconds, fault.seed)
                host.flaky_network(*rates)
            case wire.QuorumLost():
                host.lose_quorum()
            case wire.NodeOffline():
                host.set_node_offline(fault.node)
            case wire.RevokeTickets():
                host.revoke_tickets()
            case wire.StorageOffline() | wire.StorageFull():
                self._storage(fault)
            case _:
                await self._guest(fault)
        self._active.append(fault)

    @web.middleware
    async def late(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Keep back the answers that are to come late."""
        answer = await handler(request)
        for fault in self._active:
            if (
                isinstance(fault, wire.LateAnswer)
                and request.method == fault.method
                and request.path.startswith(wire.API + fault.path)
            ):
                await asyncio.sleep(fault.seconds)
        return answer

    def _fail(self, fault: wire.Fail) -> None:
        self._host.fail(
            fault.method,
            fault.path,
            fault.status,
            fault.message,
            error=fault.error,
            times=fault.times,
        )

    def _storage(self, fault: wire.StorageOffline | wire.StorageFull) -> None:
        if fault.storage not in self._host.storages:
            raise died(f"storage '{fault.storage}' does not exist")
        store = self._host.storages[fault.storage]
        if isinstance(fault, wire.StorageFull):
            # Twice full is still full: the first one knows what there was.
            self._free.setdefault(fault.storage, store["avail"])
            store["avail"] = 0
        else:
            store["active"] = 0

    async def _guest(self, fault: Any) -> None:
        guest = self._host.vm(fault.vmid)
        if guest is None:
            raise died(f"there is no guest {fault.vmid} to have a fault")
        match fault:
            case wire.ConfigLock():
                await self._host.hold_config_lock(fault.vmid, None)
            case wire.GuestLock():
                self._host.snapshot_lock(fault.vmid, fault.lock)
            case wire.StartError():
                guest.start_error = fault.message
            case wire.DeafGuest():
                guest.acpi = False

    def clear(self) -> None:
        """End every fault."""
        host = self._host
        host.failures.clear()
        host.slow_network(0.0)
        host.flaky_network()
        host.regain_quorum()
        for fault in self._active:
            match fault:
                case wire.NodeOffline():
                    host.set_node_offline(fault.node, offline=False)
                case wire.StorageOffline():
                    host.storages[fault.storage]["active"] = 1
                case wire.StorageFull():
                    # What was freed meanwhile has already been counted.
                    host.storages[fault.storage]["avail"] += self._free.pop(fault.storage, 0)
                case wire.ConfigLock() | wire.GuestLock() | wire.StartError() | wire.DeafGuest():
                    self._heal(fault)
        self._active.clear()

    def _heal(self, fault: Any) -> None:
        guest = self._host.vm(fault.vmid)
        if guest is None:
            return
        match fault:
            case wire.ConfigLock():
                self._host.release_config_lock(fault.vmid)
            case wire.GuestLock():
                self._host.unlock(fault.vmid)
            case wire.StartError():
                guest.start_error = None
            case wire.DeafGuest():
                guest.acpi = True
