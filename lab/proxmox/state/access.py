# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who may do what: users, groups, tokens, roles and the access control list of a Proxmox VE host.

Pure state, a port of `roles`, `permissions` and `get_effective_permissions` of pve-access-control
9.1.1: propagation, users before groups, NoAccess, pools, and privilege-separated tokens as the
intersection with their user. It neither authenticates nor answers requests.
"""

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from lab.proxmox.state.privileges import SPECIAL_ROLES, VALID

ROOT: Final = "root@pam"
KINDS: Final = ("users", "groups", "tokens")
# Paths `get_effective_permissions` always looks at.
TOP_PATHS: Final = (
    "/",
    "/access",
    "/access/groups",
    "/nodes",
    "/pool",
    "/sdn",
    "/storage",
    "/vms",
)
_NAME: Final = r"[A-Za-z0-9.\-_]+"
# `PVE::AccessControl::check_path`, the parts a home lab can use.
_VALID_PATH: Final = re.compile(
    rf"/|/access(/groups(/{_NAME})?|/realm(/{_NAME})?)?|/nodes(/{_NAME})?"
    rf"|/pool(/{_NAME}){{0,3}}|/sdn(/[a-z]+(/{_NAME}){{0,3}})?|/storage(/{_NAME})?"
    rf"|/vms(/[1-9][0-9]{{2,}})?|/mapping(/{_NAME}){{0,2}}"
)

Roles = dict[str, int]
Pools = Mapping[str, Iterable[str]]


class AccessError(Exception):
    """A refusal in the words of Proxmox VE; `field` names the parameter at fault, if one is."""

    def __init__(self, message: str, field_name: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field_name


@dataclass
class Token:
    """An API token without its secret."""

    privsep: int = 1
    expire: int | None = None
    comment: str | None = None

    def info(self) -> dict[str, Any]:
        """As `GET /access/users/{userid}/token/{tokenid}` shows it."""
        shown = {"privsep": self.privsep, "expire": self.expire, "comment": self.comment}
        return {key: value for key, value in shown.items() if value is not None}


@dataclass
class User:
    """A user without their password."""

    enable: int = 1
    details: dict[str, Any] = field(default_factory=dict)
    groups: list[str] = field(default_factory=list)
    tokens: dict[str, Token] = field(default_factory=dict)

    def info(self) -> dict[str, Any]:
        """As `GET /access/users/{userid}` shows it."""
        tokens = {name: token.info() for name, token in sorted(self.tokens.items())}
        shown = {"enable": self.enable, **self.details, "groups": sorted(self.groups)}
        return {**shown, "tokens": tokens} if tokens else shown


def normalize_path(path: str) -> str | None:
    """`PVE::AccessControl::normalize_path`: None for a path that cannot be one."""
    clean = "/" + "/".join(part for part in path.split("/") if part)
    return clean if path and re.fullmatch(r"[A-Za-z0-9.\-_/]+", clean) else None


def is_valid_path(path: str) -> bool:
    """Whether an access control entry may be made on this path."""
    return _VALID_PATH.fullmatch(path) is not None


def split_token(name: str) -> tuple[str, str | None]:
    """`user@realm!token` as (user, token); a plain user has no token."""
    user, mark, token = name.partition("!")
    return user, token if mark else None


@dataclass
class AccessControl:
    """`user.cfg` with its shadow and token files."""

    users: dict[str, User] = field(default_factory=dict)
    groups: dict[str, str | None] = field(default_factory=dict)
    roles: dict[str, list[str]] = field(default_factory=dict)
    # path -> users|groups|tokens -> who -> role -> propagate
    acl: dict[str, dict[str, dict[str, Roles]]] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)

    # ------------------------------------------------------------------ look-ups

    def user(self, userid: str) -> User:
        """The user, or PVE's refusal."""
        found = self.users.get(userid)
        if found is None:
            raise AccessError(f"no such user ('{userid}')")
        return found

    def token(self, userid: str, name: str) -> Token:
        """The token, or PVE's refusal."""
        found = self.user(userid).tokens.get(name)
        if found is None:
            raise AccessError(f"no such token '{name}' for user '{userid}'")
        return found

    def role(self, name: str) -> frozenset[str]:
        """The privileges of a role, or PVE's refusal."""
        if name in SPECIAL_ROLES:
            return SPECIAL_ROLES[name]
        if name not in self.roles:
            raise AccessError(f"role '{name}' does not exist")
        return frozenset(self.roles[name])

    def is_enabled(self, userid: str, now: float) -> bool:
        """Whether the user exists, is enabled and has not expired."""
        found = self.users.get(userid)
        expire = found.details.get("expire") if found else None
        return bool(found and found.enable and not (expire and expire < now))

    # ----------------------------------------------------------------- passwords

    def set_password(self, userid: str, password: str) -> None:
        """Keep a salted digest of the password."""
        salt = secrets.token_hex(8)
        self.passwords[userid] = f"{salt}:{_digest(salt, password)}"

    def check_password(self, userid: str, password: str) -> bool:
        """Whether it is the user's password."""
        salt, _, kept = self.passwords.get(userid, "").partition(":")
        return bool(kept) and secrets.compare_digest(kept, _digest(salt, password))

    def check_token(self, name: str, secret: str, now: float) -> bool:
        """Whether `user@realm!token=secret` may log in."""
        userid, token = split_token(name)
        kept = self.secrets.get(name)
        if token is None or kept is None or not self.is_enabled(userid, now):
            return False
        expire = self.token(userid, token).expire
        return not (expire and expire < now) and secrets.compare_digest(kept, secret)

    # --------------------------------------------------------------- permissions

    def roles_at(self, who: str, path: str) -> Roles:
        """Role -> propagate for a user or token on a path, pools not considered."""
        userid, token = split_token(who)
        if token is not None:
            info = self.users.get(userid, User()).tokens.get(token)
            if info is None:
                return {}
            if not info.privsep:
                return self.roles_at(userid, path)
        parts = [part for part in path.split("/") if part]
        roles: Roles = {}
        for depth in range(len(parts) + 1):
            node = self.acl.get("/" + "/".join(parts[:depth]), {})
            found = self._entries(node, who, final=depth == len(parts))
            roles = found or roles
        return {"NoAccess": roles["NoAccess"]} if "NoAccess" in roles else roles

    def _entries(self, node: dict[str, dict[str, Roles]], who: str, *, final: bool) -> Roles:
        """What one path's entries say: a token's or user's own before those of their groups."""
        for kind in ("tokens", "users"):
            own = node.get(kind, {}).get(who, {})
            active = {role: prop for role, prop in own.items() if final or prop}
            if active:
                return active
        member = self.users[who].groups if who in self.users else []
        joined: Roles = {}
        for group in member:
            entries = node.get("groups", {}).get(group, {})
            joined.update({role: prop for role, prop in entries.items() if final or prop})
        return joined

    def privileges(self, who: str, path: str, pools: Pools) -> dict[str, int]:
        """Privilege -> propagate for a user or token on a path.

        `pools` maps a pool to the paths (`/vms/101`, `/storage/local-zfs`) of its members.
        """
        if who == ROOT:
            return dict.fromkeys(sorted(VALID), 1)
        userid, token = split_token(who)
        if userid not in self.users:
            return {}
        if token is not None:
            info = self.users[userid].tokens.get(token)
            if info is None:
                return {}
            if not info.privsep:
                return self.privileges(userid, path, pools)
        found = self._expand(self._with_pools(who, path, pools))
        if token is not None and userid != ROOT:
            owner = self.privileges(userid, path, pools)
            found = {name: prop & owner[name] for name, prop in found.items() if name in owner}
        return found

    def _with_pools(self, who: str, path: str, pools: Pools) -> Roles:
        roles = self.roles_at(who, path)
        if "NoAccess" in roles:
            return roles
        for pool, members in pools.items():
            if path not in members:
                continue
            inherited = self.roles_at(who, f"/pool/{pool}")
            if "NoAccess" in inherited:
                return {"NoAccess": 0}
            roles = {**dict.fromkeys(inherited, 0), **roles}
        return roles

    def _expand(self, roles: Roles) -> dict[str, int]:
        found: dict[str, int] = {}
        for name, propagate in roles.items():
            # An entry outlives its role in PVE, and then grants nothing.
            held = SPECIAL_ROLES.get(name) or self.roles.get(name, [])
            for privilege in held:
                found[privilege] = found.get(privilege, 0) or propagate
        return found

    def effective(self, who: str, pools: Pools) -> dict[str, dict[str, int]]:
        """Path -> privilege -> propagate, for every path that says something."""
        members = [path for paths in pools.values() for path in paths]
        everywhere = sorted({*TOP_PATHS, *self.acl, *members})
        held = {path: self.privileges(who, path, pools) for path in everywhere}
        return {path: dict(sorted(found.items())) for path, found in held.items() if found}

    # ------------------------------------------------------------------- removal

    def forget_path(self, path: str) -> None:
        """A guest, storage or pool is gone, and its entries with it."""
        self.acl.pop(path, None)

    def forget_user(self, userid: str) -> None:
        """A user is gone: their tokens, password and entries too."""
        for token in self.user(userid).tokens:
            self.forget_token(userid, token, keep_entries=True)
        del self.users[userid]
        self.passwords.pop(userid, None)
        for node in self.acl.values():
            node.get("users", {}).pop(userid, None)
        self._sweep()

    def forget_token(self, userid: str, token: str, *, keep_entries: bool = False) -> None:
        """A token's secret is gone; PVE drops entries of unknown tokens when it next reads them."""
        name = f"{userid}!{token}"
        self.secrets.pop(name, None)
        for node in self.acl.values():
            node.get("tokens", {}).pop(name, None)
        if not keep_entries:
            self.users[userid].tokens.pop(token, None)
            self._sweep()

    def forget_group(self, group: str) -> None:
        """A group is gone: from its members and from the list."""
        del self.groups[group]
        for user in self.users.values():
            user.groups = [name for name in user.groups if name != group]
        for node in self.acl.values():
            node.get("groups", {}).pop(group, None)
        self._sweep()

    def _sweep(self) -> None:
        for path in [p for p, node in self.acl.items() if not any(node.values())]:
            del self.acl[path]

    # --------------------------------------------------------------- persistence

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> Self:
        """From what `dataclasses.asdict` wrote."""
        users = {
            name: User(
                enable=user["enable"],
                details=dict(user["details"]),
                groups=list(user["groups"]),
                tokens={key: Token(**token) for key, token in user["tokens"].items()},
            )
            for name, user in data["users"].items()
        }
        return cls(**{**data, "users": users})


def _digest(salt: str, password: str) -> str:
    return hashlib.sha256(f"{salt}{password}".encode()).hexdigest()
