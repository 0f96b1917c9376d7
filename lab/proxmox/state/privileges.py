# SPDX-License-Identifier: AGPL-3.0-or-later
"""The privileges of Proxmox VE 9 and the roles it is born with.

Derived as `PVE::AccessControl::create_roles` derives them (pve-access-control 9.1.1). It knows
names only: who holds what, where, is in `access`.
"""

from typing import Final

_VM_ADMIN: Final = (
    "VM.Config.Disk VM.Config.CPU VM.Config.Memory VM.Config.Network VM.Config.HWType "
    "VM.Config.Options VM.Allocate VM.Clone VM.GuestAgent.Unrestricted VM.Migrate VM.Replicate "
    "VM.Snapshot VM.Snapshot.Rollback"
)
_VM_USER: Final = (
    "VM.Config.CDROM VM.Config.Cloudinit VM.Console VM.Backup VM.GuestAgent.FileRead "
    "VM.GuestAgent.FileSystemMgmt VM.GuestAgent.FileWrite VM.PowerMgmt"
)
# category -> (only for Administrator, admin, user, audit), as `$privgroups` in AccessControl.pm.
_GROUPS: Final[dict[str, tuple[str, str, str, str]]] = {
    "VM": (
        "",
        _VM_ADMIN,
        _VM_USER,
        "VM.Audit VM.GuestAgent.Audit",
    ),
    "Sys": (
        "Sys.PowerMgmt Sys.Modify Sys.Incoming Sys.AccessNetwork",
        "Sys.Console Sys.Syslog",
        "",
        "Sys.Audit",
    ),
    "Datastore": (
        "",
        "Datastore.Allocate Datastore.AllocateTemplate",
        "Datastore.AllocateSpace",
        "Datastore.Audit",
    ),
    "SDN": ("", "SDN.Allocate SDN.Audit", "SDN.Use", "SDN.Audit"),
    "User": ("Realm.Allocate", "User.Modify Group.Allocate Realm.AllocateUser", "", ""),
    "Pool": ("", "Pool.Allocate", "Pool.Audit", "Pool.Audit"),
    "Mapping": ("", "Mapping.Modify", "Mapping.Use", "Mapping.Audit"),
}


def _valid() -> frozenset[str]:
    names = {"Permissions.Modify"}
    for parts in _GROUPS.values():
        for part in parts:
            names.update(part.split())
    return frozenset(names)


def _special() -> dict[str, frozenset[str]]:
    roles: dict[str, set[str]] = {"NoAccess": set(), "Administrator": set(_valid())}
    for category, (_root, admin, user, audit) in _GROUPS.items():
        everyday = set(f"{admin} {user} {audit}".split())
        roles[f"PVE{category}Admin"] = everyday
        roles.setdefault("PVEAdmin", set()).update(everyday)
        if user:
            roles[f"PVE{category}User"] = set(f"{user} {audit}".split())
        roles.setdefault("PVEAuditor", set()).update(audit.split())
    roles["PVEAdmin"].discard("Mapping.Modify")
    roles["PVETemplateUser"] = {"VM.Clone", "VM.Audit"}
    return {name: frozenset(privileges) for name, privileges in roles.items()}


VALID: Final = _valid()
SPECIAL_ROLES: Final = _special()
