"""The simulated Image Factory over TLS, and a simulated Proxmox VE host that downloads from it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.lab.machines_recorder import recording
from tests.lab.proxmox_host import PASSWORD, SETUP
from tests.lab.simulator_process import Authority, Simulator, make_authority, running

pytestmark = pytest.mark.lab

SCHEMATIC = "customization:\n  systemExtensions:\n    officialExtensions:\n"
SCHEMATIC += "    - siderolabs/qemu-guest-agent\n"
IDENTIFIER = "ce4c980550dd2ab1b17bbf2b08801c7eb59418eafe8f279833297925d67c7515"


class Client:
    """Requests to one simulator, its certificate verified."""

    def __init__(self, simulator: Simulator, authority: Authority) -> None:
        self.url = simulator.url
        self._bundle = str(authority.bundle)

    def __call__(self, method: str, path: str, **options: object) -> requests.Response:
        return requests.request(
            method,
            f"{self.url}{path}",
            verify=self._bundle,
            timeout=20,
            **options,  # type: ignore[arg-type]
        )


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def factory(tmp_path: Path, authority: Authority) -> Iterator[Client]:
    with running("lab.factory", tmp_path, authority=authority) as simulator:
        yield Client(simulator, authority)


def test_a_posted_schematic_comes_back_under_its_identifier(factory: Client) -> None:
    made = factory("POST", "/schematics", data=SCHEMATIC)
    assert made.status_code == 201
    assert made.json()["id"] == IDENTIFIER
    assert factory("POST", "/schematics", data=SCHEMATIC).json() == made.json()
    assert factory("GET", f"/schematics/{IDENTIFIER}").text == made.json()["schematic"]
    assert factory("GET", f"/schematics/{'0' * 64}").status_code == 404


def test_versions_and_extensions_are_listed(factory: Client) -> None:
    assert "v1.13.0" in factory("GET", "/versions").json()
    listed = factory("GET", "/version/v1.13.0/extensions/official").json()
    found = {entry["name"]: entry for entry in listed}
    wanted = {"qemu-guest-agent", "tailscale", "iscsi-tools", "lldpd", "usb-modem-drivers"}
    assert {f"siderolabs/{name}" for name in wanted | {"thunderbolt", "zfs", "gvisor"}} <= set(
        found
    )
    assert found["siderolabs/zfs"]["ref"] == "ghcr.io/siderolabs/zfs:v1.13.0"
    assert factory("GET", "/version/v0.1.0/extensions/official").status_code == 404


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("nocloud-amd64.qcow2", "application/x-qemu-disk"),
        ("metal-amd64.iso", "application/x-iso9660-image"),
    ],
)
def test_an_image_exists_for_a_known_schematic_only(factory: Client, file: str, kind: str) -> None:
    path = f"/image/{IDENTIFIER}/v1.13.0/{file}"
    refused = factory("GET", path)
    assert refused.status_code == 404
    assert refused.text == f'schematic ID "{IDENTIFIER}" not found\n'
    factory("POST", "/schematics", data=SCHEMATIC)
    head, body = factory("HEAD", path), factory("GET", path)
    assert head.status_code == body.status_code == 200
    assert int(head.headers["Content-Length"]) == len(body.content)
    assert head.headers["Content-Disposition"] == f'attachment; filename="{file}"'
    assert head.headers["Content-Type"] == kind


def test_a_misspelt_schematic_is_refused_with_its_line(factory: Client) -> None:
    refused = factory("POST", "/schematics", data=SCHEMATIC.replace("official", "oficial"))
    assert refused.status_code == 400
    assert "line 3: field oficialExtensions not found" in refused.text


def test_schematics_survive_a_restart(tmp_path: Path, authority: Authority) -> None:
    state = ("--state", tmp_path / "state")
    with running("lab.factory", tmp_path, *state, authority=authority) as simulator:
        Client(simulator, authority)("POST", "/schematics", data=SCHEMATIC)
        assert simulator.stop() == 0
    with running("lab.factory", tmp_path, *state, authority=authority) as simulator:
        again = Client(simulator, authority)
        assert again("GET", f"/schematics/{IDENTIFIER}").status_code == 200
        assert IDENTIFIER in again("GET", "/-/world").json()["schematics"]


def test_a_factory_out_of_order_says_so_as_often_as_told(factory: Client) -> None:
    fault = {"kind": "unavailable", "path": "/versions", "times": 2}
    assert factory("POST", "/-/faults", json=fault).status_code == 201
    statuses = [factory("GET", "/versions").status_code for _ in range(3)]
    assert statuses == [503, 503, 200]
    unknown = factory("POST", "/-/faults", json={"kind": "unavaliable"})
    assert unknown.status_code == 400
    assert "unavailable" in unknown.json()["error"]


def test_a_simulated_host_downloads_an_image_from_the_factory(
    tmp_path: Path, authority: Authority, factory: Client
) -> None:
    factory("POST", "/schematics", data=SCHEMATIC)
    setup = tmp_path / "setup.json"
    setup.write_text(json.dumps(SETUP))
    folder = tmp_path / "host"
    folder.mkdir()
    with recording() as machines:
        options = ("--state", folder / "state", "--setup", setup, "--machines", machines.url)
        with running("lab.proxmox", folder, *options, authority=authority) as simulator:
            host = Client(simulator, authority)
            login = {"username": "root@pam", "password": PASSWORD}
            ticket = host("POST", "/api2/json/access/ticket", data=login).json()["data"]
            session = {
                "headers": {"CSRFPreventionToken": ticket["CSRFPreventionToken"]},
                "cookies": {"PVEAuthCookie": ticket["ticket"]},
            }
            url = f"{factory.url}/image/{IDENTIFIER}/v1.13.0/nocloud-amd64.qcow2"
            body = {"content": "import", "filename": "talos.qcow2", "url": url}
            path = "/api2/json/nodes/atlas/storage/local"
            upid = host("POST", f"{path}/download-url", data=body, **session).json()["data"]
            task = host("GET", f"/api2/json/nodes/atlas/tasks/{upid}/status", **session).json()
            assert task["data"]["exitstatus"] == "OK"
            listed = host("GET", f"{path}/content?content=import", **session).json()["data"]
            size = int(factory("HEAD", url.removeprefix(factory.url)).headers["Content-Length"])
            assert [(f["volid"], f["size"]) for f in listed] == [("local:import/talos.qcow2", size)]
