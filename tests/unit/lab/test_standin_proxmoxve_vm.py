"""A VM between the program's words and Proxmox VE's: there and back without a difference."""

from typing import Any

import pytest

from lab.plugins.proxmoxve import api, changes, decode, drives, encode, guest, normal, session, vm
from provider.rpc import UNKNOWN, Refused, Secret, field_wise

pytestmark = pytest.mark.unit

TALOS: dict[str, Any] = {
    "nodeName": "atlas",
    "vmId": 101,
    "name": "cp1",
    "tags": ["talos", "control-plane"],
    "bios": "ovmf",
    "machine": "q35",
    "agent": {"enabled": True},
    "cpu": {"cores": 4, "type": "host"},
    "memory": {"dedicated": 4096},
    "operatingSystem": {"type": "l26"},
    "efiDisk": {"datastoreId": "zfs", "type": "4m"},
    "disks": [
        {
            "interface": "scsi0",
            "datastoreId": "zfs",
            "importFrom": "local:import/talos.qcow2",
            "size": 20,
            "discard": "on",
            "ssd": True,
            "speed": {"read": 500},
        }
    ],
    "networkDevices": [{"bridge": "vmbr0", "macAddress": "BC:24:11:00:01:01"}],
    "initialization": {
        "datastoreId": "zfs",
        "ipConfigs": [{"ipv4": {"address": "10.0.1.1/16", "gateway": "10.0.0.1"}}],
        "dns": {"servers": ["10.0.0.1"]},
        "userAccount": {"username": "u", "password": "canary", "keys": ["ssh-ed25519 A b"]},
    },
    "smbios": {"serial": "s1"},
    "startup": {"order": 1},
    "serialDevices": [{}],
}


def as_stored(model: normal.Model) -> dict[str, Any]:
    """What Proxmox VE makes of the parameters of a create."""
    stored: dict[str, Any] = {
        key: value for key, value in encode.creation(model).items() if key not in ("vmid", "pool")
    }
    stored["scsi0"] = (
        "zfs:vm-101-disk-1,aio=io_uring,backup=1,cache=none,discard=on,"
        "iothread=0,mbps_rd=500,replicate=1,size=20G,ssd=1"
    )
    stored["ide2"] = "zfs:vm-101-cloudinit,media=cdrom,size=4M"
    stored["efidisk0"] = "zfs:vm-101-disk-0,efitype=4m,pre-enrolled-keys=0,size=1M"
    stored["net0"] = "virtio=BC:24:11:00:01:01,bridge=vmbr0,firewall=0"
    stored["cipassword"] = "**********"
    return stored


def differences(state: normal.Model, wanted: normal.Model) -> list[str]:
    return sorted(field_wise(*normal.comparable(state, wanted)).detailed)


def seen(model: normal.Model, stored: dict[str, Any]) -> normal.Model:
    return {**decode.model_of(stored, 101, model), "started": True, "poolId": ""}


def test_what_was_written_reads_back_the_same() -> None:
    model = normal.filled(TALOS)
    assert differences(seen(model, as_stored(model)), model) == []


def test_defaults_are_the_vendors_not_ours() -> None:
    model = normal.filled({"nodeName": "a"})
    assert (model["rebootAfterUpdate"], model["stopOnDestroy"]) == (True, False)
    assert normal.filled({"nodeName": "a", "cpu": {}})["cpu"]["type"] == "qemu64"
    assert model["purgeOnDestroy"] is True


def test_a_disk_without_limits_differs_for_ever_on_its_speed() -> None:
    disk = {key: value for key, value in TALOS["disks"][0].items() if key != "speed"}
    model = normal.filled({**TALOS, "disks": [disk]})
    stored = as_stored(model)
    stored["scsi0"] = stored["scsi0"].replace("mbps_rd=500,", "")
    old, new = normal.comparable(seen(model, stored), model)
    assert sorted(field_wise(old, new).detailed) == ["disks[0].speed"]
    assert not field_wise(old, new, ignore=["disks[*].speed"]).changed


def test_a_disk_that_somebody_attached_is_not_read() -> None:
    model = normal.filled(TALOS)
    stored = {**as_stored(model), "scsi5": "zfs:vm-9999-pvc-1,size=5G"}
    assert differences(seen(model, stored), model) == []


