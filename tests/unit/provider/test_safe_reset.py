"""Boxes given back: blank, one at a time, and nobody loses a majority or data by it."""

import threading
from typing import Any

import pytest

from provider.rpc import Refused
from provider.rpc.wire import plain
from tests.unit.provider.spoken import Spoken, listening
from tests.unit.provider.talos_boxes import (
    GB,
    RESET_REFUSED,
    SAMSUNG,
    THEIRS,
    Box,
    Boxes,
    boxes,
)
from tests.unit.provider.test_adopted_host import adopted, inputs

pytestmark = [pytest.mark.unit, pytest.mark.timeout(10)]


def cluster(count: int = 3) -> Boxes:
    """A cluster of so many control planes."""
    world = boxes(count)
    for number, box in enumerate(world.boxes, start=1):
        box.joined(f"172.29.51.1{number}")
    return world


def delete(world: Boxes, number: int = 1, lost: str = "", **changed: Any) -> Spoken:
    """The delete of one host; what it said."""
    host = adopted(world, HEARTH_LOST_MACHINES=lost)
    with listening() as spoken:
        host.delete(f"mini0{number}", inputs(number, **{"deadlineSeconds": 5} | changed), 0.0)
    return spoken


def refusal(world: Boxes, number: int = 1, **changed: Any) -> str:
    with pytest.raises(Refused) as refused:
        delete(world, number, **{"deadlineSeconds": 0.1} | changed)
    return str(refused.value)


def reset(box: Box) -> list[str]:
    """How it was asked to reset itself."""
    (words,) = [words for words in box.asked if words[0] == "reset"]
    return list(words[1:])


def test_a_machine_leaves_etcd_forgets_its_cluster_and_keeps_everything_else() -> None:
    world = cluster()
    delete(world)
    assert reset(world.boxes[0]) == [
        "--graceful=true",
        "--reboot",
        "--wait=false",
        "--system-labels-to-wipe",
        "STATE",
        "--system-labels-to-wipe",
        "EPHEMERAL",
    ]
    assert (world.boxes[0].at, world.boxes[0].authority) == ("172.29.51.101", "")


def test_the_last_member_of_etcd_does_not_even_try_to_leave() -> None:
    world = cluster()
    for number in (1, 2, 3):
        delete(world, number)
    how = [reset(box)[0] for box in world.boxes]
    assert how == ["--graceful=true", "--graceful=true", "--graceful=false"]


def test_nobody_leaves_when_the_others_could_not_let_it_go() -> None:
    world = cluster()
    world.boxes[1].at = "dead"
    delete(world)
    assert reset(world.boxes[0])[0] == "--graceful=false"


def test_a_machine_without_a_member_of_etcd_is_just_reset() -> None:
    world = cluster()
    world.boxes[0].etcd = False
    delete(world)
    assert reset(world.boxes[0])[0] == "--graceful=false"


def test_another_box_of_the_cluster_at_its_address_is_left_alone() -> None:
    world = cluster()
    world.boxes[0].mac = "68:5B:35:00:00:22"
    message = refusal(world)
    assert "The machine at 172.29.51.11 is of this cluster, and was left alone:\n  it is" in message
    assert {words[0] for words in world.boxes[0].asked} == {"get"}


@pytest.mark.parametrize("address", ["172.29.51.101", "172.29.51.11"])
def test_a_machine_that_is_blank_already_is_done(address: str) -> None:
    world = boxes()
    world.boxes[0].at = address
    delete(world)
    assert {words[0] for words in world.boxes[0].asked} == {"get"}


def test_another_blank_box_does_not_stand_for_the_machine() -> None:
    world = boxes()
    world.boxes[0].mac = "68:5B:35:00:00:22"
    message = refusal(world)
    assert "a blank machine answers at 172.29.51.101, and it is not mini01" in message
    assert "HEARTH_LOST_MACHINES=mini01 pulumi destroy" in message


def test_a_machine_that_is_off_is_an_error_that_says_what_could_come_back() -> None:
    world = cluster()
    world.boxes[0].at = "off"
    assert refusal(world) == (
        "mini01 was not reset: mini01 answers neither at 172.29.51.11 (no route to host) nor, "
        "blank, at 172.29.51.101 (no route to host).\n"
        "A machine that is only switched off comes back as a member of the old cluster, with its "
        "keys. Switch it on and run the same command again; when its hardware is gone for good, "
        "say so: HEARTH_LOST_MACHINES=mini01 pulumi destroy"
    )


