# SPDX-License-Identifier: AGPL-3.0-or-later
"""May this user call this method, set this option: the checks of Proxmox VE before a handler runs.

A port of `check_api2_permissions` and `exec_api2_perm_check` (pve-access-control) and of
`check_vm_modify_config_perm` (qemu-server). It reads the access control state and changes nothing.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from lab.proxmox.errors import PveError, died, forbidden
from lab.proxmox.state.access import ROOT, AccessControl, Pools, normalize_path

# Either privilege will do; written as PVE writes it in its refusal.
CLOUDINIT: Final = "VM.Config.Cloudinit|VM.Config.Network"
_OPTIONS: Final = {
    "VM.Config.CPU": "cores cpu runningcpu cpulimit cpuunits numa smp sockets vcpus",
    "VM.Config.Memory": "memory balloon shares allow-ksm",
    "VM.Config.HWType": (
        "acpi hotplug kvm machine runningmachine scsihw smbios1 tablet vga watchdog audio0 rng0"
    ),
    "VM.Config.Options": (
        "agent autostart bios description keyboard localtime migrate_downtime migrate_speed name "
        "onboot ostype protection reboot startdate startup tdf template tags vmgenid"
    ),
    "VM.PowerMgmt": "freeze",
    "VM.Config.Disk": "boot bootdisk vmstatestorage",
    CLOUDINIT: "cicustom cipassword citype ciuser ciupgrade nameserver searchdomain sshkeys",
}
_PRIVILEGE: Final = {
    option: privilege for privilege, options in _OPTIONS.items() for option in options.split()
}
_NUMBERED: Final = {
    "numa": "VM.Config.CPU",
    "net": "VM.Config.Network",
    "ipconfig": CLOUDINIT,
    "unused": "VM.Config.Disk",
    "scsi": "VM.Config.Disk",
    "sata": "VM.Config.Disk",
    "ide": "VM.Config.Disk",
    "virtio": "VM.Config.Disk",
    "efidisk": "VM.Config.Disk",
    "tpmstate": "VM.Config.Disk",
    "serial": "VM.Config.HWType",
    "usb": "VM.Config.HWType",
    "hostpci": "VM.Config.HWType",
    "virtiofs": "VM.Config.Disk",
}


def option_privilege(option: str) -> str:
    """The privilege one needs on a guest to set an option; `root` for those that only root sets."""
    known = _PRIVILEGE.get(option)
    return known or _NUMBERED.get(option.rstrip("0123456789"), "root")


class Permissions:
    """The checks of one host."""

    def __init__(self, control: AccessControl, pools: Callable[[], Pools]) -> None:
        self._control = control
        self._pools = pools

    def has(self, user: str, path: str, privilege: str) -> bool:
        """Whether the user (or token) holds the privilege, or one of `A|B`, on the path."""
        clean = normalize_path(path)
        if clean is None:
            return False
        held = self._control.privileges(user, clean, self._pools())
        return any(name in held for name in privilege.split("|"))

    def check_bridge(self, user: str, bridge: str) -> None:
        """`check_vnet_access`: since PVE 8 a guest's bridge needs SDN.Use."""
        path = f"/sdn/zones/localnetwork/{bridge}"
        if user != ROOT and not self.has(user, path, "SDN.Use"):
            raise forbidden(f"{path}, SDN.Use")

    def check_method(self, user: str | None, rule: Any, values: Mapping[str, Any]) -> None:
        """`check_api2_permissions`, for the `permissions` of a method in the API's schema."""
        kind = (rule or {}).get("user")
        if kind == "world" or user == ROOT:
            return
        if user is None:
            raise forbidden("user != null")
        if not rule:
            raise forbidden("user != root@pam")
        if kind == "all":
            return
        if "check" not in rule:
            raise forbidden()
        self._check(rule["check"], user, values)

    def _check(self, rule: list[Any], user: str, values: Mapping[str, Any]) -> None:
        match rule[0]:
            case "and":
                for part in rule[1:]:
                    self._check(part, user, values)
            case "or":
                if not any(self._passes(part, user, values) for part in rule[1:]):
                    raise forbidden()
            case "perm":
                self._perm(rule, user, values)
            case "userid-group":
                self._userid_group(rule, user, values)
            case "userid-param":
                self._userid_param(rule, user, values)
            case "perm-modify":
                self._perm_modify(user, values)
            case unknown:
                raise died(f"unknown permission test '{unknown}'")

    def _passes(self, rule: list[Any], user: str, values: Mapping[str, Any]) -> bool:
        try:
            self._check(rule, user, values)
        except PveError:
            return False
        return True

    def _perm(self, rule: list[Any], user: str, values: Mapping[str, Any]) -> None:
        template, privileges = rule[1], rule[2]
        options = dict(zip(rule[3::2], rule[4::2], strict=True))
        needed = options.get("require_param")
        if needed and values.get(needed) is None:
            raise forbidden()
        path = re.sub(r"\{(\w+)\}", lambda name: str(values.get(name[1], "")), template)
        path = normalize_path(path) or ""
        if options.get("any"):
            if not self.has(user, path, "|".join(privileges)):
                raise forbidden(f"{path}, {'|'.join(privileges)}")
            return
        for privilege in privileges:
            if not self.has(user, path, privilege):
                raise forbidden(f"{path}, {privilege}")

    def _userid_group(self, rule: list[Any], user: str, values: Mapping[str, Any]) -> None:
        privileges = rule[1]
        creates = dict(zip(rule[2::2], rule[3::2], strict=True)).get("groups_param") == "create"
        userid = values.get("userid")
        if not creates and userid not in self._control.users:
            raise died(f"no such user ('{userid}')")
        wanted = "|".join(privileges)
        if self.has(user, "/access/groups", wanted):
            return
        groups = [g for g in self._control.groups if self.has(user, f"/access/groups/{g}", wanted)]
        if len(rule) > 2:
            given = re.split(r"[\s,;]+", str(values.get("groups") or "").strip())
            missing = [group for group in given if group not in groups]
            if missing:
                tail = f"/{missing[0]}" if missing[0] else ""
                raise forbidden(f"/access/groups{tail}, {wanted}")
        if not creates and not set(groups) & set(self._control.users[str(userid)].groups):
            raise forbidden()

    def _userid_param(self, rule: list[Any], user: str, values: Mapping[str, Any]) -> None:
        userid = str(values.get("userid", ""))
        if rule[1] == "self":
            if user != userid or userid not in self._control.users:  # a token is not its user
                raise forbidden()
            return
        path = f"/access/realm/{userid.rpartition('@')[2]}"
        if not self.has(user, path, rule[1]):
            raise forbidden(f"{path}, {rule[1]}")

    def _perm_modify(self, user: str, values: Mapping[str, Any]) -> None:
        path = normalize_path(str(values.get("path", "")))
        if path is None:
            return  # the handler refuses it
        wanted = "Permissions.Modify"
        for prefix, allocate in (
            ("/storage/", "Datastore.Allocate"),
            ("/vms/", "VM.Allocate"),
            ("/pool/", "Pool.Allocate"),
        ):
            if path.startswith(prefix):
                wanted = f"{wanted}|{allocate}"
        if not self.has(user, path, wanted):
            raise forbidden(f"{path}, {wanted}")