def test_an_import_reads_every_disk() -> None:
    model = normal.filled(TALOS)
    stored = {**as_stored(model), "scsi5": "zfs:vm-9999-pvc-1,size=5G"}
    found = decode.model_of(stored, 101, normal.TOP)
    assert [disk["interface"] for disk in found["disks"]] == ["scsi0", "scsi5"]


def test_an_own_disk_that_is_gone_or_grew_is_a_difference() -> None:
    model = normal.filled(TALOS)
    stored = as_stored(model)
    grown = {**stored, "scsi0": stored["scsi0"].replace("20G", "30G")}
    assert differences(seen(model, grown), model) == ["disks[0].size"]
    del stored["scsi0"]
    assert "disks[0].interface" in differences(seen(model, stored), model)


def test_disks_are_compared_in_the_programs_order() -> None:
    second = {"interface": "virtio0", "datastoreId": "zfs", "size": 5, "speed": {"write": 1}}
    model = normal.filled({**TALOS, "disks": [second, TALOS["disks"][0]]})
    stored = as_stored(model)
    stored["virtio0"] = "zfs:vm-101-disk-2,mbps_wr=1,size=5G"
    assert differences(seen(model, stored), model) == []


def test_an_image_changed_later_is_a_change_that_imports_nothing() -> None:
    model = normal.filled(TALOS)
    state = seen(model, as_stored(model))
    other = {**TALOS["disks"][0], "importFrom": "local:import/new.qcow2"}
    wanted = normal.filled({**TALOS, "disks": [other]})
    assert differences(state, wanted) == ["disks[0].importFrom"]
    assert changes._options_of(state["disks"][0]) == changes._options_of(wanted["disks"][0])


def test_a_password_that_proxmox_hides_is_kept_from_the_state() -> None:
    model = normal.filled(TALOS)
    assert seen(model, as_stored(model))["initialization"]["userAccount"]["password"] == "canary"


def test_the_parameters_of_a_create_are_the_vendors() -> None:
    found = encode.creation(normal.filled(TALOS))
    assert found["agent"] == "enabled=1,fstrim_cloned_disks=0,type=virtio"
    assert found["boot"] == "order=scsi0;net0"
    assert found["cpu"] == "cputype=host"
    assert found["tags"] == "control-plane;talos"
    assert found["scsi0"].startswith("file=zfs:0,import-from=local:import/talos.qcow2,aio=io_uring")
    assert found["ide2"] == "file=zfs:cloudinit"
    assert found["ipconfig0"] == "gw=10.0.0.1,ip=10.0.1.1/16"
    assert found["net0"] == "model=virtio,bridge=vmbr0,firewall=0,macaddr=BC:24:11:00:01:01"
    assert found["startup"] == "order=1"


def test_an_empty_disk_is_made_in_its_size() -> None:
    disk = normal.filled({"disks": [{"interface": "sata1", "datastoreId": "d", "size": 7}]})
    value = drives.new_disk(disk["disks"][0])
    assert value.startswith("file=d:7,")
    assert "iothread" not in value, "not an option of SATA"


@pytest.mark.parametrize(
    ("size", "whole"), [("20G", 20), ("8193M", 8), ("1T", 1024), ("528K", 0), (None, 0)]
)
def test_sizes_are_whole_gibibytes(size: str | None, whole: int) -> None:
    assert drives.gigabytes(size) == whole


@pytest.mark.parametrize(
    "value",
    [
        "virtio=AA:BB:CC:00:00:01,bridge=vmbr1,tag=51,mtu=9000",
        "model=virtio,macaddr=AA:BB:CC:00:00:01,bridge=vmbr1,tag=51,mtu=9000",
    ],
)
def test_network_cards_are_read_in_both_spellings(value: str) -> None:
    card = drives.network_model(value)
    assert (card["model"], card["macAddress"]) == ("virtio", "AA:BB:CC:00:00:01")
    assert (card["vlanId"], card["mtu"], card["bridge"]) == (51, 9000, "vmbr1")


