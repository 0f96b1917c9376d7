# SPDX-License-Identifier: AGPL-3.0-or-later
"""Volumes of virtual machines: checked, allocated, imported, freed.

A port of `check_storage_access` and `create_disks` of qemu-server 9 over fakepve's storages, for
the kinds fakepve treats as ordinary disks: cloud-init drives and imported images.
"""

import time
from typing import Any, Final

from lab.proxmox.errors import died, forbidden, invalid
from lab.proxmox.permissions import Permissions
from lab.proxmox.state import machine
from lab.proxmox.state.access import ROOT
from lab.proxmox.state.drives import (
    CLOUDINIT_BYTES,
    Drive,
    cloudinit_key,
    drives,
    format_size,
    next_unused,
)

_IMPORT_SYNTAX: Final = (
    "'import-from' requires special syntax - use <storage ID>:0,import-from=<source>"
)
_NOT_IMPORTABLE: Final = ("iso/", "vztmpl/", "backup/", "snippets/")


class Volumes:
    """What guests have on the storages of one host."""

    def __init__(self, host: Any, permissions: Permissions) -> None:
        """`host` is the `fakepve.FakePve` whose storages these are."""
        self._host = host
        self._may = permissions

    def check_import(self, user: str, vmid: int, key: str, value: str) -> None:
        """What `check_drive_param` and `check_storage_access` say of an `import-from`."""
        drive = Drive.parse(value)
        source = drive.options.get("import-from")
        if source is None:
            return
        wanted = drive.to_allocate()
        if wanted is None or wanted[1] != 0:
            raise invalid(**{key: _IMPORT_SYNTAX})
        image = Drive(source)
        if image.storage is None:
            if user != ROOT:
                raise died("Only root can pass arbitrary filesystem paths.")
            return
        if image.storage not in self._host.storages:
            raise died(f"storage '{image.storage}' does not exist")
        kind = "import" if image.name.startswith("import/") else "images"
        if image.name.startswith(_NOT_IMPORTABLE):
            kind = image.name.partition("/")[0]
            text = f"{source} has wrong type '{kind}' - needs to be 'images' or 'import'"
            raise invalid(**{key: text})
        self._check_source(user, vmid, image, kind)

    def _check_source(self, user: str, vmid: int, image: Drive, kind: str) -> None:
        path, needed = f"/storage/{image.storage}", "Datastore.AllocateSpace|Datastore.Audit"
        if self._may.has(user, path, "Datastore.Allocate"):
            return
        if kind != "import":
            if image.owner in {None, vmid}:
                return
            path, needed = f"/vms/{image.owner}", "VM.Clone"
        if not self._may.has(user, path, needed):
            raise forbidden(f"{path}, {needed}")

    def new_drive(
        self, vmid: int, config: dict[str, Any], key: str, value: str, default: str | None
    ) -> tuple[str, list[str]]:
        """`create_disks` for one drive: its value once its volume exists, and the volumes made."""
        drive = Drive.parse(value)
        if drive.name == "cloudinit":
            return self._cloudinit_drive(vmid, config, key, drive, default)
        if "import-from" in drive.options:
            return self._imported_drive(vmid, drive, default)
        text, made = self._host.plain_new_drive(vmid, key, value, default)
        return str(text), list(made)

    def _cloudinit_drive(
        self, vmid: int, config: dict[str, Any], key: str, drive: Drive, default: str | None
    ) -> tuple[str, list[str]]:
        storage = drive.storage or default
        if not storage:
            raise died("no storage ID specified (and no default storage)")
        attached = cloudinit_key(config, but=key)
        if attached:
            raise died(f"{key} - cloud-init drive is already attached at '{attached}'")
        store = self._host.storages.get(storage)
        if store is None:
            raise died(f"storage '{storage}' does not exist")
        name, made_format = f"vm-{vmid}-cloudinit", drive.options.get("format", "raw")
        if store.get("type") == "dir":
            made_format = drive.options.get("format", "qcow2")
            name = f"{vmid}/{name}.{made_format}"
        self._record(storage, name, vmid, made_format, CLOUDINIT_BYTES)
        volume = f"{storage}:{name}"
        kept = Drive(volume, {**drive.options, "media": "cdrom"}).without("format")
        return str(kept), [volume]

    def _record(self, storage: str, name: str, vmid: int, made_format: str, size: int) -> None:
        """Allocate a volume under a name of its own."""
        store = self._host.storages[storage]
        if size > store.get("avail", size):
            raise died(f"unable to write to storage '{storage}': No space left on device")
        if "avail" in store:
            store["avail"] -= size
        store.setdefault("volumes", {})[name] = {
            "content": "images",
            "format": made_format,
            "size": size,
            "vmid": vmid,
            "ctime": int(time.time()),
        }

    def _imported_drive(
        self, vmid: int, drive: Drive, default: str | None
    ) -> tuple[str, list[str]]:
        source = drive.options["import-from"]
        wanted = drive.to_allocate()
        storage = (wanted[0] if wanted else None) or default
        if not storage:
            raise died("no storage ID specified (and no default storage)")
        image = self.volume(source)
        if image is None:
            raise died(f"cannot import from '{source}' - could not get size of {source}")
        size = int(image.get("virtual") or image["size"])
        volume, _ = self._host.allocate(storage, vmid, drive.options.get("format"), size)
        made = self.volume(volume)
        if made is not None and image.get("origin"):
            made["origin"] = image["origin"]
        kept = Drive(volume, drive.options).without("import-from", "format")
        return str(kept.having(size=format_size(size))), [volume]

    def volume(self, volume: str) -> dict[str, Any] | None:
        """The storage's record of a volume."""
        place = Drive(volume)
        store = self._host.storages.get(place.storage or "", {})
        found: dict[str, Any] | None = store.get("volumes", {}).get(place.name)
        return found

    def origin(self, config: dict[str, Any]) -> str:
        """The URL the boot disk's content was downloaded from, or an empty string."""
        disk = machine.boot_disk(config)
        record = self.volume(disk.volume) if disk else None
        return str(record.get("origin", "")) if record else ""

    def unused_for(self, vm: Any, drive: Drive) -> None:
        """A drive left its place (`vmconfig_register_unused_drive`): its own disks stay at hand."""
        if drive.is_cloudinit:
            self._host.release_volume(drive.volume)
        elif not drive.is_cdrom and drive.owner == vm.vmid:
            vm.config[next_unused(vm.config)] = drive.volume

    def detach_foreign(self, vm: Any) -> None:
        """Before a guest is destroyed: only volumes named after it are freed with it."""
        for key, drive in drives(vm.config).items():
            if drive.owner != vm.vmid:
                del vm.config[key]
