"""The few endpoints of Proxmox VE that preflight and sweep ask, over real HTTPS.

A host that passes every check, until a test changes what it knows. Deletions are tasks, as on a
real host: the answer comes when one has begun.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provider.preflight import (
    DISK_PRIVILEGES,
    HOST_PRIVILEGES,
    IMAGE_PRIVILEGES,
    MACHINE_PRIVILEGES,
)
from provider.proxmox import FREEING, Credentials
from tests.unit.provider.https_server import Answer, Request, Server, make_certificate, serving

SECRET = "canary-of-a-token"
TOKEN = f"infra@pve!up={SECRET}"
API = "/api2/json"
GIB = 1024**3


def everything() -> dict[str, dict[str, int]]:
    """The rights that are just enough."""
    return {
        "/pool/test-cluster": dict.fromkeys(MACHINE_PRIVILEGES, 1),
        "/storage/local": dict.fromkeys(IMAGE_PRIVILEGES, 1),
        "/storage/local-zfs": dict.fromkeys((*DISK_PRIVILEGES, FREEING), 1),
        "/nodes/atlas": dict.fromkeys(HOST_PRIVILEGES, 1),
        "/sdn/zones/localnetwork/vmbr0": {"SDN.Use": 1},
    }


def no_fault(_request: Request) -> Answer | None:
    return None


@dataclass
class ProxmoxApi:
    """What the host knows; tests write into it.

    `ends` gives a task's successive states, `unseen` are VMIDs of guests that the token is not
    shown.
    """

    online: dict[str, str] = field(default_factory=lambda: {"atlas": "online"})
    bridges: dict[str, list[str]] = field(default_factory=lambda: {"atlas": ["vmbr0"]})
    stores: list[dict[str, Any]] = field(
        default_factory=lambda: [
            {"storage": "local", "type": "dir", "content": "iso,import"}
            | {"active": 1, "avail": 100 * GIB},
            {"storage": "local-zfs", "type": "zfspool", "content": "images,rootdir"}
            | {"active": 1, "avail": 500 * GIB},
        ]
    )
    rights: dict[str, dict[str, int]] = field(default_factory=everything)
    guests: list[dict[str, Any]] = field(default_factory=list)
    unseen: set[int] = field(default_factory=set)
    volumes: dict[str, int] = field(default_factory=dict)
    # Which host a volume lies on; one that is not named here is seen from all of them.
    places: dict[str, str] = field(default_factory=dict)
    machines: dict[str, dict[str, str]] = field(default_factory=dict)
    ends: list[str] = field(default_factory=lambda: ["OK"])
    fault: Callable[[Request], Answer | None] = no_fault
    server: Server = field(default_factory=lambda: Server(""))

    @property
    def credentials(self) -> Credentials:
        return Credentials(endpoint=self.server.url, token=TOKEN, insecure=True)

    def handle(self, request: Request) -> Answer:
        """Answer one request."""
        if SECRET not in request.headers.get("Authorization", ""):
            return 401, {"data": None}
        broken = self.fault(request)
        if broken is not None:
            return broken
        path = request.path.removeprefix(f"{API}/")
        if path.endswith("/config") and path not in self.machines:
            return 500, f"Configuration file '{path}' does not exist"
        number = int(request.query.get("vmid", 0))
        if path.endswith("nextid") and number in self._taken():
            return 400, {"data": None, "errors": {"vmid": f"VM {number} already exists"}}
        found = self._found(request, path)
        return (501, "no such method") if found is None else (200, {"data": found})

    def _found(self, request: Request, path: str) -> Any:
        parts = path.split("/")
        if request.method == "DELETE":
            self.volumes.pop(parts[-1])
            return f"UPID:atlas:{parts[-1]}"
        answers: dict[str, Callable[[], Any]] = {
            "nodes": lambda: [{"node": name, "status": on} for name, on in self.online.items()],
            "permissions": lambda: self.rights,
            "resources": lambda: self.guests,
            "nextid": lambda: request.query["vmid"],
            "network": lambda: [{"iface": name} for name in self.bridges[parts[1]]],
            "storage": lambda: self.stores,
            "config": lambda: self.machines[path],
            "content": lambda: self._content(request, parts[1], parts[3]),
            "status": self._task,
        }
        return answers[parts[-1]]() if parts[-1] in answers else None

    def _taken(self) -> set[int]:
        return self.unseen | {int(item["vmid"]) for item in self.guests}

    def _task(self) -> dict[str, str]:
        end = self.ends.pop(0) if len(self.ends) > 1 else self.ends[0]
        if end == "running":
            return {"status": "running"}
        return {"status": "stopped", "exitstatus": end}

    def _content(self, request: Request, host: str, datastore: str) -> list[dict[str, Any]]:
        owner = request.query.get("vmid", "")
        return [
            {"volid": name, "size": size}
            for name, size in self.volumes.items()
            if name.startswith(f"{datastore}:vm-{owner}-") and self.places.get(name, host) == host
        ]


@contextmanager
def proxmox_api(directory: Path) -> Iterator[ProxmoxApi]:
    """A running host that only the token opens."""
    api = ProxmoxApi()
    with serving(api.handle, make_certificate(), directory, mutual=False) as server:
        api.server = server
        yield api
