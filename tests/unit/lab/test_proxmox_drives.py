"""Drives and machines out of a virtual machine's configuration."""

import pytest

from lab.proxmox.state.drives import (
    Drive,
    changes_at_once,
    cloudinit_key,
    format_size,
    parse_size,
    resized,
)
from lab.proxmox.state.machine import boot_disk, bridges, describe, image_of

pytestmark = pytest.mark.unit

CONFIG = {
    "name": "cp1",
    "cores": 2,
    "sockets": 2,
    "memory": "4096",
    "scsihw": "virtio-scsi-single",
    "boot": "order=scsi1;net0",
    "scsi0": "local-zfs:vm-101-disk-0,size=1G",
    "scsi1": "local-zfs:vm-101-disk-1,serial=root,size=20G",
    "virtio0": "local-zfs:vm-101-disk-2,size=512M",
    "ide0": "local:iso/talos.iso,media=cdrom",
    "ide2": "local-zfs:vm-101-cloudinit,media=cdrom",
    "net0": "virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=51",
    "net1": "e1000=BC:24:11:00:00:02,bridge=vmbr1",
    "ipconfig0": "ip=172.29.51.11/24,gw=172.29.51.1,ip6=fd00:51::11/64",
    "ipconfig1": "ip=dhcp",
    "nameserver": "172.29.51.1 9.9.9.9",
    "smbios1": "uuid=8d0f89aa-0ce7-4b62-a2b4-120648bfd7d1",
}


def test_a_machine_has_the_hardware_of_its_guest() -> None:
    made = describe("atlas", 101, CONFIG, f"https://factory.talos.dev/image/{'c' * 64}/v1.13.0/x")
    assert made["id"] == "atlas/101"
    assert made["uuid"] == "8d0f89aa-0ce7-4b62-a2b4-120648bfd7d1"
    assert made["image"] == {"version": "v1.13.0", "schematic": "c" * 64}
    assert made["macs"] == ["bc:24:11:00:00:01", "bc:24:11:00:00:02"]
    assert made["addresses"] == ["172.29.51.11/24", "fd00:51::11/64"]
    assert made["gateways"] == ["172.29.51.1"]
    assert made["nameservers"] == ["172.29.51.1", "9.9.9.9"]
    assert (made["cpus"], made["memoryMiB"], made["hostname"]) == (4, 4096, "cp1")
    assert [(d["name"], d["sizeBytes"], d["serial"]) for d in made["disks"]] == [
        ("sda", 1024**3, ""),
        ("sdb", 20 * 1024**3, "root"),
        ("vda", 512 * 1024**2, ""),
    ]


def test_a_guest_without_a_cloud_init_drive_has_no_addresses() -> None:
    bare = {key: value for key, value in CONFIG.items() if key != "ide2"}
    made = describe("atlas", 101, bare, "")
    assert (made["addresses"], made["hostname"]) == ([], "")
    assert made["image"] == {"version": "", "schematic": ""}


def test_the_boot_disk_is_the_first_in_boot_order() -> None:
    found = boot_disk(CONFIG)
    assert found is not None
    assert found.name == "vm-101-disk-1"


def test_bridges_are_found_per_device() -> None:
    assert bridges(CONFIG) == {"net0": "vmbr0", "net1": "vmbr1"}


def test_a_url_that_is_no_image_has_no_version() -> None:
    assert image_of("https://example.org/debian.qcow2") == {"version": "", "schematic": ""}


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("local-zfs:vm-1-disk-0,ssd=1,discard=on", "local-zfs:vm-1-disk-0,discard=on,ssd=1"),
        ("file=local:iso/a.iso,media=cdrom", "local:iso/a.iso,media=cdrom"),
        ("none,media=cdrom", "none,media=cdrom"),
    ],
)
def test_a_drive_is_written_as_proxmox_writes_it(text: str, written: str) -> None:
    assert str(Drive.parse(text)) == written


@pytest.mark.parametrize("name", ["local-zfs:vm-101-cloudinit", "local:101/vm-101-cloudinit.qcow2"])
def test_a_cloud_init_drive_is_known_by_its_name(name: str) -> None:
    assert Drive(name).is_cloudinit
    assert Drive(name).owner == 101
    assert cloudinit_key({"ide2": name}, but="ide0") == "ide2"


def test_a_running_guest_takes_a_new_scsi_disk_but_not_a_new_ide_one() -> None:
    new = Drive("local-zfs:vm-9999-pvc-1")
    assert changes_at_once(None, new, "scsi1", hotplug=True)
    assert not changes_at_once(None, new, "ide1", hotplug=True)
    assert not changes_at_once(None, new, "scsi1", hotplug=False)


def test_a_running_guest_takes_a_new_limit_but_not_a_new_cache() -> None:
    old = Drive("local-zfs:vm-101-disk-0", {"size": "8G"})
    assert changes_at_once(old, old.having(mbps_rd="100"), "scsi0", hotplug=True)
    assert not changes_at_once(old, old.having(cache="none"), "scsi0", hotplug=True)


@pytest.mark.parametrize(
    ("size", "text"),
    [(1246 * 1024**2, "1246M"), (20 * 1024**3, "20G"), (1024**4, "1T"), (528 * 1024, "528K")],
)
def test_sizes_use_the_largest_unit_that_divides_them(size: int, text: str) -> None:
    assert format_size(size) == text
    assert parse_size(text) == size


def test_a_resize_adds_or_sets() -> None:
    assert resized(1024**3, "+1G") == 2 * 1024**3
    assert resized(1024**3, "20G") == 20 * 1024**3
    assert resized(1024**3, "large") is None
