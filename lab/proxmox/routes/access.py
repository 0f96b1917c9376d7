# SPDX-License-Identifier: AGPL-3.0-or-later
"""`/access`: users, groups, roles, tokens and the access control list, kept and not made up.

Handlers in the shape fakepve registers: `async (values, user) -> data`, after the schema's checks.
The rules are those of pve-access-control's `API2/{User,Group,Role,ACL}.pm`. Logging in is the
host's own (`pve`).
"""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from lab.proxmox.errors import forbidden, invalid, speaking
from lab.proxmox.state.access import (
    ROOT,
    AccessControl,
    AccessError,
    Pools,
    Token,
    User,
    is_valid_path,
    normalize_path,
    split_token,
)
from lab.proxmox.state.privileges import SPECIAL_ROLES, VALID

Values = dict[str, Any]
Handler = Callable[[Values, str], Awaitable[Any]]
_DETAILS = ("expire", "firstname", "lastname", "email", "comment", "keys")


def split_list(text: Any) -> list[str]:
    """`PVE::Tools::split_list`."""
    for separator in ";,\t\n\0":
        text = str(text or "").replace(separator, " ")
    return str(text).split()


class AccessRoutes:
    """The handlers, over the state they keep."""

    def __init__(self, control: AccessControl, pools: Callable[[], Pools]) -> None:
        """`pools` tells which paths are members of which pool at the moment."""
        self._control = control
        self._pools = pools

    def table(self) -> list[tuple[str, str, Handler]]:
        """(method, schema path, handler), as fakepve registers them."""
        users, one = "/access/users", "/access/users/{userid}"
        token = f"{one}/token/{{tokenid}}"
        return [
            ("GET", "/access/permissions", self._permissions),
            ("GET", users, self._users),
            ("POST", users, self._user_create),
            ("GET", one, self._user_read),
            ("PUT", one, self._user_update),
            ("DELETE", one, self._user_delete),
            ("GET", f"{one}/token", self._tokens),
            ("GET", token, self._token_read),
            ("POST", token, self._token_create),
            ("PUT", token, self._token_update),
            ("DELETE", token, self._token_delete),
            ("GET", "/access/groups", self._groups),
            ("POST", "/access/groups", self._group_create),
            ("GET", "/access/groups/{groupid}", self._group_read),
            ("PUT", "/access/groups/{groupid}", self._group_update),
            ("DELETE", "/access/groups/{groupid}", self._group_delete),
            ("GET", "/access/roles", self._roles),
            ("POST", "/access/roles", self._role_create),
            ("GET", "/access/roles/{roleid}", self._role_read),
            ("PUT", "/access/roles/{roleid}", self._role_update),
            ("DELETE", "/access/roles/{roleid}", self._role_delete),
            ("GET", "/access/acl", self._acl),
            ("PUT", "/access/acl", self._acl_update),
        ]

    def _has(self, who: str, path: str, *privileges: str) -> bool:
        held = self._control.privileges(who, path, self._pools())
        return any(name in held for name in privileges)

    async def _permissions(self, v: Values, user: str) -> Any:
        who = v.get("userid") or user
        owner, token = split_token(who)
        own = who == user or (token is not None and owner == user)
        if not own and not self._has(user, "/access", "Sys.Audit"):
            raise forbidden("/access, Sys.Audit")
        if v.get("path"):
            return {v["path"]: self._control.privileges(who, v["path"], self._pools())}
        return self._control.effective(who, self._pools())

    # --------------------------------------------------------------------- users

    async def _users(self, v: Values, user: str) -> Any:
        sees_all = self._has(user, "/access/groups", "User.Modify", "Sys.Audit")
        found = []
        for userid, kept in sorted(self._control.users.items()):
            wanted = v.get("enabled") is None or bool(kept.enable) == bool(v["enabled"])
            if not wanted or not (sees_all or userid == user):
                continue
            entry = {"userid": userid, "realm-type": userid.rpartition("@")[2], **kept.info()}
            groups, tokens = entry.pop("groups"), entry.pop("tokens", {})
            if v.get("full"):
                entry["groups"] = ",".join(groups)
                entry["tokens"] = [{"tokenid": key, **info} for key, info in tokens.items()]
            found.append(entry)
        return found

    async def _user_create(self, v: Values, _user: str) -> None:
        userid = v["userid"]
        with speaking("create user failed: "):
            if userid in self._control.users:
                raise AccessError(f"user '{userid}' already exists")
            groups = self._known_groups(v.get("groups"))
            details = {key: v[key] for key in _DETAILS if v.get(key)}
            self._control.users[userid] = User(v.get("enable", 1), details, groups)
        if v.get("password") is not None:
            self._control.set_password(userid, v["password"])

    def _known_groups(self, text: Any) -> list[str]:
        names = split_list(text)
        for name in names:
            if name not in self._control.groups:
                raise AccessError(f"no such group '{name}'")
        return names

    async def _user_read(self, v: Values, _user: str) -> Any:
        with speaking():
            return self._control.user(v["userid"]).info()

    async def _user_update(self, v: Values, _user: str) -> None:
        with speaking("update user failed: "):
            kept = self._control.user(v["userid"])
            if v.get("groups") is not None:
                before = kept.groups if v.get("append") else []
                kept.groups = sorted({*before, *self._known_groups(v["groups"])})
            kept.enable = v.get("enable", kept.enable)
            changed = {key: v[key] for key in _DETAILS if v.get(key) is not None}
            kept.details = {k: x for k, x in {**kept.details, **changed}.items() if x != ""}

    async def _user_delete(self, v: Values, _user: str) -> None:
        with speaking("delete user failed: "):
            self._control.forget_user(v["userid"])

    # -------------------------------------------------------------------- tokens

    async def _tokens(self, v: Values, _user: str) -> Any:
        with speaking():
            tokens = self._control.user(v["userid"]).tokens
        return [{"tokenid": name, **token.info()} for name, token in sorted(tokens.items())]

    async def _token_read(self, v: Values, _user: str) -> Any:
        with speaking():
            return self._control.token(v["userid"], v["tokenid"]).info()

    async def _token_create(self, v: Values, _user: str) -> Any:
        userid, name = v["userid"], v["tokenid"]
        with speaking():
            tokens = self._control.user(userid).tokens
            if name in tokens:
                raise AccessError("Token already exists.", "tokenid")
        token = Token(v.get("privsep", 1), v.get("expire"), v.get("comment") or None)
        tokens[name] = token
        value = self._new_secret(userid, name)
        return {"full-tokenid": f"{userid}!{name}", "info": token.info(), "value": value}

    def _new_secret(self, userid: str, name: str) -> str:
        value = str(uuid.uuid4())
        self._control.secrets[f"{userid}!{name}"] = value
        return value

    async def _token_update(self, v: Values, _user: str) -> Any:
        userid, name = v["userid"], v["tokenid"]
        with speaking("updating token info failed: "):
            token = self._control.token(userid, name)
        for key in split_list(v.get("delete")):
            if key != "comment":
                raise invalid(delete=f"unknown option '{key}'")
            token.comment = None
        token.privsep = v.get("privsep", token.privsep)
        token.expire = v.get("expire", token.expire)
        token.comment = v.get("comment", token.comment) or None
        if not v.get("regenerate"):
            return token.info()
        value = self._new_secret(userid, name)
        return {**token.info(), "value": value, "full-tokenid": f"{userid}!{name}"}

    async def _token_delete(self, v: Values, _user: str) -> None:
        with speaking():
            self._control.token(v["userid"], v["tokenid"])
        self._control.forget_token(v["userid"], v["tokenid"])

    # -------------------------------------------------------------------- groups

    def _members(self, group: str) -> list[str]:
        return sorted(name for name, u in self._control.users.items() if group in u.groups)

    async def _groups(self, _v: Values, user: str) -> Any:
        return [
            {"groupid": name, "users": ",".join(self._members(name))}
            | ({"comment": comment} if comment else {})
            for name, comment in sorted(self._control.groups.items())
            if self._has(user, f"/access/groups/{name}", "User.Modify", "Sys.Audit")
        ]

    async def _group_create(self, v: Values, _user: str) -> None:
        with speaking("create group failed: "):
            if v["groupid"] in self._control.groups:
                raise AccessError(f"group '{v['groupid']}' already exists")
        self._control.groups[v["groupid"]] = v.get("comment") or None

    def _group(self, name: str) -> str | None:
        if name not in self._control.groups:
            raise AccessError(f"group '{name}' does not exist")
        return self._control.groups[name]

    async def _group_read(self, v: Values, _user: str) -> Any:
        with speaking():
            comment = self._group(v["groupid"])
        shown: Values = {"members": self._members(v["groupid"])}
        return {**shown, "comment": comment} if comment else shown

    async def _group_update(self, v: Values, _user: str) -> None:
        with speaking("update group failed: "):
            self._group(v["groupid"])
        if v.get("comment") is not None:
            self._control.groups[v["groupid"]] = v["comment"] or None

    async def _group_delete(self, v: Values, _user: str) -> None:
        with speaking("delete group failed: "):
            self._group(v["groupid"])
        self._control.forget_group(v["groupid"])

    # --------------------------------------------------------------------- roles

    async def _roles(self, _v: Values, _user: str) -> Any:
        special = [
            {"roleid": name, "privs": ",".join(sorted(held)), "special": 1}
            for name, held in sorted(SPECIAL_ROLES.items())
        ]
        own = [
            {"roleid": name, "privs": ",".join(sorted(held)), "special": 0}
            for name, held in sorted(self._control.roles.items())
        ]
        return special + own

    async def _role_read(self, v: Values, _user: str) -> Any:
        with speaking():
            return dict.fromkeys(sorted(self._control.role(v["roleid"])), 1)

    def _privileges(self, text: Any) -> list[str]:
        names = split_list(text)
        for name in names:
            if name not in VALID:
                raise AccessError(f"invalid privilege '{name}'")
        return sorted(set(names))

    async def _role_create(self, v: Values, _user: str) -> None:
        role = v["roleid"]
        if role.lower().startswith("pve"):
            raise invalid(
                roleid="cannot use role ID starting with the (case-insensitive) 'PVE' namespace"
            )
        with speaking("create role failed: "):
            if role in self._control.roles or role in SPECIAL_ROLES:
                raise AccessError(f"role '{role}' already exists")
            self._control.roles[role] = self._privileges(v.get("privs"))

    async def _role_update(self, v: Values, _user: str) -> None:
        role = v["roleid"]
        with speaking():
            if role in SPECIAL_ROLES:
                raise AccessError(f"auto-generated role '{role}' cannot be modified")
        with speaking("update role failed: "):
            before = self._control.role(role) if v.get("append") else frozenset()
            self._control.role(role)
            self._control.roles[role] = sorted({*before, *self._privileges(v.get("privs"))})

    async def _role_delete(self, v: Values, _user: str) -> None:
        role = v["roleid"]
        with speaking():
            if role in SPECIAL_ROLES:
                raise AccessError(f"auto-generated role '{role}' cannot be deleted")
        with speaking("delete role failed: "):
            self._control.role(role)
            del self._control.roles[role]  # its entries stay, as in PVE ("fixme")

    # ----------------------------------------------------------------------- ACL

    async def _acl(self, _v: Values, user: str) -> Any:
        sees_all = self._has(user, "/access", "Sys.Audit")
        return [
            {"path": path, "type": kind[:-1], "ugid": who, "roleid": role, "propagate": propagate}
            for path, node in sorted(self._control.acl.items())
            if sees_all or self._has(user, path, "Permissions.Modify")
            for kind, entries in sorted(node.items())
            for who, roles in sorted(entries.items())
            for role, propagate in sorted(roles.items())
        ]

    async def _acl_update(self, v: Values, user: str) -> None:
        kinds = {kind: split_list(v.get(kind)) for kind in ("users", "groups", "tokens")}
        if not any(kinds.values()):
            text = "either 'users', 'groups' or 'tokens' is required."
            raise invalid(**dict.fromkeys(kinds, text))
        path = normalize_path(v["path"])
        if path is None or not (v.get("delete") or is_valid_path(path)):
            raise invalid(path=f"invalid ACL path '{v['path']}'")
        propagate = int(v.get("propagate", 1))
        with speaking("ACL update failed: "):
            for role in split_list(v["roles"]):
                self._may_hand_out(user, path, role, propagate, removes=bool(v.get("delete")))
                for kind, names in kinds.items():
                    for name in names:
                        self._entry(path, kind, name, role, None if v.get("delete") else propagate)

    def _may_hand_out(
        self, user: str, path: str, role: str, propagate: int, *, removes: bool
    ) -> None:
        """Without Permissions.Modify one hands out no more than one has (`update_acl`)."""
        wanted = self._control.role(role)
        held = self._control.privileges(user, path, self._pools())
        if user == ROOT or "Permissions.Modify" in held:
            return
        verb = "remove" if removes else "add"
        if role == "NoAccess" or not wanted <= set(held):
            tail = "" if role == "NoAccess" else " or superset of privileges."
            raise AccessError(
                f"Cannot {verb} role '{role}' - requires 'Permissions.Modify'{tail}", "role"
            )
        if propagate and not removes and not all(held[name] for name in wanted):
            raise AccessError(
                f"Cannot {verb} role '{role}' with propagation - requires 'Permissions.Modify' or "
                "propagated superset of privileges.",
                "role",
            )

    def _entry(self, path: str, kind: str, name: str, role: str, propagate: int | None) -> None:
        """Add one entry, or take it away when `propagate` is None."""
        if kind == "groups":
            self._group(name)
        elif kind == "users":
            if name not in self._control.users:
                raise AccessError(f"user '{name}' does not exist")
        else:
            self._control.token(*_owner_and_token(name))
        if propagate is not None:
            node = self._control.acl.setdefault(path, {})
            node.setdefault(kind, {}).setdefault(name, {})[role] = propagate
            return
        node = self._control.acl.get(path, {})
        entries = node.get(kind, {})
        entries.get(name, {}).pop(role, None)
        if not entries.get(name):
            entries.pop(name, None)
        if not any(node.values()):
            self._control.acl.pop(path, None)


def _owner_and_token(name: str) -> tuple[str, str]:
    owner, token = split_token(name)
    return owner, token or ""