@pytest.mark.parametrize("lost", ["mini01", "mini02,mini01", "mini02 mini01"])
def test_a_machine_that_is_lost_for_good_is_let_go_with_a_warning(lost: str) -> None:
    world = cluster()
    world.boxes[0].at = "off"
    spoken = delete(world, lost=lost)
    (warning,) = spoken.warnings
    assert "mini01 was not reset, because HEARTH_LOST_MACHINES names it" in warning
    assert world.looks == {}


def test_only_machines_that_are_named_are_lost() -> None:
    world = cluster()
    delete(world, lost="mini011 mini02")
    assert reset(world.boxes[0])


def test_a_machine_of_another_cluster_at_its_address_is_left_alone() -> None:
    world = cluster()
    world.boxes[0].authority = THEIRS
    assert "a machine of another cluster answers there" in refusal(world)
    assert world.boxes[0].asked == []


def test_a_machine_that_does_not_come_back_is_told_with_where_it_should_be() -> None:
    world = cluster()
    world.boxes[0].dhcp = "172.29.51.199"
    message = refusal(world, deadlineSeconds=0.3)
    assert "mini01 was told to wipe itself, and 0 s later it is not back" in message
    assert "give 172.29.51.101 to 68:5B:35:00:00:01" in message


def test_a_reset_that_talos_refuses_is_told_in_its_words() -> None:
    world = cluster()
    world.boxes[0].refuses = RESET_REFUSED
    message = refusal(world)
    assert "mini01 refuses to be reset: 172.29.51.11: rpc error: code = Unknown" in message
    assert 'volume "STATE" is not located' in message


def test_a_call_that_nobody_answered_is_made_again() -> None:
    world = cluster()
    world.boxes[0].deaf = 3
    delete(world)
    assert world.boxes[0].at == "172.29.51.101"


def test_data_disks_are_wiped_only_when_the_stack_says_so_and_never_the_system_disk() -> None:
    world = cluster()
    delete(world)
    assert world.boxes[0].wiped == []
    spoken = delete(world, 2, dataOnDestroy="sweep")
    assert world.boxes[1].wiped == ["/dev/sdb"]
    assert spoken.warnings == [
        "the data disks of mini02 are wiped: sdb (Portable SSD T5, 931 GiB, serial S49WNP0N1, usb)"
    ]
    spoken = delete(world, 3, dataOnDestroy="sweep", dataDisks=[{"name": "a", "match": {}}])
    assert world.boxes[2].wiped == ["/dev/sdb"]


def test_two_disks_that_might_be_meant_are_both_left_alone() -> None:
    world = cluster()
    world.boxes[0].disks["sdc"] = {**SAMSUNG, "serial": "backup", "size": 1000 * GB}
    message = refusal(world, dataOnDestroy="sweep")
    assert "its data disk longhorn-ssd (model Portable SSD T5*, at least 900 GiB)" in message
    assert "serial backup" in message
    assert not any(words[0] == "reset" for words in world.boxes[0].asked)


def test_a_data_disk_that_is_not_there_is_told() -> None:
    world = cluster()
    del world.boxes[0].disks["sdb"]
    (warning,) = delete(world, dataOnDestroy="sweep").warnings
    assert "mini01 has no data disk longhorn-ssd" in warning
    assert world.boxes[0].wiped == []


def test_machines_are_reset_one_at_a_time() -> None:
    world = cluster()
    host = adopted(world)
    going: list[str] = []

    def watch(_address: str) -> None:
        going.extend(box.dhcp for box in world.boxes if box.busy)
        assert len({box.dhcp for box in world.boxes if box.busy}) <= 1

    world.on_look = watch
    threads = [
        threading.Thread(target=host.delete, args=(f"mini0{n}", inputs(n, deadlineSeconds=9), 0.0))
        for n in (1, 2, 3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [box.authority for box in world.boxes] == ["", "", ""]
    assert len(set(going)) == 3
    assert sorted(reset(box)[0] for box in world.boxes) == [
        "--graceful=false",
        "--graceful=true",
        "--graceful=true",
    ]


def test_no_secret_is_spoken() -> None:
    assert "the-key" in str(plain(inputs()))
    assert "the-key" not in delete(cluster(), dataOnDestroy="sweep").everything
