"""Faults of plain HTTP services: which requests they hit, how often, and how they end."""

import time

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from lab.http_faults import Answer, Faults

pytestmark = pytest.mark.unit

KINDS = {"away": Answer(503, "away", "text/plain", (("Retry-After", "1"),))}


def client() -> TestClient[web.Request, web.Application]:
    faults = Faults(KINDS)
    app = web.Application(middlewares=[faults.middleware])

    async def fine(_request: web.Request) -> web.Response:
        return web.Response(text="fine")

    app.router.add_routes([*faults.routes(), web.route("*", "/{tail:.*}", fine)])
    return TestClient(TestServer(app))


async def test_a_fault_hits_its_method_and_path_only() -> None:
    async with client() as http:
        fault = {"kind": "away", "method": "POST", "path": "/a"}
        await http.post("/-/faults", json=fault)
        assert (await http.post("/a/b")).status == 503
        assert (await http.get("/a/b")).status == 200
        assert (await http.post("/b")).status == 200
        assert await (await http.get("/-/faults")).json() == [fault]


async def test_a_fault_ends_after_its_times_or_when_told() -> None:
    async with client() as http:
        await http.post("/-/faults", json={"kind": "away", "times": 2})
        assert [(await http.get("/a")).status for _ in range(3)] == [503, 503, 200]
        await http.post("/-/faults", json={"kind": "away"})
        assert (await http.get("/a")).headers["Retry-After"] == "1"
        await http.delete("/-/faults")
        assert (await http.get("/a")).status == 200


async def test_a_slow_service_answers_later() -> None:
    async with client() as http:
        await http.post("/-/faults", json={"kind": "slow", "seconds": 0.05})
        started = time.monotonic()
        assert await (await http.get("/a")).text() == "fine"
        assert time.monotonic() - started >= 0.05


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"kind": "gone"}, "known: slow, away"),
        ({"kind": "away", "tmies": 1}, "tmies"),
        ({"kind": "away", "times": 0}, "greater than 0"),
    ],
)
async def test_a_fault_that_is_none_is_refused(fault: dict[str, object], said: str) -> None:
    async with client() as http:
        refused = await http.post("/-/faults", json=fault)
        assert refused.status == 400
        assert said in (await refused.json())["error"]
