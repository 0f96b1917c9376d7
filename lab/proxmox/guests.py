# SPDX-License-Identifier: AGPL-3.0-or-later
"""The configuration of virtual machines: updates, pending changes, hotplug, larger disks.

A port of `update_vm_api`, `vmconfig_hotplug_pending` and `resize_vm` of qemu-server 9 over
fakepve's guests. Allocation is in `volumes`; power and the create task stay fakepve's.
"""

import re
from typing import Any, Final

from fakepve.qemu import with_mac

from lab.proxmox.errors import died, forbidden, invalid
from lab.proxmox.permissions import Permissions, option_privilege
from lab.proxmox.state import machine
from lab.proxmox.state.access import ROOT
from lab.proxmox.state.drives import (
    Drive,
    changes_at_once,
    format_size,
    is_drive,
    parse_size,
    resized,
)
from lab.proxmox.volumes import Volumes

# `$fast_plug_option` (the cloud-init options are in it too): a running guest takes them at once.
_FAST: Final = (
    "description hookscript lock migrate_downtime migrate_speed name onboot protection shares "
    "startup tags vmstatestorage cicustom cipassword citype ciuser ciupgrade nameserver "
    "searchdomain sshkeys agent cpuunits cpulimit"
)
_NOT_OPTIONS: Final = ("node", "vmid", "digest", "delete", "revert", "force", "skiplock")
_DEFAULT_HOTPLUG: Final = "network,disk,usb"


