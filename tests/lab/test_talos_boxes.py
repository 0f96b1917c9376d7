"""Boxes on simulated hardware before and after a cluster: what they show, take, keep and lose."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.talos_fixtures import KUBERNETES, VERSION, House, house
from tests.lab.tools_bin import tool
from tests.lab.waiting import wait_until

pytestmark = pytest.mark.lab

CARD = "enp3s0f0"
LEASE, LEASE6 = "10.0.5.5", "fd00:1::5:5"  # what DHCP gives
BOX, BOX6 = "10.0.1.1", "fd00:1::1"
MAC = "68:5b:35:00:00:01"
UUID = "564d5a7e-0000-4000-8000-685b35000001"
INTERNAL = {"name": "sda", "sizeBytes": 250 * 10**9, "model": "APPLE SSD SM0256G", "serial": "A1"}
PORTABLE = {"name": "sdb", "sizeBytes": 10**12, "model": "Portable SSD T5", "serial": "S1"}
DISKS = [INTERNAL | {"transport": "sata"}, PORTABLE | {"transport": "usb"}]
NETWORK = f"""
apiVersion: v1alpha1
kind: HostnameConfig
hostname: mini01
auto: off
---
apiVersion: v1alpha1
kind: LinkConfig
name: {CARD}
addresses: [{{address: {BOX}/16}}, {{address: "{BOX6}/64"}}]
routes: [{{gateway: 10.0.0.1}}, {{gateway: "fd00:1::ffff"}}]
"""
PATCH = f"""
machine:
  install: {{diskSelector: {{model: "APPLE*"}}, image: "ghcr.io/siderolabs/installer:{VERSION}"}}
---{NETWORK}---
apiVersion: v1alpha1
kind: VolumeConfig
name: STATE
encryption: {{provider: luks2, keys: [{{slot: 0, nodeID: {{}}}}]}}
---
apiVersion: v1alpha1
kind: VolumeConfig
name: EPHEMERAL
encryption: {{provider: luks2, keys: [{{slot: 0, nodeID: {{}}}}]}}
---
apiVersion: v1alpha1
kind: UserVolumeConfig
name: longhorn-ssd
provisioning:
  diskSelector: {{match: 'disk.model == "Portable SSD T5" && disk.size > 900u * GB'}}
  minSize: 100GiB
  grow: true
