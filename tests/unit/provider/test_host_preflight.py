"""Hosts against their facts before anything is applied: who passes, what is told of the rest."""

import threading
from typing import Any

import pytest

from provider.host_preflight import HostPreflight
from provider.rpc import UNKNOWN, Cancelled, Refused
from provider.rpc.operation import Operation, serving
from tests.unit.provider.spoken import listening
from tests.unit.provider.talos_boxes import APPLE, GB, IMAGE, OURS, THEIRS, Boxes, boxes, facts

pytestmark = [pytest.mark.unit, pytest.mark.timeout(10)]


def inputs(*hosts: dict[str, Any], **changed: Any) -> dict[str, Any]:
    given = {
        "hosts": list(hosts) or [facts(1), facts(2), facts(3)],
        "talosVersion": "v1.13.0",
        "schematic": "abc",
        "extensions": ["siderolabs/lldpd"],
        "image": IMAGE,
        "authority": OURS,
        "deadlineSeconds": 0,
    }
    return given | changed


def preflight(world: Boxes) -> HostPreflight:
    return HostPreflight(world.look, world.blank, 0.01)


def refusal(world: Boxes, *hosts: dict[str, Any], **changed: Any) -> str:
    with pytest.raises(Refused) as refused:
        preflight(world).create(inputs(*hosts, **changed), False, 0.0)
    return str(refused.value)


def test_blank_boxes_that_are_what_the_facts_say_pass() -> None:
    world = boxes()
    identity, outputs = preflight(world).create(inputs(), False, 0.0)
    assert identity == "passed"
    assert outputs == inputs() | {"checked": ["mini01", "mini02", "mini03"]}


def test_nothing_is_asked_but_what_a_reader_may_see() -> None:
    world = boxes()
    preflight(world).create(inputs(), False, 0.0)
    assert {words[0] for box in world.boxes for words in box.asked} == {"get", "version"}


def test_a_preview_asks_nobody() -> None:
    world = boxes()
    unknown = inputs(authority=UNKNOWN)
    assert preflight(world).create(unknown, True, 0.0)[0] == ""
    assert world.looks == {}


def test_a_host_of_this_cluster_passes_unseen() -> None:
    world = boxes()
    world.boxes[1].joined("172.29.51.12")
    preflight(world).create(inputs(), False, 0.0)
    assert world.boxes[1].asked == []


def test_a_blank_box_at_its_own_address_is_one_of_an_interrupted_run() -> None:
    world = boxes()
    world.boxes[0].at = "172.29.51.11"
    preflight(world).create(inputs(), False, 0.0)
    assert "172.29.51.101" not in world.looks
    assert world.boxes[0].asked


def test_everything_about_every_host_is_told_in_one_error() -> None:
    world = boxes()
    world.boxes[0].mac = "68:5B:35:00:00:99"
    world.boxes[0].version = "v1.12.6"
    del world.boxes[1].disks["sdb"]
    world.boxes[2].authority = THEIRS
    assert refusal(world) == (
        "3 of 3 hosts are not ready for this stack; nothing was changed on any:\n"
        "mini01, at 172.29.51.101:\n"
        "  it is another box, or its MAC is another: its cards are 68:5B:35:00:00:99 (enp3s0f0), "
        "and the facts of mini01 say mac 68:5B:35:00:00:01; its firmware calls it Apple "
        "Inc. Macmini7,1\n"
        "    if it is the right box, put its card's address into the facts; if it is not, mend the "
        "DHCP reservation of 172.29.51.101, or the cable\n"
        "  Talos v1.12.6 was booted, and the stack is made for v1.13.0\n"
        f"    boot it from a stick with {IMAGE}\n"
        "mini02, at 172.29.51.102:\n"
        "  no disk matches metal.dataDisks longhorn-ssd (model Portable SSD T5*, at least 900 GiB)"
        ", the install disk not counting; it has sda (APPLE SSD SM0256G, 233 GiB, serial "
        "S1K5NYADB, sata)\n"
        "    plug it in, see whether the firmware shows it, or say in metal.dataDisks "
        "longhorn-ssd what the disk is called\n"
        "mini03, at 172.29.51.103:\n"
        "  a machine of another cluster answers (its certificate is not of this cluster's "
        "authority)\n"
        "    if it is the box that is meant, wipe it: `talosctl reset` with its own talosconfig, "
        f'or boot it from a stick with {IMAGE} and choose "Reset Talos installation"; if it is '
        "not, give one of the two another address"
    )


def test_a_box_that_is_off_is_told_with_what_to_do_and_how_long_it_was_waited_for() -> None:
    world = boxes()
    world.boxes[2].at = "elsewhere"
    message = refusal(world)
    assert "1 of 3 hosts is not ready" in message
    assert (
        "mini03:\n  nobody answers, blank, at 172.29.51.103 (no route to host) or at 172.29.51.13 "
        "(no route to host) for 0 s\n    switch it on, booted from a stick with"
    ) in message
    assert "give 172.29.51.103 to 68:5B:35:00:00:03" in message


