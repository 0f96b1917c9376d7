"""The control API of the simulated machines: hardware alone, before anybody configures anything."""

import json
import signal
from collections.abc import Iterator

import pytest

from tests.lab.talos_fixtures import VERSION, House, house
from tests.lab.waiting import wait_until

pytestmark = pytest.mark.lab

SCHEMATIC = "ab" * 32


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("control")) as made:
        made.build("atlas/101", "10.0.1.1", "BC:24:11:00:01:01", cpus=2, hostname="first")
        image = {"version": VERSION, "schematic": SCHEMATIC}
        made.build("box", "10.0.1.2", "BC:24:11:00:01:02", platform="metal", image=image)
        yield made


def answers(home: House, address: str) -> bool:
    done = home.talosctl("version", "--insecure", "-n", address, timeout=20, check=False)
    return done.returncode == 0


def test_a_machine_tells_what_it_is_made_of(home: House) -> None:
    read = home.machine("atlas/101")
    assert read["power"] == "on"
    assert read["cpus"] == 2
    assert read["running"] == {"version": VERSION, "schematic": ""}
    assert read["currentAddresses"] == ["10.0.1.1/16"]
    assert read["processes"] == {}


@pytest.mark.parametrize(
    ("clash", "value"),
    [("id", "box"), ("macs", ["bc:24:11:00:01:02"]), ("uuid", None)],
)
def test_a_second_machine_with_the_same_identity_is_refused(
    home: House, clash: str, value: object
) -> None:
    spec: dict[str, object] = {"id": "other", "image": {"version": VERSION, "schematic": ""}}
    spec[clash] = value if value is not None else home.machine("box")["uuid"]
    code, read = home.control("POST", "/machines", spec)
    assert code == 409
    assert "box" in read["error"]


def test_a_wrong_specification_is_refused_with_everything_that_is_wrong(home: House) -> None:
    code, read = home.control(
        "POST",
        "/machines",
        {"id": "x", "platform": "cloud", "image": {}, "addresses": ["10.0.0.1"]},
    )
    assert code == 400
    for part in ("platform", "image.version", "addresses"):
        assert part in read["error"]


def test_a_misspelt_key_is_refused(home: House) -> None:
    code, read = home.control("POST", "/machines", {"id": "x", "adresses": []})
    assert code == 400
    assert "adresses" in read["error"]


def test_a_machine_that_nobody_made_is_not_found(home: House) -> None:
    assert home.control("GET", "/machines/nobody")[0] == 404


def test_maintenance_mode_serves_disks_and_version_to_anybody(home: House) -> None:
    wait_until(lambda: answers(home, "10.0.1.1"), "maintenance mode")
    disks = home.talosctl("get", "disks", "--insecure", "-n", "10.0.1.1").stdout
    assert "QEMU HARDDISK" in disks
    assert VERSION in home.talosctl("version", "--insecure", "-n", "10.0.1.1").stdout


def test_the_schematic_of_the_running_image_is_shown_as_an_extension(home: House) -> None:
    wait_until(
        lambda: (
            SCHEMATIC
            in home.talosctl(
                "get", "extensions", "--insecure", "-n", "10.0.1.2", check=False
            ).stdout
        ),
        "the schematic",
    )


def test_an_ordered_fault_strikes_as_often_as_ordered(home: House) -> None:
    home.order(
        "atlas/101", "faults", {"method": "Version", "code": 14, "message": "ordered", "times": 1}
    )
    failed = home.talosctl("version", "--insecure", "-n", "10.0.1.1", check=False)
    assert "ordered" in failed.stdout + failed.stderr
    assert home.machine("atlas/101")["faults"] == []
    assert answers(home, "10.0.1.1")


def test_a_fault_can_be_taken_back(home: House) -> None:
    home.order("atlas/101", "faults", {"method": "Version", "delay": "30s"})
    assert len(home.machine("atlas/101")["faults"]) == 1
    assert home.control("DELETE", "/machines/atlas%2F101/faults?method=Version")[0] == 200
    assert home.machine("atlas/101")["faults"] == []


def test_a_fault_that_does_nothing_is_refused(home: House) -> None:
    code, read = home.control("POST", "/machines/box/faults", {"method": "Version"})
    assert code == 400
    assert "does nothing" in read["error"]


def test_a_pulled_cable_makes_a_machine_unreachable(home: House) -> None:
    home.order("box", "cable", {"to": "down"})
    assert home.machine("box")["cable"] == "down"
    assert home.run("ping", "-c1", "-W1", "10.0.1.2", check=False).returncode != 0
    home.order("box", "cable", {"to": "up"})
    wait_until(lambda: answers(home, "10.0.1.2"), "the machine after its cable is in again")


def test_a_change_of_hardware_waits_for_the_next_power_on(home: House) -> None:
    change = {"addresses": ["10.0.1.9/16"], "memoryMiB": 4096}
    assert home.control("PATCH", "/machines/box", change)[0] == 200
    assert home.machine("box")["currentAddresses"] == ["10.0.1.2/16"]
    home.order("box", "power", {"to": "reset"})
    wait_until(lambda: answers(home, "10.0.1.9"), "the machine at its other address")
    assert home.machine("box")["memoryMiB"] == 4096


def test_without_power_a_machine_is_dark(home: House) -> None:
    home.order("box", "power", {"to": "off"})
    read = home.machine("box")
    assert (read["power"], read["stage"], read["currentAddresses"]) == ("off", "off", [])


def test_a_restart_of_the_simulator_is_a_loss_of_power_and_nothing_worse(home: House) -> None:
    home.order("atlas/101", "faults", {"method": "Reboot", "code": 7})
    before = home.machine("atlas/101")
    home.end(signal.SIGKILL)
    home.start()
    wait_until(lambda: answers(home, "10.0.1.1"), "the machine after the restart")
    after = home.machine("atlas/101")
    assert before["bootId"] != after["bootId"]
    assert after["uuid"] == before["uuid"]
    assert after["faults"] == before["faults"]
    assert home.machine("box")["power"] == "off"


def test_a_deleted_machine_leaves_nothing_in_the_world(home: House) -> None:
    assert home.control("DELETE", "/machines/box")[0] == 204
    world = home.control("GET", "/world")[1]
    assert [machine["id"] for machine in world["machines"]] == ["atlas/101"]
    assert len(home.run("ip", "-o", "link", "show", "master", "br0").stdout.splitlines()) == 1
    assert [path.name for path in (home.folder / "state" / "machines").iterdir()] == ["atlas%2F101"]


def test_events_tell_the_story_in_order(home: House) -> None:
    lines = home.run("curl", "-sS", "http://127.0.0.1:9900/events").stdout.splitlines()
    told = [json.loads(line) for line in lines]
    assert {"at", "machine", "event"} == set(told[0])
    assert [entry["at"] for entry in told] == sorted(entry["at"] for entry in told)
    assert "power on" in {entry["event"] for entry in told}
