"""What stands beside PowerDNS in its pod, against an API that behaves as the documented one."""

import json
import runpy
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from tests.unit.gitops.trees import INFRASTRUCTURE

pytestmark = pytest.mark.unit

API = "/api/v1/servers/localhost"
MODULE = runpy.run_path(str(INFRASTRUCTURE / "powerdns" / "zone.py"))
WANTED = MODULE["Wanted"](
    zone="lab.example",
    nameserver="ns1.example.com",
    key_name="lab-transfer",
    key_algorithm="hmac-sha256",
    key="c2VjcmV0",
)


class PowerDns(ThreadingHTTPServer):
    """Zones and keys by their ids, as doc.powerdns.com's "HTTP API" has them."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.things: dict[str, dict[str, Any]] = {}
        self.changes: list[str] = []


class Answer(BaseHTTPRequestHandler):
    """One question."""

    server: PowerDns

    def do_GET(self) -> None:
        found = self.server.things.get(self.place())
        self.reply(404 if found is None else 200, found or {"error": "Not Found"})

    def do_POST(self) -> None:
        body = self.body()
        named = str(body["name"]).rstrip(".") + "."
        self.server.things[f"{self.place()}/{named}"] = body
        self.reply(201, body)

    def do_PUT(self) -> None:
        self.server.things[self.place()].update(self.body())
        self.reply(204, None)

    def place(self) -> str:
        return self.path.removeprefix(API).partition("?")[0]

    def body(self) -> dict[str, Any]:
        self.server.changes.append(f"{self.command} {self.place()}")
        found: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return found

    def reply(self, code: int, body: dict[str, Any] | None) -> None:
        allowed = self.headers["X-API-Key"] == "opens-it"
        text = b"" if body is None else json.dumps(body).encode()
        self.send_response(code if allowed else 401)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name)
        """Silent."""


@pytest.fixture
def powerdns() -> Iterator[PowerDns]:
    server = PowerDns()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def ensure(server: PowerDns, api_key: str = "opens-it") -> list[str]:
    api = f"http://127.0.0.1:{server.server_port}{API}"
    made: list[str] = MODULE["ensure"](MODULE["Server"](api=api, api_key=api_key), WANTED)
    return made


def test_an_empty_server_gets_the_key_then_the_zone_that_it_opens(powerdns: PowerDns) -> None:
    assert ensure(powerdns) == ["key lab-transfer.", "zone lab.example."]
    assert powerdns.changes == ["POST /tsigkeys", "POST /zones"]
    zone = powerdns.things["/zones/lab.example."]
    assert zone["nameservers"] == ["ns1.example.com."]
    assert (zone["kind"], zone["master_tsig_key_ids"]) == ("Master", ["lab-transfer."])


def test_nothing_is_changed_that_is_as_it_should_be(powerdns: PowerDns) -> None:
    ensure(powerdns)
    powerdns.changes.clear()
    assert ensure(powerdns) == []
    assert powerdns.changes == []


def test_a_key_that_was_rotated_and_a_zone_that_was_opened_are_put_right(
    powerdns: PowerDns,
) -> None:
    ensure(powerdns)
    powerdns.things["/tsigkeys/lab-transfer."]["key"] = "b2xk"
    powerdns.things["/zones/lab.example."]["master_tsig_key_ids"] = []
    assert ensure(powerdns) == ["key lab-transfer.", "settings of zone lab.example."]
    assert powerdns.things["/tsigkeys/lab-transfer."]["key"] == WANTED.key
    assert powerdns.things["/zones/lab.example."]["master_tsig_key_ids"] == ["lab-transfer."]


def test_a_server_that_lets_nobody_in_is_an_error_and_no_missing_zone(powerdns: PowerDns) -> None:
    with pytest.raises(OSError, match="401"):
        ensure(powerdns, api_key="another")
    assert powerdns.changes == []