def test_nobody_waits_for_a_box_when_another_is_wrong_already() -> None:
    world = boxes()
    world.boxes[0].mac = "68:5B:35:00:00:99"
    world.boxes[2].at = "elsewhere"
    message = refusal(world, deadlineSeconds=600)
    assert "mini01, at" in message
    assert "it was not waited for, because of the others" in message


def test_a_box_that_boots_late_is_waited_for() -> None:
    world = boxes()
    late = world.boxes[1]
    late.at = "elsewhere"

    def boot(address: str) -> None:
        if address == late.dhcp and world.looks[address] == 3:
            late.at = address

    world.on_look = boot
    with listening() as spoken:
        preflight(world).create(inputs(deadlineSeconds=9), False, 0.0)
    assert spoken.live == ["waiting for mini02 to answer"]
    assert world.looks["172.29.51.101"] == 1


def test_a_cancel_ends_the_wait() -> None:
    world = boxes()
    world.boxes[1].at = "elsewhere"
    cancelled = threading.Event()
    cancelled.set()
    with serving(Operation(cancelled=cancelled)), pytest.raises(Cancelled):
        preflight(world).create(inputs(deadlineSeconds=600), False, 0.0)


def test_an_update_looks_at_hosts_that_are_new_or_changed_and_at_no_other() -> None:
    world = boxes()
    before = inputs(facts(1), facts(2)) | {"checked": ["mini01", "mini02"]}
    disks = {"installDisk": {"model": "APPLE SSD*"}}
    after = inputs(facts(1), facts(2, **disks), facts(3), talosVersion="v1.13.0")
    outputs = preflight(world).update("passed", before, after, False, 0.0)
    assert outputs["checked"] == ["mini01", "mini02", "mini03"]
    assert [bool(box.asked) for box in world.boxes] == [False, True, True]


def test_an_upgrade_of_talos_is_no_reason_to_look_at_hosts() -> None:
    world = boxes()
    preflight(world).update("passed", inputs(), inputs(talosVersion="v1.14.0"), False, 0.0)
    assert world.looks == {}


def test_a_box_that_replaces_another_has_to_be_there_before_the_old_one_goes() -> None:
    world = boxes(2)
    world.boxes[1].joined("172.29.51.12")
    before, after = inputs(facts(1), facts(2)), inputs(facts(1), facts(2, mac="68:5B:35:00:00:22"))
    with pytest.raises(Refused, match="there the box still runs that it had before"):
        preflight(world).update("passed", before, after, False, 0.0)
    new = boxes(2).boxes[1]
    new.mac = "68:5B:35:00:00:22"
    world.boxes.append(new)
    assert preflight(world).update("passed", before, after, False, 0.0)["checked"]


def test_a_configured_machine_of_ours_where_a_blank_one_should_be_is_told() -> None:
    world = boxes()
    world.boxes[0].authority = OURS
    assert "a machine of this very cluster answers there, configured already" in refusal(world)


def test_a_machine_that_stops_answering_while_it_is_asked_is_waited_for() -> None:
    world = boxes(1)
    world.boxes[0].deaf = 2
    with listening() as spoken:
        preflight(world).create(inputs(facts(1), deadlineSeconds=9), False, 0.0)
    assert spoken.live == ["waiting for mini01 to answer"]
    world.boxes[0].deaf = 99
    assert "connect: no route to host" in refusal(world, facts(1))


def test_sizes_and_serials_tell_disks_apart() -> None:
    world = boxes(1)
    world.boxes[0].disks["sdc"] = {**APPLE, "serial": "other", "size": 500 * GB}
    message = refusal(world, facts(1))
    assert (
        "2 disks match metal.installDisk (model APPLE*), and it has to be one: sda (APPLE SSD "
        "SM0256G, 233 GiB, serial S1K5NYADB, sata), sdc (APPLE SSD SM0256G, 466 GiB, serial "
        "other, sata)\n    name the serial of the one that is meant in metal.installDisk"
    ) in message
    named = facts(1, installDisk={"model": "APPLE*", "serial": "S1K5NYADB"})
    preflight(world).create(inputs(named), False, 0.0)


def test_an_image_with_other_extensions_is_told_with_what_it_lacks() -> None:
    world = boxes(1)
    world.boxes[0].extensions = {"qemu-guest-agent": "1", "schematic": "def"}
    assert (
        "an image of schematic def instead of the stack's abc (it lacks siderolabs/lldpd; it has "
        f"qemu-guest-agent too many) was booted\n    boot it from a stick with {IMAGE}"
    ) in refusal(world, facts(1))


def test_an_installed_system_of_another_version_is_told_with_the_way_to_wipe_it() -> None:
    world = boxes(1)
    world.boxes[0].version, world.boxes[0].installed = "v1.13.2", "sda"
    message = refusal(world, facts(1))
    assert "Talos v1.13.2 is installed on sda and was booted from there" in message
    assert "talos.experimental.wipe=system" in message
    world.boxes[0].version = "v1.13.0"
    preflight(world).create(inputs(facts(1)), False, 0.0)
