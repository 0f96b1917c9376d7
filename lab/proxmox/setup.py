# SPDX-License-Identifier: AGPL-3.0-or-later
"""From the setup document to a host's first state. Pure but for the host it fills."""

from typing import Any

from lab.proxmox.state.access import ROOT, AccessControl, Token, User, is_valid_path
from lab.proxmox.state.privileges import SPECIAL_ROLES
from lab.proxmox.wire import GIB, AclSetup, Setup, Storage, UserSetup


def apply_setup(setup: Setup, host: Any) -> AccessControl:
    """Storages and pools into the host; returns its access control. `ValueError` on nonsense."""
    host.storages = {storage.name: _storage(storage) for storage in setup.storages}
    host.pools = {name: set() for name in setup.pools}
    host.pool_info = {name: {"comment": None, "storage": set()} for name in setup.pools}
    control = AccessControl(groups=dict.fromkeys(setup.groups))
    control.roles = {role.id: sorted(role.privileges) for role in setup.roles}
    for user in setup.users:
        _user(control, user)
    if ROOT not in control.users:
        raise ValueError(f"the setup has no user {ROOT}; every Proxmox VE host has one: add it")
    for entry in setup.acl:
        _entry(control, entry)
    return control


def _storage(storage: Storage) -> dict[str, Any]:
    size = storage.size_gi_b * GIB
    made: dict[str, Any] = {
        "type": storage.type,
        "content": ",".join(storage.content),
        "active": 1,
        "files": set(),
        "volumes": {},
        "total": size,
        "avail": size,
    }
    if storage.type == "dir":
        made["path"] = storage.path or "/var/lib/vz"
    elif storage.type == "zfspool":
        made["pool"] = storage.pool or "rpool/data"
    else:
        made.update(vgname=storage.pool or "pve", thinpool="data")
    return made


def _user(control: AccessControl, user: UserSetup) -> None:
    details = {"comment": user.comment} if user.comment else {}
    made = User(details=details, groups=list(user.groups))
    control.users[user.id] = made
    if user.password is not None:
        control.set_password(user.id, user.password)
    for token in user.tokens:
        made.tokens[token.id] = Token(privsep=int(token.privsep), comment=token.comment)
        control.secrets[f"{user.id}!{token.id}"] = token.secret


def _entry(control: AccessControl, entry: AclSetup) -> None:
    named = {"users": entry.user, "groups": entry.group, "tokens": entry.token}
    given = {kind: name for kind, name in named.items() if name}
    if len(given) != 1:
        raise ValueError(f"acl entry on {entry.path}: give exactly one of user, group, token")
    if not is_valid_path(entry.path):
        raise ValueError(f"acl entry on {entry.path}: not a path Proxmox VE knows")
    if entry.role not in control.roles and entry.role not in SPECIAL_ROLES:
        raise ValueError(f"acl entry on {entry.path}: role '{entry.role}' does not exist")
    kind, name = given.popitem()
    node = control.acl.setdefault(entry.path, {}).setdefault(kind, {})
    node.setdefault(name, {})[entry.role] = int(entry.propagate)
