"""Functions of the provider: zones, a tunnel's token, permission groups."""

from __future__ import annotations

from typing import Any

from lab.plugins.cloudflare.api import Api, ApiError
from lab.plugins.cloudflare.names import to_pulumi
from provider.rpc import Properties, Refused

_DEFAULT_ITEMS = 1000


class Functions:
    """The functions on one account's API."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def _get(self, path: str) -> Any:
        try:
            return self._api.call("get", path)
        except ApiError as error:
            raise Refused(str(error)) from error

    def _all(self, path: str, **query: Any) -> list[Any]:
        try:
            return self._api.all(path, **{k: v for k, v in query.items() if v is not None})
        except ApiError as error:
            raise Refused(str(error)) from error

    def _zones(self, given: Properties) -> list[Any]:
        account = given.get("account") or {}
        query = {"name": given.get("name"), "status": given.get("status")}
        owner = {"account.id": account.get("id"), "account.name": account.get("name")}
        return self._all("/zones", **query, **owner)

    def zone(self, arguments: Properties) -> Properties:
        """`getZone` by id, or by a filter that one zone matches."""
        if arguments.get("zoneId"):
            found = self._get(f"/zones/{arguments['zoneId']}")
        else:
            wanted = arguments.get("filter") or {}
            zones = self._zones(wanted)
            if len(zones) != 1:
                raise Refused(
                    f"failed to find exactly one result: found {len(zones)} zones for the filter "
                    f"{ {key: wanted[key] for key in sorted(wanted) if wanted[key] is not None} }"
                )
            found = zones[0]
        answer: Properties = to_pulumi(found)
        return {**answer, "zoneId": found["id"], "filter": arguments.get("filter")}

    def zones(self, arguments: Properties) -> Properties:
        """`getZones`."""
        most = int(arguments.get("maxItems") or _DEFAULT_ITEMS)
        return {**arguments, "results": to_pulumi(self._zones(arguments)[:most])}

    def tunnel_token(self, arguments: Properties) -> Properties:
        """`getZeroTrustTunnelCloudflaredToken`."""
        path = f"/accounts/{arguments['accountId']}/cfd_tunnel/{arguments['tunnelId']}/token"
        return {**arguments, "token": self._get(path)}

    def permission_groups(self, arguments: Properties) -> Properties:
        """`getApiTokenPermissionGroupsList`, and the account's when an account is named."""
        account = arguments.get("accountId")
        owner = f"/accounts/{account}" if account else "/user"
        query = {"name": arguments.get("name"), "scope": arguments.get("scope")}
        try:
            asked = {key: value for key, value in query.items() if value is not None}
            found = self._api.call("get", f"{owner}/tokens/permission_groups", **asked)
        except ApiError as error:
            raise Refused(str(error)) from error
        most = int(arguments.get("maxItems") or _DEFAULT_ITEMS)
        return {**arguments, "results": to_pulumi(list(found)[:most])}
