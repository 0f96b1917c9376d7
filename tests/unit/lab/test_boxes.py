"""The boxes that stand in a lab before a bare-metal stack is rehearsed."""

from typing import Any

import pytest

from config import versions
from lab import boxes
from lab.world.errors import WorldError
from tests.unit.components.committed import cluster, edited

pytestmark = pytest.mark.unit

HOME = cluster("home-ops")


def test_every_adopted_host_is_a_box_with_the_facts_card_and_reservation() -> None:
    specs = {spec["id"]: spec for spec in boxes.boxes(HOME)}
    assert list(specs) == ["mini01", "mini02", "mini03"]
    for machine in HOME.machines:
        assert machine.metal is not None
        spec = specs[machine.name]
        assert spec["macs"] == [machine.mac]
        assert spec["interfaces"] == ["enp3s0f0"]
        assert spec["addresses"] == [f"{machine.metal.maintenance_address}/24"]
        assert spec["gateways"] == ["172.29.51.1"]
        assert spec["platform"] == "metal"


def test_the_stick_in_every_box_has_the_stacks_own_image() -> None:
    images = [spec["image"] for spec in boxes.boxes(HOME)]
    assert images == [boxes.image(HOME)] * 3
    assert images[0]["version"] == versions.TALOS
    assert len(images[0]["schematic"]) == 64


def test_a_box_is_the_same_whenever_it_is_set_up_and_unlike_every_other() -> None:
    assert boxes.boxes(HOME) == boxes.boxes(HOME)
    uuids = {spec["uuid"] for spec in boxes.boxes(HOME)}
    serials = {disk["serial"] for spec in boxes.boxes(HOME) for disk in spec["disks"]}
    assert (len(uuids), len(serials)) == (3, 6)


def test_a_uuid_that_the_facts_name_is_the_boxs() -> None:
    uuid = "4C4C4544-0000-4000-8000-000000000001"

    def named(facts: dict[str, Any]) -> None:
        facts["machines"][0]["metal"]["uuid"] = uuid

    assert boxes.boxes(edited("home-ops", named))[0]["uuid"] == uuid


def test_disks_that_the_labs_boxes_do_not_have_are_named_all_at_once() -> None:
    def others(facts: dict[str, Any]) -> None:
        facts["machines"][0]["metal"]["installDisk"] = {"model": "WDC*"}
        facts["machines"][2]["metal"]["dataDisks"][0]["match"] = {"model": "*"}

    with pytest.raises(
        WorldError, match=r"(?s)mini01: .*installDisk .* 0.*mini03: .*longhorn-ssd.* 2"
    ):
        boxes.boxes(edited("home-ops", others))


def test_a_stack_of_virtual_machines_has_no_boxes() -> None:
    assert boxes.boxes(cluster("test-cluster")) == []


def test_boxes_that_never_answer_are_named_when_the_time_is_up() -> None:
    with pytest.raises(WorldError, match=r"nobody accepts a connection to 127\.0\.0\.1:50000"):
        boxes.await_answers(["127.0.0.1"], 0.0)
