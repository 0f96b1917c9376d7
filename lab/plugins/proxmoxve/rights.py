"""API tokens and access control entries.

The vendor's oddities are kept: reading or deleting a token that is gone is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from lab.plugins.proxmoxve.api import ApiError
from lab.plugins.proxmoxve.bridged import Bridged, flag, refused, seen
from lab.plugins.proxmoxve.dates import date, epoch
from lab.plugins.proxmoxve.drives import truth
from provider.rpc import Failure, Properties, Refused, Secret, plain


class Token(Bridged):
    """`user.Token`: an API token; its value is known only to the create."""

    required = ("userId", "tokenName")
    defaults: ClassVar[Mapping[str, Any]] = {"privilegesSeparation": True}
    replace_on = ("userId", "tokenName")
    computed = ("value",)
    secret_outputs = ("value",)

    def _parameters(self, token: Properties) -> Properties:
        found: Properties = {"privsep": flag(token["privilegesSeparation"])}
        if token.get("comment") is not None:
            found["comment"] = token["comment"]
        if token.get("expirationDate"):
            found["expire"] = epoch(token["expirationDate"])
        return found

    def _path(self, token: Properties) -> str:
        return f"access/users/{token['userId']}/token/{token['tokenName']}"

    def create(self, inputs: Properties, preview: bool, timeout: float) -> tuple[str, Properties]:
        """POST the token; `value` is USER@REALM!NAME=UUID, as the provider takes it."""
        del timeout
        if preview:
            return "", self.planned(inputs)
        token = plain(inputs)
        try:
            made = self._api().post(self._path(token), **self._parameters(token))
        except ApiError as error:
            raise refused("Error creating user token", error) from error
        identifier = f"{token['userId']}!{token['tokenName']}"
        value = f"{made.get('full-tokenid') or identifier}={made['value']}"
        return identifier, {**inputs, "value": Secret(value)}

    def read(
        self,
        id: str,  # noqa: A002
        state: Properties,
        inputs: Properties,
    ) -> tuple[str | None, Properties, Properties]:
        """GET the token. A missing one is an error, as with the vendor."""
        user, _, name = id.partition("!")
        try:
            found = self._api().get(self._path({"userId": user, "tokenName": name}))
        except ApiError as error:
            raise refused("Error reading user token", error) from error
        live: Properties = {
            "userId": user,
            "tokenName": name,
            "privilegesSeparation": truth(found.get("privsep", 1)),
        }
        if found.get("comment") is not None:
            live["comment"] = found["comment"]
        if found.get("expire"):
            live["expirationDate"] = date(found["expire"])
        value = {"value": state["value"]} if "value" in state else {}
        return id, {**live, **value}, seen(inputs, live) or live

    def change(self, identifier: str, old: Properties, new: Properties) -> None:
        """PUT the token; dropping the date means never."""
        del identifier
        parameters = self._parameters(new)
        if old.get("expirationDate") and not new.get("expirationDate"):
            parameters["expire"] = 0
        try:
            self._api().put(self._path(new), **parameters)
        except ApiError as error:
            raise refused("Error updating user token", error) from error

    def delete(
        self,
        id: str,  # noqa: A002
        state: Properties,
        timeout: float,
    ) -> None:
        """DELETE the token. A missing one is an error, as with the vendor."""
        del id, timeout
        try:
            self._api().delete(self._path(plain(state)))
        except ApiError as error:
            raise refused("Error deleting user token", error) from error


class Acl(Bridged):
    """`Acl`: one role for one user, group or token on one path."""

    required = ("path", "roleId")
    defaults: ClassVar[Mapping[str, Any]] = {"propagate": True}
    replace_on = ("path", "roleId", "userId", "groupId", "tokenId")

    def check(self, olds: Properties, news: Properties) -> tuple[Properties, list[Failure]]:
        """At most one of userId, groupId and tokenId."""
        inputs, failures = super().check(olds, news)
        given = [name for name in ("groupId", "tokenId", "userId") if news.get(name) is not None]
        if len(given) > 1:
            text = f"Invalid Attribute Combination: only one of {', '.join(given)} may be set"
            failures.append(Failure(given[0], text))
        return inputs, failures

    def _whom(self, acl: Properties) -> tuple[str, str, str]:
        kinds = (("groupId", "groups", "group"), ("tokenId", "tokens", "token"))
        for ours, parameter, kind in (*kinds, ("userId", "users", "user")):
            if acl.get(ours):
                return parameter, kind, str(acl[ours])
        return "users", "user", ""

    def _put(self, what: str, acl: Properties, *, delete: bool = False) -> None:
        parameter, _, name = self._whom(acl)
        extra = {"delete": 1} if delete else {}
        try:
            self._api().put(
                "access/acl",
                path=acl["path"],
                roles=acl["roleId"],
                propagate=flag(acl["propagate"]),
                **{parameter: name},
                **extra,
            )
        except ApiError as error:
            raise refused(f"{what}: API call failed", error) from error

    def create(self, inputs: Properties, preview: bool, timeout: float) -> tuple[str, Properties]:
        """PUT access/acl."""
        del timeout
        if preview:
            return "", self.planned(inputs)
        acl = plain(inputs)
        self._put("Unable to create ACL", acl)
        return f"{acl['path']}?{self._whom(acl)[2]}?{acl['roleId']}", inputs

    def read(
        self,
        id: str,  # noqa: A002
        state: Properties,
        inputs: Properties,
    ) -> tuple[str | None, Properties, Properties]:
        """Look for the entry in GET access/acl."""
        acl = plain(state) or _parsed(id)
        _, kind, name = self._whom(acl)
        try:
            entries = self._api().get("access/acl")
        except ApiError as error:
            raise refused("Unable to read ACL: API call failed", error) from error
        for entry in entries:
            key = (entry.get("type"), entry.get("ugid"), entry.get("path"), entry.get("roleid"))
            if key == (kind, name, acl["path"], acl["roleId"]):
                live = {**acl, "propagate": truth(entry.get("propagate", 1))}
                return id, live, seen(inputs, live) or live
        return None, {}, {}

    def change(self, identifier: str, old: Properties, new: Properties) -> None:
        """Take the old entry away and put the new one."""
        del identifier
        self._put("Unable to delete old ACL", old, delete=True)
        self._put("Unable to create ACL", new)

    def delete(
        self,
        id: str,  # noqa: A002
        state: Properties,
        timeout: float,
    ) -> None:
        """PUT access/acl with delete."""
        del id, timeout
        self._put("Unable to delete old ACL", plain(state), delete=True)


def _parsed(identifier: str) -> Properties:
    """An import's ID: PATH?ENTITY?ROLE."""
    parts = identifier.split("?")
    if len(parts) != 3:
        raise Refused(f"invalid ACL resource ID format {identifier!r}, expected path?entity?role")
    path, entity, role = parts
    kind = "tokenId" if "!" in entity else "userId" if "@" in entity else "groupId"
    return {"path": path, kind: entity, "roleId": role}
