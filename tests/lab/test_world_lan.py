"""What a program on a machine reaches: the vendors by the machine's cable, and nothing without."""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lab.programs import write_programs
from lab.world import Running, World
from lab.world.facts import StackFacts
from lab.world.services import MACHINES_CONTROL, services
from tests.lab.talos_fixtures import VERSION, tools_bin
from tests.lab.tools_bin import tool
from tests.lab.waiting import wait_until
from tests.lab.world_driver import ROOT, small

pytestmark = pytest.mark.lab

GATEWAYS = ("10.0.0.1", "fd47:25e1:2f96:51::1")
FACTS = StackFacts(
    stack="small", operator=("10.0.255.254/16",), proxmox=None, gateways=GATEWAYS[:1]
)
BOX = {
    "id": "box",
    "macs": ["BC:24:11:00:01:01"],
    "platform": "nocloud",
    "image": {"version": VERSION, "schematic": ""},
    "addresses": ["10.0.1.1/16", "fd47:25e1:2f96:51::11/64"],
    "gateways": [*GATEWAYS],
}
# Runs inside the lab, and goes from there into the one network namespace that is not the lab's own:
# the machine's, which one thread of the simulator holds.
FETCH = """
import glob, os, subprocess, sys
ours = os.readlink("/proc/1/ns/net")
theirs = [p for p in glob.glob("/proc/[0-9]*/task/*/ns/net") if os.readlink(p) != ours]
get = "import urllib.request as r; print(r.urlopen(%r, timeout=5).status)" % sys.argv[1]
enter = ["nsenter", "--net=" + theirs[0], "--"]
sys.exit(subprocess.run([*enter, sys.executable, "-c", get]).returncode)
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    state = tmp_path_factory.mktemp("lan")
    shelf = tools_bin(state / "bin")
    (shelf / "talossim").symlink_to(tool("talossim"))
    write_programs(state / "programs.json", ())
    table = services(FACTS, root=ROOT, state=state, shelf=shelf, real_charts=Path("/none"))
    plan = small(state, *(service for service in table if service.name in {"talossim", "charts"}))
    with World(replace(plan, gateways=GATEWAYS)) as running:
        _control(running, "/machines", BOX)
        _control(running, "/machines/box/power", {"to": "on"})
        yield running


def _control(running: Running, path: str, body: object) -> None:
    url = f"http://{MACHINES_CONTROL}{path}"
    call = ["curl", "-sSf", "-m", "30", "-X", "POST", url, "-d", json.dumps(body)]
    done = running.run(call, timeout=40)
    assert done.returncode == 0, done.stdout + done.stderr


def _fetched(running: Running) -> bool:
    done = running.run([sys.executable, "-c", FETCH, "https://ghcr.io/-/healthz"], timeout=20)
    return done.stdout == "200\n"


def test_a_program_on_a_machine_reaches_a_vendor_by_its_default_route(world: Running) -> None:
    wait_until(lambda: _fetched(world), "an answer from a vendor")


def test_without_its_cable_it_reaches_nobody_until_it_is_back(world: Running) -> None:
    wait_until(lambda: _fetched(world), "an answer from a vendor")
    _control(world, "/machines/box/cable", {"to": "down"})
    assert not _fetched(world)
    _control(world, "/machines/box/cable", {"to": "up"})
    wait_until(lambda: _fetched(world), "an answer from a vendor again")


def test_the_operator_speaks_to_machines_from_its_own_address(world: Running) -> None:
    for machine, own in (("10.0.1.1", "10.0.255.254"), ("fd47:25e1:2f96:51::11", "51::fe")):
        route = world.run(["ip", "route", "get", machine], timeout=20).stdout
        assert f"src {own}" in route.replace("fd47:25e1:2f96:", "")
