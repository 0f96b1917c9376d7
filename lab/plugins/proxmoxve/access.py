"""Roles, users and pools. Who may do what with them is in `rights`.

Defaults and what replaces are the vendor's; a user's `expirationDate` of the epoch means never.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from lab.plugins.proxmoxve.api import ApiError
from lab.plugins.proxmoxve.bridged import Bridged, flag, gone, refused, seen
from lab.plugins.proxmoxve.dates import NEVER, date, epoch
from lab.plugins.proxmoxve.drives import truth
from provider.rpc import Failure, Properties, plain


class Role(Bridged):
    """`RoleLegacy`: a named set of privileges."""

    required = ("roleId", "privileges")
    replace_on = ("roleId",)
    sets = ("privileges",)

    def create(self, inputs: Properties, preview: bool, timeout: float) -> tuple[str, Properties]:
        """POST access/roles."""
        del timeout
        if preview:
            return "", self.planned(inputs)
        role = plain(inputs)
        privileges = ",".join(role["privileges"])
        try:
            self._api().post("access/roles", roleid=role["roleId"], privs=privileges)
        except ApiError as error:
            raise refused("error creating role", error) from error
        return role["roleId"], inputs

    def read(
        self,
        id: str,  # noqa: A002
        state: Properties,
        inputs: Properties,
    ) -> tuple[str | None, Properties, Properties]:
        """GET access/roles/ID: its privileges, or nothing when it is gone."""
        del state
        try:
            found = self._api().get(f"access/roles/{id}")
        except ApiError as error:
            if gone(error):
                return None, {}, {}
            raise refused("error reading role", error) from error
        live = {"roleId": id, "privileges": sorted(key for key in found if truth(found[key]))}
        return id, live, seen(inputs, live) or live

    def change(self, identifier: str, old: Properties, new: Properties) -> None:
        """PUT access/roles/ID."""
        del old
        try:
            self._api().put(f"access/roles/{identifier}", privs=",".join(new["privileges"]))
        except ApiError as error:
            raise refused("error updating role", error) from error

    def delete(
        self,
        id: str,  # noqa: A002
        state: Properties,
        timeout: float,
    ) -> None:
        """DELETE access/roles/ID."""
        del state, timeout
        try:
            self._api().delete(f"access/roles/{id}")
        except ApiError as error:
            if not gone(error):
                raise refused("error deleting role", error) from error


class User(Bridged):
    """`UserLegacy`: a user, its groups, and (deprecated) its own ACL entries."""

    required = ("userId",)
    defaults: ClassVar[Mapping[str, Any]] = {
        "comment": "",
        "email": "",
        "enabled": True,
        "expirationDate": NEVER,
        "firstName": "",
        "groups": [],
        "keys": "",
        "lastName": "",
    }
    replace_on = ("userId",)
    sets = ("groups",)
    secret_outputs = ("password",)

    def check(self, olds: Properties, news: Properties) -> tuple[Properties, list[Failure]]:
        """Refuse the user's own ACL list: `Acl` is the resource for that."""
        inputs, failures = super().check(olds, news)
        if plain(news.get("acls")):
            failures.append(Failure("acls", "the stand-in does not model acls; use Acl resources"))
        return inputs, failures

    def _parameters(self, user: Properties) -> Properties:
        return {
            "comment": user["comment"],
            "email": user["email"],
            "enable": flag(user["enabled"]),
            "expire": epoch(user["expirationDate"]),
            "firstname": user["firstName"],
            "groups": ",".join(user["groups"]),
            "keys": user["keys"],
            "lastname": user["lastName"],
        }

    def create(self, inputs: Properties, preview: bool, timeout: float) -> tuple[str, Properties]:
        """POST access/users."""
        del timeout
        if preview:
            return "", self.planned(inputs)
        user = plain(inputs)
        given = {key: value for key, value in self._parameters(user).items() if value != ""}
        if user.get("password"):
            given["password"] = user["password"]
        try:
            self._api().post("access/users", userid=user["userId"], **given)
        except ApiError as error:
            raise refused("error creating user", error) from error
        return user["userId"], inputs

    def read(
        self,
        id: str,  # noqa: A002
        state: Properties,
        inputs: Properties,
    ) -> tuple[str | None, Properties, Properties]:
        """GET access/users/ID; the password is not to be had and stays as it was."""
        try:
            found = self._api().get(f"access/users/{id}")
        except ApiError as error:
            if gone(error):
                return None, {}, {}
            raise refused("error retrieving user", error) from error
        groups = found.get("groups") or []
        live = {
            "userId": id,
            "comment": found.get("comment", ""),
            "email": found.get("email", ""),
            "enabled": truth(found.get("enable", 1)),
            "expirationDate": date(found.get("expire")),
            "firstName": found.get("firstname", ""),
            "groups": sorted(groups.split(",") if isinstance(groups, str) else groups),
            "keys": str(found.get("keys", "")).strip(),
            "lastName": found.get("lastname", ""),
        }
        if plain(state.get("password")):
            live["password"] = state["password"]
        return id, live, seen(inputs, live) or live

    def change(self, identifier: str, old: Properties, new: Properties) -> None:
        """PUT access/users/ID, and the password apart when it changed."""
        api = self._api()
        try:
            api.put(f"access/users/{identifier}", **self._parameters(new))
            if new.get("password") and new["password"] != old.get("password"):
                api.put("access/password", userid=identifier, password=new["password"])
        except ApiError as error:
            raise refused("error updating user", error) from error

    def delete(
        self,
        id: str,  # noqa: A002
        state: Properties,
        timeout: float,
    ) -> None:
        """DELETE access/users/ID."""
        del state, timeout
        try:
            self._api().delete(f"access/users/{id}")
        except ApiError as error:
            if not gone(error):
                raise refused("error deleting user", error) from error


