"""An update of a VM: what is sent, what is taken off, and whether the VM may be rebooted for it.

Follows `vmUpdate` of bpg/terraform-provider-proxmox: the comparison is with the state, the removal
of disks with what Proxmox VE says now. A change that the program ignores is none here either: the
vendor's plan leaves it out before the update looks for changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.plugins.proxmoxve import drives, encode, normal
from lab.plugins.proxmoxve.guest import Guest
from lab.plugins.proxmoxve.normal import Model
from provider.rpc import Refused, field_wise, operation
from provider.rpc.diff import parts
from provider.rpc.wire import same

_NEEDS_REBOOT = frozenset(
    {
        "acpi",
        "agent",
        "bios",
        "bootOrders",
        "efiDisk",
        "initialization",
        "keyboardLayout",
        "kvmArguments",
        "machine",
        "operatingSystem",
        "scsiHardware",
        "serialDevices",
        "tabletDevice",
        "tpmState",
        "vga",
    }
)
_HOTPLUG = "network,disk,usb"
_REBOOT_NEEDED = (
    "a reboot is required to apply configuration changes, but automatic reboots are disabled by "
    "'reboot_after_update = false'. Please reboot the VM manually."
)
_NO_INTERFACE = (
    "Defined disk interface not supported. Interface was , but only [ide sata scsi virtio] are "
    "supported"
)


def _forbidden(what: str) -> Refused:
    return Refused(
        f"cannot {what} while the VM is running because this change requires the VM to be powered "
        "off, but automatic power-offs/reboots are disabled by 'reboot_after_update = false'"
    )


class Update:
    """One update, from the state `old` to the wanted `new`."""

    def __init__(self, guest: Guest, old: Model, new: Model) -> None:
        self.guest = guest
        self.old, self.new = normal.comparable(old, new)
        ignored = operation.current().ignored
        self.differing = {
            parts(path)[0] for path in field_wise(self.old, self.new, ignore=ignored).detailed
        }
        self.places = {
            disk["interface"]: f"{disk.get('datastoreId')}:{disk.get('pathInDatastore')}"
            for disk in old.get("disks") or []
            if "interface" in disk
        }
        self.model = new
        self.stopped_by_us = False
        self.warned = False

    def changed(self, name: str) -> bool:
        """Whether a property differs from the state."""
        return name in self.differing

    def run(self) -> None:
        """All of it, in the vendor's order."""
        self._move_pool()
        names = [name for name in encode.ENCODERS if self.changed(name)]
        reboot = any(name in _NEEDS_REBOOT for name in names) or self._cpu_or_memory_reboots()
        sent, gone = encode.encoded(self.model, names)
        config = self.guest.config()
        gone = [key for key in gone if key in config]
        if self.changed("networkDevices"):
            gone += [slot for slot in drives.slots(config, "net") if slot not in sent]
        if self.changed("initialization"):
            sent |= self._move_cloud_init(config)
        if self.changed("disks"):
            disks, removed, aio = self._disks(config)
            sent, gone, reboot = {**sent, **disks}, [*gone, *removed], reboot or aio
        if sent or gone:
            delete = {"delete": ",".join(gone)} if gone else {}
            self.guest.do("", "put", "/config", 1800, **sent, **delete)
        if self.changed("initialization") and not self.model["template"]:
            self.guest.do("error rebuilding cloud-init drive", "put", "/cloudinit", 60)
        self._settle(reboot=reboot)

    def _cpu_or_memory_reboots(self) -> bool:
        hotplug = str(self.old.get("hotplug") or _HOTPLUG)
        cpu = self.changed("cpu")
        if cpu:
            old, new = self.old.get("cpu") or {}, self.new.get("cpu") or {}
            only_vcpus = all(
                same(old.get(key), value) for key, value in new.items() if key != "hotplugged"
            )
            cpu = not (only_vcpus and "cpu" in hotplug)
        memory = self.changed("memory")
        if memory:
            old, new = self.old.get("memory") or {}, self.new.get("memory") or {}
            grows = all(
                new.get(key, 0) >= old.get(key, 0) for key in ("dedicated", "floating", "shared")
            )
            memory = not (grows and "memory" in hotplug)
        return cpu or memory

    def _move_pool(self) -> None:
        """From pool to pool; an empty name leaves the VM where it is."""
        wanted, current = self.model.get("poolId"), self.old.get("poolId")
        if not wanted or wanted == current:
            return
        members = {"vms": str(self.guest.vm_id)}
        if current:
            self.guest.api.put("pools", poolid=current, delete=1, **members)
        self.guest.api.put("pools", poolid=wanted, **members)

    def _power_off_for(self, what: str) -> None:
        """Stop the VM for a change that a running one cannot take."""
        if self.guest.status() == "stopped":
            return
        if not self.model["rebootAfterUpdate"]:
            raise _forbidden(what)
        self.stopped_by_us = self.guest.ensure_stopped() or self.stopped_by_us

    def _move_cloud_init(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The cloud-init drive anew when its slot, store or format changes; else nothing."""
        new = self.new.get("initialization")
        if not isinstance(new, Mapping):
            return {}
        slot, _ = drives.cloud_init_drive(config, self.guest.vm_id)
        wanted = new.get("interface") or slot or encode.CLOUD_INIT
        old = self.old.get("initialization") or {}
        moved = not slot or wanted != slot or old.get("datastoreId") != new["datastoreId"]
        if not (moved or ("fileFormat" in new and old.get("fileFormat") != new["fileFormat"])):
            return {}
        self._power_off_for("move the Cloud-Init drive")
        if slot:
            self.guest.do("", "put", "/config", 60, delete=slot)
        drive = encode.cloud_init_slot({"initialization": {**new, "interface": wanted}})
        return dict(drive)

    def _disks(self, config: Mapping[str, Any]) -> tuple[dict[str, Any], list[str], bool]:
        """New and changed disks, the slots to take off, and whether that needs a reboot."""
        wanted = {disk["interface"]: disk for disk in self.new.get("disks") or []}
        known = {disk.get("interface"): disk for disk in self.old.get("disks") or []}
        there = drives.disk_slots(config, self.guest.vm_id)
        sent: dict[str, Any] = {}
        reboot = False
        for slot, disk in wanted.items():
            if slot not in there:
                sent[slot] = drives.new_disk(disk)
            elif not same(_options_of(known.get(slot, {})), _options_of(disk)):
                volume = drives.options(str(config[slot]))[0]
                sent[slot] = f"file={volume},{drives.disk_options(disk)}"
                reboot = reboot or known.get(slot, {}).get("aio") != disk["aio"]
        removed = [slot for slot in there if slot not in wanted]
        for slot in removed:
            if slot in (self.model.get("bootOrders") or []):
                raise Refused(
                    f'cannot delete boot disk "{slot}". Please remove it from boot order first or '
                    "change boot order before deleting"
                )
        return sent, removed, reboot

    def _settle(self, *, reboot: bool) -> None:
        """Move and resize disks, then bring the VM to the power it should have."""
        moves, resizes = self._disk_changes()
        if moves:
            self._power_off_for("move disks between datastores")
        for slot, store in moves.items():
            move = {"disk": slot, "storage": store, "delete": 1}
            what = "Disk move: error moving VM disk"
            self.guest.do(what, "post", "/move_disk", self.model["timeoutMoveDisk"], **move)
        reboot = self._apply_offline(reboot=reboot, resizes=resizes)
        for slot, size in resizes.items():
            self.guest.resize("Disk resize", slot, size)
        self._power(reboot=reboot)

    def _apply_offline(self, *, reboot: bool, resizes: Mapping[str, int]) -> bool:
        """Power off for pending changes when allowed; whether a reboot is still to come."""
        if self.model["template"] or not reboot:
            return reboot
        if self.guest.status() == "stopped":
            return False
        if self.model["rebootAfterUpdate"]:
            self.stopped_by_us = self.guest.ensure_stopped() or self.stopped_by_us
            return False
        if resizes:
            raise _forbidden("resize disks")
        operation.current().warn(_REBOOT_NEEDED)
        return False

    def _power(self, *, reboot: bool) -> None:
        running = self.guest.status() != "stopped"
        if self.model["template"]:
            self.guest.ensure_stopped()
        elif self.model["started"]:
            if not running:
                self.guest.start()
            elif reboot:
                self.guest.restart()
        elif self.changed("started") and running:
            self.guest.ensure_stopped()

    def _disk_changes(self) -> tuple[dict[str, str], dict[str, int]]:
        """Disks that go to another store, and disks that grow; shrinking is refused."""
        if not self.changed("disks"):
            return {}, {}
        known = {disk.get("interface"): disk for disk in self.old.get("disks") or []}
        if None in known:  # a disk of the state that was gone at the last refresh
            raise Refused(_NO_INTERFACE)
        moves, resizes = {}, {}
        for disk in self.new.get("disks") or []:
            before = known.get(disk["interface"])
            if before is None:
                continue
            if before["datastoreId"] != disk["datastoreId"]:
                moves[disk["interface"]] = disk["datastoreId"]
            if before["size"] > disk["size"]:
                raise Refused(
                    f"Cannot shrink {self.places[disk['interface']]} in VM {self.guest.vm_id}, "
                    "it is not supported!"
                )
            if before["size"] < disk["size"]:
                resizes[disk["interface"]] = disk["size"]
        return moves, resizes


_APART = ("datastoreId", "fileFormat", "fileId", "importFrom", "pathInDatastore", "size")


def _options_of(disk: Mapping[str, Any]) -> Model:
    """A disk's options: what an update of its line changes. No limits and zero limits are one."""
    found = {key: value for key, value in disk.items() if key not in _APART}
    if not any((found.get("speed") or {}).values()):
        found.pop("speed", None)
    return found
