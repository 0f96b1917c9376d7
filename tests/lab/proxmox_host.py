"""A simulated Proxmox VE host for tests: setup, clients, an image server, and tasks awaited."""

import json
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests
from proxmoxer import ProxmoxAPI

from tests.lab.machines_recorder import Recorder, recording
from tests.lab.simulator_process import Authority, Simulator, make_authority, running

PASSWORD = "a password of the test"
TOKEN_SECRET = "5f0c63cf-0000-4000-8000-000000000001"
SCHEMATIC, AGENT_SCHEMATIC = "a" * 64, "b" * 64
AGENT = "customization: {systemExtensions: {officialExtensions: [siderolabs/qemu-guest-agent]}}"
IMAGE_BYTES = 1246 * 1024**2
SETUP: dict[str, Any] = {
    "nodes": ["atlas"],
    "bridges": [{"name": "vmbr0", "cidr": "10.0.0.2/16", "ports": "eno1"}],
    "storages": [
        {"name": "local", "type": "dir", "content": ["iso", "vztmpl", "import"], "sizeGiB": 50},
        {"name": "local-zfs", "type": "zfspool", "content": ["images", "rootdir"], "sizeGiB": 500},
    ],
    "groups": ["operators"],
    "users": [
        {
            "id": "root@pam",
            "password": PASSWORD,
            "tokens": [{"id": "infra", "secret": TOKEN_SECRET, "privsep": False}],
        },
    ],
    "pools": ["testcluster"],
}


@dataclass
class Host:
    """One running host and what stands around it."""

    simulator: Simulator
    authority: Authority
    machines: Recorder
    images: str

    def login(self, user: str = "root@pam", password: str = PASSWORD) -> Any:
        """A client that logged in by ticket."""
        return self._client(user=user, password=password)

    def token(self, user: str, name: str, secret: str) -> Any:
        """A client with an API token."""
        return self._client(user=user, token_name=name, token_value=secret)

    def _client(self, **credentials: str) -> Any:
        port, bundle = self.simulator.port, str(self.authority.bundle)
        return ProxmoxAPI("127.0.0.1", port=port, verify_ssl=bundle, timeout=20, **credentials)

    def lab(self, method: str, path: str, body: Any = None) -> Any:
        """One of the simulator's own endpoints."""
        url = f"{self.simulator.url}/-/{path}"
        answer = requests.request(
            method, url, json=body, verify=str(self.authority.bundle), timeout=20
        )
        assert answer.ok, answer.text
        return answer.json()

    @property
    def image_url(self) -> str:
        """Where the image server has the image."""
        return f"{self.images}/image/{SCHEMATIC}/v1.13.0/nocloud-amd64.qcow2"


def talos_disk(api: Any, host: Host) -> str:
    """The value of a disk with the image server's Talos on it, downloaded at its first use."""
    storage = api.nodes("atlas").storage("local")
    if not storage.content.get(content="import"):
        wanted = {"content": "import", "filename": "talos.qcow2", "url": host.image_url}
        assert done(api, storage("download-url").post(**wanted)) == "OK"
    return "local-zfs:0,import-from=local:import/talos.qcow2"


def done(api: Any, upid: str) -> str:
    """The exit status of a task (with time scale 0 it is over before the answer came)."""
    status = api.nodes("atlas").tasks(upid).status.get()
    assert status["status"] == "stopped"
    return str(status["exitstatus"])


@contextmanager
def image_server() -> Iterator[str]:
    """An image factory in miniature: a qcow2 header, two schematics, 404 elsewhere."""
    image = b"QFI\xfb" + struct.pack(">IQIIQ", 3, 0, 0, 16, IMAGE_BYTES) + bytes(480)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = {f"/schematics/{SCHEMATIC}": b"customization: {}\n"}
            known[f"/schematics/{AGENT_SCHEMATIC}"] = AGENT.encode()
            known[f"/image/{SCHEMATIC}/v1.13.0/nocloud-amd64.qcow2"] = image
            data = known.get(self.path, b"not found\n")
            self.send_response(200 if self.path in known else 404)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(data)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_args: Any) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def hosted(
    directory: Path, machines: Recorder, images: str, setup: dict[str, Any] | None = None
) -> Iterator[Host]:
    """The simulator over the state in `directory`."""
    document = directory / "setup.json"
    document.write_text(json.dumps(setup or SETUP))
    authority = make_authority(directory)
    arguments = ("--state", directory / "state", "--setup", document, "--machines", machines.url)
    with running("lab.proxmox", directory, *arguments, authority=authority) as simulator:
        yield Host(simulator, authority, machines, images)


@contextmanager
def host_in(directory: Path, setup: dict[str, Any] | None = None) -> Iterator[Host]:
    """A fresh host with a recording machine simulator and an image server."""
    with (
        recording() as machines,
        image_server() as images,
        hosted(directory, machines, images, setup) as host,
    ):
        yield host
