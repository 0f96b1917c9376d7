"""What lies on a data disk: a volume of the cluster's earlier life, or something in its way."""

from typing import Any

import pytest

from provider.disk_contents import Volume, in_the_way, room
from provider.host_facts import GIB, Disk
from provider.host_preflight import HostPreflight
from provider.rpc import Refused
from tests.unit.provider.talos_boxes import boxes, facts
from tests.unit.provider.test_host_preflight import inputs

pytestmark = [pytest.mark.unit, pytest.mark.timeout(10)]

DISK = Disk("sdb", "Portable SSD T5", size=931 * GIB, transport="usb")
TABLE = Volume("sdb", "sdb", "gpt", size=931 * GIB)


def part(number: int, start: int, size: int, **more: Any) -> Volume:
    return Volume(f"sdb{number}", "sdb", offset=start * GIB, size=size * GIB, **more)


@pytest.mark.parametrize(
    ("volumes", "reason"),
    [
        ([], ""),
        ([Volume("sdb", "sdb")], ""),
        ([TABLE], ""),
        ([Volume("sdb", "sdb", "vfat")], "holds vfat: Talos makes no volume there, and wipes noth"),
        (
            [TABLE, part(1, 0, 200), part(2, 200, 731, format="apfs", label="Backup")],
            "is full, so Talos makes no volume there: sdb1 (unknown, 200 GiB), sdb2 (apfs, 'Back",
        ),
        ([TABLE, part(1, 0, 900, format="vfat")], ""),
        ([TABLE, part(1, 0, 931, format="xfs", label="u-longhorn-ssd")], ""),
        ([TABLE, part(1, 0, 931, format="xfs", label="u-other")], "is full, so Talos m"),
        ([Volume("sdb", "sdb"), Volume("sdb1", "sdb")], "has a partition table that Talos does n"),
    ],
)
def test_a_volume_comes_up_where_it_is_already_and_where_there_is_room(
    volumes: list[Volume], reason: str
) -> None:
    found = in_the_way("longhorn-ssd", DISK, volumes)
    assert found.startswith(reason)
    assert bool(found) is bool(reason)


def test_room_is_the_largest_gap_and_not_the_sum() -> None:
    assert room(DISK, [part(1, 8, 900), part(2, 912, 19)]) < 8 * GIB
    assert room(DISK, [part(2, 912, 19), part(1, 100, 200)]) == 612 * GIB


def test_a_full_data_disk_is_told_before_anything_is_applied_and_others_are_nobodys_business() -> (
    None
):
    world = boxes(1)
    world.boxes[0].contents = {
        "sda": {"name": "gpt", "size": 233 * GIB},
        "sda1": {"name": "xfs", "parent": "sda", "size": 233 * GIB},
        "sdb": {"name": "vfat", "size": 931 * GIB},
    }
    preflight = HostPreflight(world.look, world.blank, 0.01)
    with pytest.raises(Refused) as refused:
        preflight.create(inputs(facts(1)), False, 0.0)
    assert str(refused.value).endswith(
        "  its data disk longhorn-ssd, sdb (Portable SSD T5, 931 GiB, serial S49WNP0N1, usb), "
        "holds vfat: Talos makes no volume there, and wipes nothing by itself\n"
        "    if nothing on it is needed any more: `talosctl wipe disk sdb --insecure -n "
        "172.29.51.101`"
    )
    world.boxes[0].contents["sdb"] = {"name": "", "size": 931 * GIB}
    world.boxes[0].partitions = ["sda1", "sdb1"]
    with pytest.raises(Refused, match=r"does not know, and would write over: sdb1 \(unknown\)"):
        preflight.create(inputs(facts(1)), False, 0.0)
    world.boxes[0].partitions = []
    assert preflight.create(inputs(facts(1)), False, 0.0)[0] == "passed"
