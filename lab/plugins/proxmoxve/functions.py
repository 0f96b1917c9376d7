"""Functions of the provider: the version, and a node's datastores."""

from __future__ import annotations

from collections.abc import Callable

from lab.plugins.proxmoxve.api import Api, ApiError
from provider.rpc import Failure, InvalidArguments, Properties, Refused


def version(api: Callable[[], Api]) -> Callable[[Properties], Properties]:
    """`getVersion`."""

    def answer(arguments: Properties) -> Properties:
        del arguments
        try:
            found = api().get("version")
        except ApiError as error:
            raise Refused(f"error retrieving version: {error}") from error
        return {
            "id": "version",
            "release": str(found.get("release", "")),
            "repositoryId": str(found.get("repoid", "")),
            "version": str(found.get("version", "")),
        }

    return answer


def datastores(api: Callable[[], Api]) -> Callable[[Properties], Properties]:
    """`getDatastores` of a node; filters are not modelled."""

    def answer(arguments: Properties) -> Properties:
        if arguments.get("filters"):
            raise InvalidArguments([Failure("filters", "the stand-in does not model filters")])
        node = arguments["nodeName"]
        try:
            listed = api().get(f"nodes/{node}/storage")
        except ApiError as error:
            raise Refused(f"error retrieving datastores: {error}") from error
        found = [
            {
                "active": bool(item.get("active")),
                "contentTypes": sorted(str(item.get("content", "")).split(",")),
                "enabled": bool(item.get("enabled", 1)),
                "id": item["storage"],
                "nodeName": node,
                "shared": bool(item.get("shared")),
                "spaceAvailable": int(item.get("avail") or 0),
                "spaceTotal": int(item.get("total") or 0),
                "spaceUsed": int(item.get("used") or 0),
                "spaceUsedFraction": float(item.get("used_fraction") or 0),
                "type": item["type"],
            }
            for item in sorted(listed, key=lambda item: str(item["storage"]))
        ]
        return {"nodeName": node, "datastores": found}

    return answer