class Guests:
    """What can be done to a guest's configuration on one host."""

    def __init__(self, host: Any, permissions: Permissions, volumes: Volumes) -> None:
        """`host` is the `fakepve.FakePve` whose guests these are."""
        self._host = host
        self._may = permissions
        self._volumes = volumes
        # (VMID, key) of drives whose deletion frees the volume.
        self._forced: set[tuple[int, str]] = set()

    # ------------------------------------------------------------------- updates

    async def update(self, vm: Any, user: str, values: dict[str, Any]) -> None:
        """`PUT /nodes/{node}/qemu/{vmid}/config`, after the schema's checks."""
        host = self._host
        host.need_quorum()
        digest = values.get("digest")
        if digest and digest != vm.digest():
            raise died("checksum mismatch (file change by other user?)")
        if values.get("skiplock") and user != ROOT:
            raise invalid(skiplock="Only root may use this option.")
        changes = {key: value for key, value in values.items() if key not in _NOT_OPTIONS}
        deletes = re.split(r"[\s,;]+", str(values.get("delete") or "").strip())
        deletes = [key for key in deletes if key]
        for key in re.split(r"[\s,;]+", str(values.get("revert") or "").strip()):
            vm.pending.pop(key, None)
        for key in deletes:
            if key in changes:
                text = f"you can't use '-{key}' and -delete {key}' at the same time"
                raise invalid(delete=text)
        self._check_update(vm, user, changes, deletes)
        if vm.lock and not values.get("skiplock"):
            raise died(f"VM is locked ({vm.lock})")
        async with host.config_lock(vm):
            self._to_pending(vm, user, changes, deletes, force=bool(values.get("force")))
            if vm.status == "running":
                self._hotplug(vm)
            else:
                self.apply_pending(vm)
        vm.name = vm.config.get("name") or f"VM {vm.vmid}"

    def _check_update(
        self, vm: Any, user: str, changes: dict[str, Any], deletes: list[str]
    ) -> None:
        path = f"/vms/{vm.vmid}"
        for key in [*changes, *deletes]:
            needed = [option_privilege(key)]
            if is_drive(key):
                text = str(changes.get(key, vm.config.get(key, "")))
                needed = _drive_privileges(Drive.parse(text))
            for privilege in needed:
                if user == ROOT:
                    break
                if privilege == "root":
                    raise died(f"only root can set '{key}' config")
                if not self._may.has(user, path, privilege):
                    raise forbidden(f"{path}, {privilege}")
        for key, value in changes.items():
            if is_drive(key):
                self._volumes.check_import(user, vm.vmid, key, str(value))
                self._host.check_plain_drive(user, vm.vmid, key, str(value))
        for bridge in machine.bridges(changes).values():
            self._may.check_bridge(user, bridge)
        order = str(changes.get("boot", ""))
        devices = {**vm.config, **vm.pending, **changes}
        for device in order.removeprefix("order=").split(";") if order else []:
            if device and (device in deletes or not devices.get(device)):
                raise died(f"invalid bootorder: device '{device}' does not exist'")

    def _to_pending(
        self, vm: Any, user: str, changes: dict[str, Any], deletes: list[str], *, force: bool
    ) -> None:
        """`update_vm_api`: everything goes through the pending section."""
        for key in deletes:
            if force:
                self._forced.add((vm.vmid, key))
            self._delete(vm, user, key)
        for key, value in changes.items():
            if vm.pending.get(key) != value:
                self._change(vm, key, value)
        for key in [k for k, x in vm.pending.items() if x is not None and vm.config.get(k) == x]:
            del vm.pending[key]

    def _delete(self, vm: Any, user: str, key: str) -> None:
        if key.startswith("unused") and key in vm.config:
            path = f"/vms/{vm.vmid}"
            if not self._may.has(user, path, "VM.Config.Disk"):
                raise forbidden(f"{path}, VM.Config.Disk")
            self._host.release_volume(vm.config.pop(key))
        elif key in vm.config or key in vm.pending:
            if is_drive(key) and vm.config.get("protection") in {1, "1"}:
                raise died(f"can't remove drive '{key}' - protection mode enabled")
            self._forget_pending_drive(vm, key)
            vm.pending[key] = None

    def _change(self, vm: Any, key: str, value: Any) -> None:
        if is_drive(key):
            self._forget_pending_drive(vm, key)
            whole = {**vm.config, **{k: x for k, x in vm.pending.items() if x}}
            vm.pending[key], _ = self._volumes.new_drive(vm.vmid, whole, key, str(value), None)
        elif re.fullmatch(r"net\d+", key):
            vm.pending[key] = with_mac(value)
        elif key == "tags":
            vm.pending[key] = unique_tags(str(value))
        else:
            vm.pending[key] = value

    def _forget_pending_drive(self, vm: Any, key: str) -> None:
        before = vm.pending.pop(key, None)
        if before and is_drive(key):
            self._volumes.unused_for(vm, Drive.parse(str(before)))

    def _hotplug(self, vm: Any) -> None:
        """`vmconfig_hotplug_pending`: what a running guest can take leaves the pending section."""
        features = str(vm.config.get("hotplug", _DEFAULT_HOTPLUG))
        features = _DEFAULT_HOTPLUG if features == "1" else features
        for key, value in list(vm.pending.items()):
            if self._is_hot(vm, key, value, features.split(",")):
                self._commit(vm, key, vm.pending.pop(key))

    def _is_hot(self, vm: Any, key: str, value: Any, features: list[str]) -> bool:
        if key in _FAST.split() or key.startswith("ipconfig"):
            return True
        if key.startswith("net"):
            return "network" in features
        if not is_drive(key) or key.startswith(("efidisk", "tpmstate")):
            return False
        if value is None:
            return "disk" in features and key.startswith(("scsi", "virtio"))
        old = Drive.parse(str(vm.config[key])) if key in vm.config else None
        new = Drive.parse(str(value))
        return changes_at_once(old, new, key, hotplug="disk" in features)

    def apply_pending(self, vm: Any) -> None:
        """`vmconfig_apply_pending`: a stopped guest takes everything."""
        pending, vm.pending = dict(vm.pending), {}
        for key, value in pending.items():
            self._commit(vm, key, value)

    def _commit(self, vm: Any, key: str, value: Any) -> None:
        old = Drive.parse(str(vm.config[key])) if is_drive(key) and key in vm.config else None
        if value is None:
            vm.config.pop(key, None)
        else:
            vm.config[key] = value
        replaced = value is None or (old and Drive.parse(str(value)).volume != old.volume)
        if old and replaced and (vm.vmid, key) in self._forced and old.owner == vm.vmid:
            self._host.release_volume(old.volume)
        elif old and replaced:
            self._volumes.unused_for(vm, old)
        self._forced.discard((vm.vmid, key))
        if old and value is None and "boot" in vm.config:
            order = str(vm.config["boot"]).removeprefix("order=").split(";")
            vm.config["boot"] = "order=" + ";".join(device for device in order if device != key)

    # -------------------------------------------------------------------- resize

    def resize(self, vm: Any, user: str, values: dict[str, Any]) -> None:
        """The work of a `resize` task."""
        if values.get("digest") and values["digest"] != vm.digest():
            raise died("checksum mismatch (file change by other user?)")
        if vm.lock:
            raise died(f"VM is locked ({vm.lock})")
        key = values["disk"]
        if key not in vm.config:
            raise died(f"disk '{key}' does not exist")
        drive = Drive.parse(str(vm.config[key]))
        if drive.is_cdrom:
            raise died("you can't resize a cdrom")
        path = f"/storage/{drive.storage}"
        if not self._may.has(user, path, "Datastore.AllocateSpace"):
            raise forbidden(f"{path}, Datastore.AllocateSpace")
        record = self._volumes.volume(drive.volume)
        stored = int(record["size"]) if record else 0
        current = stored or parse_size(drive.options.get("size", "0"))
        size = resized(current, str(values["size"])) or 0
        if size < current:
            raise died("shrinking disks is not supported")
        if record is not None:
            self._host.take_space(drive.storage, size - current)
            record["size"] = size
        vm.config[key] = str(drive.having(size=format_size(size)))


def unique_tags(text: str) -> str:
    """`get_unique_tags`: lower case, sorted, once each, by semicolons."""
    return ";".join(sorted({tag.lower() for tag in re.split(r"[\s,;]+", text) if tag}))


def _drive_privileges(drive: Drive) -> list[str]:
    if drive.is_cloudinit:
        return ["VM.Config.Cloudinit", "VM.Config.CDROM"]
    return ["VM.Config.CDROM" if drive.is_cdrom else "VM.Config.Disk"]