class Pool(Bridged):
    """`PoolLegacy`: a resource pool; its members are told, not set."""

    required = ("poolId",)
    defaults: ClassVar[Mapping[str, Any]] = {"comment": ""}
    replace_on = ("poolId",)
    computed = ("members",)

    def create(self, inputs: Properties, preview: bool, timeout: float) -> tuple[str, Properties]:
        """POST pools."""
        del timeout
        if preview:
            return "", self.planned(inputs)
        pool = plain(inputs)
        try:
            self._api().post("pools", poolid=pool["poolId"], comment=pool["comment"])
        except ApiError as error:
            raise refused("error creating pool", error) from error
        return pool["poolId"], {**inputs, "members": []}

    def read(
        self,
        id: str,  # noqa: A002
        state: Properties,
        inputs: Properties,
    ) -> tuple[str | None, Properties, Properties]:
        """GET pools?poolid=ID with its members."""
        del state
        try:
            [found] = self._api().get("pools", poolid=id)
        except ApiError as error:
            if gone(error):
                return None, {}, {}
            raise refused("error reading pool", error) from error
        members = [
            {
                "id": str(member.get("id", "")),
                "type": str(member.get("type", "")),
                "nodeName": str(member.get("node", "")),
                "vmId": int(member.get("vmid") or 0),
                "datastoreId": str(member.get("storage") or ""),
            }
            for member in found.get("members") or []
        ]
        live = {"poolId": id, "comment": found.get("comment") or ""}
        return id, {**live, "members": members}, seen(inputs, live) or live

    def change(self, identifier: str, old: Properties, new: Properties) -> None:
        """PUT pools."""
        del old
        try:
            self._api().put("pools", poolid=identifier, comment=new["comment"])
        except ApiError as error:
            raise refused("error updating pool", error) from error

    def delete(
        self,
        id: str,  # noqa: A002
        state: Properties,
        timeout: float,
    ) -> None:
        """DELETE pools."""
        del state, timeout
        try:
            self._api().delete("pools", poolid=id)
        except ApiError as error:
            if not gone(error):
                raise refused("error deleting pool", error) from error