def check(news: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    inputs, failures = vm.Vm(lambda: pytest.fail("a check asks nobody")).check({}, news)
    return inputs, [failure.property for failure in failures]


def test_what_the_stand_in_lacks_is_refused_by_name() -> None:
    _, refused = check(
        {"nodeName": "a", "clone": {"vmId": 1}, "hostpcis": [{"device": "hostpci0"}]}
    )
    assert refused == ["clone", "hostpcis"]
    _, refused = check(
        {"nodeName": "a", "disks": [{"interface": "scsi0", "fileId": "local:iso/x"}]}
    )
    assert refused == ["disks[0].fileId"]


def test_a_node_is_required() -> None:
    assert check({"vmId": 1})[1] == ["nodeName"]


def test_unknown_values_pass_the_check() -> None:
    disks = [{"interface": "scsi0", "importFrom": UNKNOWN}]
    inputs, refused = check({"nodeName": UNKNOWN, "disks": disks, "tags": UNKNOWN})
    assert refused == []
    assert inputs["disks"][0]["importFrom"] is UNKNOWN
    assert inputs["tags"] is UNKNOWN


@pytest.mark.parametrize(
    ("change", "replaced"),
    [
        ({"vmId": 102}, True),
        ({"nodeName": "other"}, True),
        ({"nodeName": "other", "migrate": True}, False),
        ({"memory": {"dedicated": 8192}}, False),
        ({"efiDisk": {"datastoreId": "zfs", "type": "2m"}}, True),
        ({"initialization": {**TALOS["initialization"], "userDataFileId": "x"}}, True),
    ],
)
def test_a_change_replaces_where_the_vendor_says_so(change: dict[str, Any], replaced: bool) -> None:
    model = normal.filled(TALOS)
    state = {**seen(model, as_stored(model)), "nodeName": "atlas"}
    resource = vm.Vm(lambda: pytest.fail("a diff asks nobody"))
    found = resource.diff("101", state, model, normal.filled({**TALOS, **change}), [])
    assert found.changed
    assert bool(found.replaces) is replaced


def test_a_pool_is_left_alone_when_none_is_named() -> None:
    model = normal.filled(TALOS)
    state = {**seen(model, as_stored(model)), "poolId": "somebody's"}
    assert differences(state, model) == []


@pytest.mark.parametrize(
    ("text", "number"), [("15m", 900.0), ("1h30m", 5400.0), ("500ms", 0.5), ("10s", 10.0)]
)
def test_timeouts_of_the_agent_are_go_durations(text: str, number: float) -> None:
    assert guest.seconds(text) == number


def test_a_wrong_duration_is_explained() -> None:
    with pytest.raises(Refused, match='invalid duration "15 minutes"; write for example 15m'):
        guest.seconds("15 minutes")


def test_refusals_are_worded_as_the_vendor_words_them() -> None:
    forbidden = api.worded(403, "Permission check failed (/vms/101, VM.Allocate)", None)
    assert str(forbidden) == (
        "received an HTTP 403 response - Reason: Permission check failed (/vms/101, VM.Allocate)"
    )
    invalid = api.worded(400, "Parameter verification failed.", {"vmid": "too small\n"})
    assert str(invalid).endswith("Parameter verification failed. (vmid: too small)")
    assert api.worded(500, "no such user ('x@pve')", None).missing


def test_credentials_do_not_show() -> None:
    found = session.credentials({"endpoint": "https://h:8006/", "apiToken": "u@pve!t=canary"})
    assert "canary" not in repr(found)
    assert found.endpoint == "https://h:8006"


def test_a_token_that_is_none_is_explained() -> None:
    with pytest.raises(Refused, match="must be USER@REALM!NAME=UUID"):
        session.connect(session.Credentials("https://h:8006", token="canary"))


@pytest.mark.parametrize(
    ("config", "refused"),
    [
        ({"endpoint": "https://h:8006", "apiToken": Secret("u@pve!t=x")}, []),
        ({"endpoint": "https://h:8006", "apiToken": UNKNOWN}, []),
        ({"endpoint": "https://h:8006", "username": "u@pve"}, ["apiToken"]),
        ({"apiToken": Secret("u@pve!t=x")}, ["endpoint"]),
    ],
)
def test_a_provider_that_cannot_log_in_is_refused(
    config: dict[str, Any], refused: list[str]
) -> None:
    assert [failure.property for failure in session.check_config({}, config)[1]] == refused
