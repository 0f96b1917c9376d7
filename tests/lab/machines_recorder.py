"""A machine simulator that only remembers: its control API on a thread, for tests."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote


class Recorder:
    """Machines by id, and every call in order."""

    def __init__(self) -> None:
        self.machines: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, str]] = []
        self.url = ""

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        """What the machine simulator's contract says."""
        parts = [unquote(part) for part in path.strip("/").split("/")]
        if len(parts) == 1:
            return self._create(body)
        name = parts[1]
        if name not in self.machines:
            return 404, {"error": f"no machine {name}"}
        return self._change(method, name, body)

    def _create(self, body: dict[str, Any]) -> tuple[int, Any]:
        self.calls.append(("create", body["id"]))
        if body["id"] in self.machines:
            return 409, {"error": "exists"}
        if not body["image"]["version"].startswith("v"):
            return 400, {"error": "image.version: must be a Talos version"}
        self.machines[body["id"]] = {**body, "power": "off", "running": body["image"]}
        return 201, self.machines[body["id"]]

    def _change(self, method: str, name: str, body: dict[str, Any]) -> tuple[int, Any]:
        machine = self.machines[name]
        if method == "POST":
            self.calls.append((str(body["to"]), name))
            machine["power"] = "off" if body["to"] == "off" else "on"
        elif method == "PATCH":
            if not set(body) <= {"cpus", "memoryMiB", "disks", "addresses"}:
                return 400, {"error": f"unknown field among {sorted(body)}"}
            self.calls.append(("change", name))
            machine.update(body)
        elif method == "DELETE":
            self.calls.append(("delete", name))
            del self.machines[name]
            return 204, None
        return 200, machine


@contextmanager
def recording() -> Iterator[Recorder]:
    """A recorder that listens on loopback."""
    recorder = Recorder()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            status, answer = recorder.answer(self.command, self.path, body)
            data = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815

        def log_message(self, *_args: Any) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    recorder.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield recorder
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