"""
WIPE = ("--system-labels-to-wipe", "STATE", "--system-labels-to-wipe", "EPHEMERAL")
# What a box keeps from its time in a cluster; everything else is as it was before.
KEPT = {"bootId", "installed", "disks"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("boxes")) as made:
        made.run("ip", "addr", "add", "fd00:1::ffff/64", "dev", "br0", "nodad")
        box(made, "mini01")
        (made.folder / "network.yaml").write_text(NETWORK, encoding="utf-8")
        (made.folder / "patch.yaml").write_text(PATCH, encoding="utf-8")
        made.talosctl(
            *("gen", "config", "boxes", f"https://{BOX}:6443", "--config-patch", "@patch.yaml"),
            *("--kubernetes-version", KUBERNETES, "--with-docs=false", "--with-examples=false"),
        )
        made.talosctl("config", "endpoint", BOX)
        made.talosctl("config", "node", BOX)
        wait_until(lambda: blank(made, LEASE), "the box")
        yield made


def box(home: House, name: str, address: str = LEASE, **more: object) -> None:
    """Put a box on the shelf, with power."""
    found = name == "mini01"
    spec: dict[str, object] = {
        "platform": "metal",
        "interfaces": [CARD],
        "disks": DISKS,
        "manufacturer": "Apple Inc.",
        "product": "Macmini7,1",
        **({"uuid": UUID} if found else {}),
        **more,
    }
    if found:
        spec["addresses"] = [f"{address}/16", f"{LEASE6}/64"]
    home.build(name, address, MAC if found else f"68:5b:35:00:01:{home_number(home):02x}", **spec)


def home_number(home: House) -> int:
    return len(home.control("GET", "/machines")[1])


def blank(home: House, address: str) -> bool:
    """Tell whether a machine in maintenance mode answers there."""
    ask = ("get", "disks", "--insecure", "-n", address)
    return home.run("timeout", "5", str(tool("talosctl")), *ask, check=False).returncode == 0


def documents(text: str) -> list[dict[str, Any]]:
    """The JSON documents that talosctl writes one after the other."""
    found, decoder, rest = [], json.JSONDecoder(), text.strip()
    while rest:
        read, end = decoder.raw_decode(rest)
        found.append(read)
        rest = rest[end:].lstrip()
    return found


def shown(home: House, kind: str, *where: str) -> dict[str, dict[str, Any]]:
    """The specs of a kind of resources, by their ids; to anybody unless told otherwise."""
    argv = where or ("--insecure", "-n", LEASE)
    done = home.talosctl("get", kind, *argv, "-o", "json")
    return {read["metadata"]["id"]: read["spec"] for read in documents(done.stdout)}


def events(home: House) -> str:
    return home.run("curl", "-sS", "http://127.0.0.1:9900/events").stdout


def labels(home: House, disk: int, name: str = "mini01") -> list[str]:
    return [volume["label"] for volume in home.machine(name)["disks"][disk]["volumes"]]


def test_a_box_in_maintenance_mode_shows_anybody_what_it_is(home: House) -> None:
    link = shown(home, "links")[CARD]
    assert (link["hardwareAddr"], link["permanentAddr"]) == (MAC, MAC)
    assert shown(home, "hardwareaddresses")["first"] == {"name": CARD, "hardwareAddr": MAC}
    assert set(shown(home, "addresses")) == {f"{CARD}/{LEASE}/16", f"{CARD}/{LEASE6}/64"}
    disks = shown(home, "disks")
    assert {disks[name]["model"] for name in disks} == {"APPLE SSD SM0256G", "Portable SSD T5"}
    assert disks["sdb"]["transport"] == "usb"
    system = shown(home, "systeminformation")["systeminformation"]
    assert (system["uuid"], system["manufacturer"]) == (UUID, "Apple Inc.")
    assert shown(home, "machinestatus")["machine"]["stage"] == "maintenance"
    assert shown(home, "version")["version"]["version"] == VERSION
    assert shown(home, "cpus")["CPU-0"]["coreCount"] == 4
    assert shown(home, "volumestatus")["STATE"]["phase"] == "missing"
    assert home.talosctl("get", "systemdisk", "--insecure", "-n", LEASE).stdout.count("\n") <= 1


@pytest.mark.parametrize(
    "argv",
    [
        ("reset", "--wait=false"),
        ("get", "machineconfig"),
        ("get", "OSRootSecrets.secrets.talos.dev"),
    ],
)
def test_what_changes_or_betrays_is_refused_to_anybody(home: House, argv: tuple[str, ...]) -> None:
    done = home.talosctl(*argv, "--insecure", "-n", LEASE, check=False)
    assert done.returncode != 0
    assert "not authorized" in done.stderr


def test_a_selector_that_means_no_disk_is_refused_before_anything_happens(home: House) -> None:
    patch = '{machine: {install: {diskSelector: {model: "Samsung*"}}}}'
    done = home.talosctl(
        *("apply-config", "--insecure", "-n", LEASE, "-f", "controlplane.yaml", "-p", patch),
        check=False,
    )
    assert "no disks matched the expression" in done.stderr
    assert home.machine("mini01")["stage"] == "maintenance"


def test_a_box_that_cannot_install_itself_reboots_and_has_forgotten_everything(home: House) -> None:
    boot = home.machine("mini01")["bootId"]
    patch = "{machine: {install: {disk: /dev/sdx, diskSelector: {$patch: delete}}}}"
    home.talosctl(
        *("apply-config", "--insecure", "-n", LEASE, "-f", "controlplane.yaml", "-p", patch)
    )
    wait_until(lambda: "lstat /dev/sdx: no such file" in events(home), "the failure")
    wait_until(lambda: blank(home, LEASE), "maintenance mode at the leased address")
    read = home.machine("mini01")
    assert read["bootId"] != boot
    assert (read["configuration"], read["installed"]) == ("", None)


def test_a_part_of_a_configuration_moves_a_blank_box_to_its_own_addresses(home: House) -> None:
    home.talosctl("apply-config", "--insecure", "-n", LEASE, "-f", "network.yaml")
    wait_until(lambda: blank(home, BOX), "maintenance mode at the configured address")
    read = home.machine("mini01")
    assert (read["stage"], read["hostname"]) == ("maintenance", "mini01")
    assert read["currentAddresses"] == [f"{BOX}/16", f"{BOX6}/64"]
    where = ("--insecure", "-n", BOX6)
    assert set(shown(home, "addresses", *where)) == {f"{CARD}/{BOX}/16", f"{CARD}/{BOX6}/64"}
    routes = shown(home, "routes", *where).values()
    assert {route["gateway"] for route in routes} == {"10.0.0.1", "fd00:1::ffff"}
    assert not blank(home, LEASE)


def test_a_part_of_a_configuration_is_forgotten_while_no_disk_keeps_it(home: House) -> None:
    home.order("mini01", "power", {"to": "reset"})
    wait_until(lambda: blank(home, LEASE), "the leased address")
    assert home.machine("mini01")["hostname"] == ""


def test_a_document_about_a_card_that_is_not_there_takes_the_box_off_the_network(
    home: House,
) -> None:
    (home.folder / "lost.yaml").write_text(NETWORK.replace(CARD, "eth0"), encoding="utf-8")
    home.talosctl("apply-config", "--insecure", "-n", LEASE, "-f", "lost.yaml")
    wait_until(lambda: home.machine("mini01")["currentAddresses"] == [], "the end of the lease")
    assert not blank(home, LEASE)
    home.order("mini01", "power", {"to": "reset"})
    wait_until(lambda: blank(home, LEASE), "the leased address")


def test_a_box_installs_itself_to_the_disk_that_the_selector_means(home: House) -> None:
    (home.folder / "before").write_text(json.dumps(home.machine("mini01")), encoding="utf-8")
    home.talosctl("apply-config", "--insecure", "-n", LEASE, "-f", "controlplane.yaml")
    wait_until(lambda: "Running" in service(home, "apid"), "apid")
    assert shown(home, "systemdisk", "-n", BOX)["system-disk"]["diskID"] == "sda"
    assert home.machine("mini01")["installed"] == {"version": VERSION, "schematic": ""}
    assert labels(home, 0) == ["EFI", "META", "STATE", "EPHEMERAL"]


def service(home: House, name: str) -> str:
    return home.run("timeout", "5", str(tool("talosctl")), "service", name, check=False).stdout


def test_volumes_are_made_encrypted_and_mounted_as_configured(home: House) -> None:
    volumes = shown(home, "volumestatus", "-n", BOX)
    assert volumes["STATE"]["encryptionProvider"] == "luks2"
    assert volumes["EPHEMERAL"]["configuredEncryptionKeys"] == ["nodeID"]
    data = volumes["u-longhorn-ssd"]
    assert (data["phase"], data["location"], data["filesystem"]) == ("ready", "/dev/sdb1", "xfs")
    assert (
        shown(home, "MountStatuses.block.talos.dev", "-n", BOX)["u-longhorn-ssd"]["target"]
        == "/var/mnt/longhorn-ssd"
    )
    found = shown(home, "discoveredvolumes", "-n", BOX)
    assert found["sdb1"]["partition_label"] == "u-longhorn-ssd"
    assert found["sda3"]["name"] == "luks"


def test_a_box_boots_from_its_disk_when_the_drive_is_empty(home: House) -> None:
    assert home.control("PATCH", "/machines/mini01", {"image": None})[0] == 200
    boot = home.machine("mini01")["bootId"]
    home.order("mini01", "power", {"to": "reset"})
    wait_until(
        lambda: "Running" in service(home, "apid") and home.machine("mini01")["bootId"] != boot,
        "the machine from its disk",
    )
    image = {"version": VERSION, "schematic": ""}
    assert home.control("PATCH", "/machines/mini01", {"image": image})[0] == 200


def test_after_a_safe_reset_a_box_is_blank_and_its_data_is_where_it_was(home: House) -> None:
    data = home.machine("mini01")["disks"][1]["volumes"]
    home.talosctl("reset", "--graceful=false", "--reboot", "--wait=false", *WIPE)
    wait_until(lambda: blank(home, LEASE), "maintenance mode at the leased address")
    after = home.machine("mini01")
    assert [volume["label"] for volume in after["disks"][0]["volumes"]] == ["EFI", "META"]
    assert after["disks"][1]["volumes"] == data
    before = json.loads((home.folder / "before").read_text(encoding="utf-8"))
    assert {key for key in before if before[key] != after[key]} == KEPT
    assert shown(home, "volumestatus")["STATE"]["phase"] == "missing"
    system = home.talosctl("wipe", "disk", "sda", "--insecure", "-n", LEASE, check=False)
    assert 'blockdevice "sda" is in use by volume "META"' in system.stderr


def test_data_is_found_again_by_the_next_cluster_and_goes_only_when_it_is_named(
    home: House,
) -> None:
    data = home.machine("mini01")["disks"][1]["volumes"]
    home.talosctl("apply-config", "--insecure", "-n", LEASE, "-f", "controlplane.yaml")
    wait_until(lambda: "Running" in service(home, "apid"), "apid")
    assert home.machine("mini01")["disks"][1]["volumes"] == data
    refused = home.talosctl(
        *("reset", "--graceful=false", "--wait=false", "--user-disks-to-wipe", "/dev/sda"),
        check=False,
    )
    assert "is the system disk" in refused.stderr
    home.talosctl(
        *("reset", "--graceful=false", "--reboot", "--wait=false", *WIPE),
        *("--user-disks-to-wipe", "/dev/sdb"),
    )
    wait_until(lambda: blank(home, LEASE), "maintenance mode")
    assert labels(home, 1) == []


def test_a_reset_of_everything_leaves_nothing_to_boot_without_the_drive(home: House) -> None:
    home.talosctl("apply-config", "--insecure", "-n", LEASE, "-f", "controlplane.yaml")
    wait_until(lambda: "Running" in service(home, "apid"), "apid")
    home.control("PATCH", "/machines/mini01", {"image": None})
    home.talosctl("reset", "--graceful=false", "--reboot", "--wait=false")
    wait_until(lambda: "no bootable device" in events(home), "a dark screen")
    assert home.machine("mini01")["installed"] is None
    assert (labels(home, 0), labels(home, 1)) == ([], ["u-longhorn-ssd"])
    image = {"version": VERSION, "schematic": ""}
    home.control("PATCH", "/machines/mini01", {"image": image})
    home.order("mini01", "power", {"to": "reset"})
    wait_until(lambda: blank(home, LEASE), "the box from its drive")
    home.talosctl("wipe", "disk", "sdb", "--insecure", "-n", LEASE)
    assert labels(home, 1) == []


def test_a_box_can_come_with_a_system_of_another_version(home: House) -> None:
    old = {"version": "v1.12.4", "schematic": "ab" * 32}
    box(home, "half", "10.0.5.6", installed=old)
    wait_until(lambda: blank(home, "10.0.5.6"), "the box")
    assert home.machine("half")["running"] == old
    assert labels(home, 0, "half") == ["EFI", "META"]


def test_a_box_can_come_from_another_cluster(home: House) -> None:
    theirs = Path(home.folder / "theirs")
    theirs.mkdir()
    home.talosctl("gen", "config", "theirs", "https://10.0.9.9:6443", "-o", "theirs")
    configuration = (theirs / "controlplane.yaml").read_text(encoding="utf-8")
    installed = {"version": VERSION, "schematic": ""}
    box(home, "theirs", "10.0.5.7", installed=installed, configuration=configuration)
    wait_until(
        lambda: "certificate" in version_at(home, "10.0.5.7"), "a machine that does not know us"
    )
    assert home.machine("theirs")["cluster"] == "theirs"
    assert not blank(home, "10.0.5.7")


def test_the_drives_boot_menu_wipes_the_system_and_leaves_the_data(home: House) -> None:
    data = {"label": "u-longhorn-ssd", "filesystem": "xfs"}
    used = [DISKS[0], DISKS[1] | {"volumes": [data]}]
    installed = {"version": "v1.12.4", "schematic": ""}
    box(home, "used", "10.0.5.9", installed=installed, disks=used)
    wait_until(lambda: blank(home, "10.0.5.9"), "the box")
    kept = home.machine("used")["disks"][1]["volumes"]
    assert home.control("POST", "/machines/used/wipe")[0] == 200
    wait_until(lambda: home.machine("used")["running"]["version"] == VERSION, "the drive's system")
    wait_until(lambda: blank(home, "10.0.5.9"), "the box from its drive")
    assert home.machine("used")["installed"] is None
    assert home.machine("used")["disks"][1]["volumes"] == kept
    home.control("PATCH", "/machines/used", {"image": None})
    assert home.control("POST", "/machines/used/wipe")[0] == 400


def version_at(home: House, address: str) -> str:
    ask = ("version", "-e", address, "-n", address)
    done = home.run("timeout", "5", str(tool("talosctl")), *ask, check=False)
    return done.stdout + done.stderr


def test_a_configuration_without_a_disk_that_keeps_it_is_refused(home: House) -> None:
    spec = {"id": "odd", "platform": "metal", "configuration": "version: v1alpha1"}
    code, read = home.control("POST", "/machines", spec)
    assert code == 400
    assert "installed" in read["error"]


def test_a_slow_box_takes_its_time(home: House) -> None:
    box(home, "slow", "10.0.5.8", bootTime="3s")
    assert home.machine("slow")["stage"] == "rebooting"
    assert not blank(home, "10.0.5.8")
    wait_until(lambda: blank(home, "10.0.5.8"), "the slow box")


def test_another_card_is_another_box(home: House) -> None:
    code, read = home.control("PATCH", "/machines/slow", {"macs": ["68:5b:35:00:00:99"]})
    assert code == 400
    assert "macs" in read["error"]
