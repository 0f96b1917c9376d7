# SPDX-License-Identifier: AGPL-3.0-or-later
"""`/nodes/{node}`: bridges, URL metadata, and downloads onto a storage.

The rules of pve-storage's `API2/Storage/Status.pm` and pve-common's `download_file_from_url`.
"""

import re
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from fakepve.model import TaskError

from lab.proxmox.errors import PveError, died, invalid
from lab.proxmox.routes.access import split_list
from lab.proxmox.transfer import TransferError, fetch, metadata
from lab.proxmox.wire import Bridge

Values = dict[str, Any]
_EXTENSIONS: Final = {
    "iso": (r"[^/]+\.(?:iso|img)", "wrong file extension"),
    "vztmpl": (r"[^/]+\.tar\.(?:gz|xz|zst|bz2)", "wrong file extension"),
    "import": (
        r"[a-zA-Z0-9\-.+=_]+\.(?:ova|qcow2|raw|vmdk)",
        "invalid filename or wrong extension",
    ),
}
_FOLDERS: Final = {"iso": "template/iso", "vztmpl": "template/cache", "import": "import"}


class NodeRoutes:
    """The handlers of one host."""

    def __init__(self, host: Any, bridges: list[Bridge]) -> None:
        """`host` is the `fakepve.FakePve`; every node has the same bridges."""
        self._host = host
        self._bridges = bridges

    def table(self) -> list[tuple[str, str, Callable[[Values, str], Awaitable[Any]]]]:
        """(method, schema path, handler), as fakepve registers them."""
        return [
            ("GET", "/nodes/{node}/network", self._network),
            ("GET", "/nodes/{node}/network/{iface}", self._interface),
            ("GET", "/nodes/{node}/query-url-metadata", self._metadata),
        ]

    def _describe(self, bridge: Bridge) -> Values:
        shown: Values = {
            "iface": bridge.name,
            "type": "bridge",
            "active": 1,
            "autostart": 1,
            "bridge_ports": bridge.ports,
            "bridge_fd": "0",
            "bridge_stp": "off",
            "families": ["inet"],
            "method": "static" if bridge.cidr else "manual",
            "method6": "manual",
            "priority": 3,
        }
        if bridge.cidr:
            address, _, length = bridge.cidr.partition("/")
            shown.update(cidr=bridge.cidr, address=address, netmask=length)
        if bridge.vlan_aware:
            shown["bridge_vlan_aware"] = 1
        return shown

    async def _network(self, v: Values, user: str) -> Any:
        wanted = v.get("type", "any_bridge")
        if "bridge" not in wanted and wanted != "include_sdn":
            return []
        return [
            self._describe(bridge)
            for bridge in self._bridges
            if self._host.allowed(user, f"/nodes/{v['node']}", "Sys.Audit|Sys.Modify")
            or self._host.allowed(
                user, f"/sdn/zones/localnetwork/{bridge.name}", "SDN.Audit|SDN.Use"
            )
        ]

    async def _interface(self, v: Values, _user: str) -> Any:
        for bridge in self._bridges:
            if bridge.name == v["iface"]:
                return self._describe(bridge)
        raise invalid(iface="interface does not exist")

    async def _metadata(self, v: Values, _user: str) -> Any:
        try:
            found = await metadata(v["url"], verify=bool(v.get("verify-certificates", 1)))
        except TransferError as error:
            raise died(str(error)) from error
        shown = {"filename": found.filename, "size": found.size, "mimetype": found.mimetype}
        return {key: value for key, value in shown.items() if value is not None}

    async def download(self, v: Values, user: str) -> str:
        """`POST /nodes/{node}/storage/{storage}/download-url`: the task that fetches the file."""
        storage, content = v["storage"], v["content"]
        store = self._host.active_store(storage, v["node"])
        if store.get("type") != "dir":
            kind = store.get("type")
            raise died(f"can't upload to storage type '{kind}', not a file based storage!")
        if content not in split_list(store.get("content")):
            raise died(f"storage '{storage}' is not configured for content-type '{content}'")
        name = re.sub(r"[^a-zA-Z0-9_.\-+=]", "_", v["filename"].rpartition("/")[2])
        pattern, complaint = _EXTENSIONS[content]
        if not re.fullmatch(pattern, name):
            raise invalid(filename=complaint)
        path = f"{store.get('path', '/var/lib/vz')}/{_FOLDERS[content]}/{name}"

        async def work() -> str:
            await self._fetch(v, f"{content}/{name}", path)
            return f"download of '{v['url']}' to '{path}' finished"

        log = [f"downloading {v['url']} to {path}"]
        upid: str = await self._host.task(
            v["node"], "download", name, user, work, lock=False, log=log
        )
        return upid

    async def _fetch(self, v: Values, volume: str, path: str) -> None:
        store, content = self._host.storages[v["storage"]], v["content"]
        if volume in store.get("volumes", {}):
            raise TaskError(f"refusing to override existing file '{path}'")
        if v.get("compression") and content != "iso":
            raise TaskError(f"decompression not supported for {content}")
        try:
            got = await fetch(v["url"], verify=bool(v.get("verify-certificates", 1)))
            self._host.take_space(v["storage"], got.size)
        except TransferError as error:
            raise TaskError(f"download failed: exit code {error.status}") from error
        except PveError as error:
            raise TaskError(error.message) from error
        store.setdefault("volumes", {})[volume] = {
            "content": content,
            "format": volume.rpartition(".")[2],
            "size": got.size,
            "virtual": got.virtual_size,
            "ctime": int(time.time()),
            "origin": v["url"],
        }
