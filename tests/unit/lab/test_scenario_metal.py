"""What scenarios of adopted hosts take for left behind, and what a reset has to leave."""

import pytest

from lab.scenarios.stays import unexpected
from lab.scenarios.vendors import Vendors

pytestmark = pytest.mark.unit

BLANK = {
    "id": "mini01",
    "bootId": "a",
    "installed": None,
    "stage": "maintenance",
    "configuration": "",
    "disks": [{"name": "sda", "volumes": []}, {"name": "sdb", "volumes": []}],
}
STATE = {"label": "STATE", "filesystem": "", "uuid": ""}
DATA = {"label": "u-longhorn-ssd", "filesystem": "xfs", "uuid": "0d5c"}


def left(**changes: object) -> list[str]:
    before = {"machines": {"machines": [BLANK], "vips": {}, "clusters": {}}}
    after = {"machines": {"machines": [{**BLANK, **changes}], "vips": {}, "clusters": {}}}
    return unexpected(Vendors.added(before, after))


def test_a_box_after_a_reset_differs_in_nothing_but_what_has_a_name() -> None:
    disks = [{"name": "sda", "volumes": [STATE]}, {"name": "sdb", "volumes": [DATA]}]
    installed = {"version": "v1.13.0", "schematic": "x"}
    assert left(bootId="b", installed=installed, disks=disks) == []


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"configuration": "5d1c"}, "/machines/machines[mini01]/configuration"),
        ({"stage": "running"}, "/machines/machines[mini01]/stage"),
        ({"disks": [{"name": "sda", "volumes": []}]}, "/machines/machines[mini01]/disks[sdb]"),
        ({"id": "mini09"}, "/machines/machines[mini09]"),
    ],
)
def test_anything_else_counts_as_left_behind(changes: dict[str, object], path: str) -> None:
    assert any(line.startswith(path) for line in left(**changes))
