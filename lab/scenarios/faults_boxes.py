"""Faults of boxes: what a person gets wrong before a host can be adopted.

Each is met by an `up` from nothing. The check comes before anything is applied to any host, so all
that has to be shown afterwards is that no box was touched.
"""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab.error_page import AREAS
from lab.scenarios.facts_file import Facts
from lab.scenarios.fault import Fault
from lab.scenarios.machines import facts, power
from lab.scenarios.needs import Need
from lab.scenarios.rehearsal import Rehearsal
from lab.scenarios.shelf import (
    another_box,
    as_bought,
    await_maintenance,
    name_of,
    open_up,
)

MACHINES = AREAS[3]
ADOPTED = frozenset({Need.METAL})
WITH_DATA = frozenset({Need.METAL, Need.DATA_DISKS})
# Of the facts' machines the second: what is said must not be about whichever comes first.
SECOND, LAST = 1, -1
OTHER_MACS = ("68:5B:35:00:00:F1", "68:5B:35:00:00:F2")
OTHER_UUID = "00000000-0000-4000-8000-00000000f00d"
OLD_VERSION = "v1.12.6"
# Boxes that are well answer long before; the dead one must not cost a rehearsal ten minutes.
DEAD_SECONDS = 15
# Longer than any run before it takes to look at boxes, however busy the machine is.
SLOW_SECONDS, SLOW_BOOT = 20, "1h"
TALOSCTL_SECONDS = 60


@contextmanager
def wrong_boxes(rehearsal: Rehearsal) -> Iterator[None]:
    """Two reservations that lead to other boxes than the facts say."""

    def other_cards(found: Facts) -> None:
        for place, mac in zip((0, SECOND), OTHER_MACS, strict=True):
            found["machines"][place]["mac"] = mac

    with rehearsal.facts.edited(other_cards):
        yield


@contextmanager
def wrong_uuid(rehearsal: Rehearsal) -> Iterator[None]:
    """A box with the right card in another case."""

    def other_board(found: Facts) -> None:
        found["machines"][SECOND]["metal"]["uuid"] = OTHER_UUID

    with rehearsal.facts.edited(other_board):
        yield


@contextmanager
def with_disks(rehearsal: Rehearsal, disks: list[dict[str, Any]]) -> Iterator[None]:
    """The second machine's box with other disks in it."""
    name = name_of(rehearsal, SECOND)
    before = as_bought(rehearsal, name)["disks"]
    open_up(rehearsal, name, disks=disks)
    await_maintenance(rehearsal, name)
    try:
        yield
    finally:
        open_up(rehearsal, name, disks=before)
        await_maintenance(rehearsal, name)


@contextmanager
def missing_disk(rehearsal: Rehearsal) -> Iterator[None]:
    """A data disk that nobody has plugged in."""
    system, *_data = as_bought(rehearsal, name_of(rehearsal, SECOND))["disks"]
    with with_disks(rehearsal, [system]):
        yield


@contextmanager
def two_disks(rehearsal: Rehearsal) -> Iterator[None]:
    """Two disks of the model that the facts name."""
    disks = as_bought(rehearsal, name_of(rehearsal, SECOND))["disks"]
    twin = {**disks[-1], "name": "sdc", "serial": f"{disks[-1]['serial']}-TWIN"}
    with with_disks(rehearsal, [*disks, twin]):
        yield


@contextmanager
def others_box(rehearsal: Rehearsal) -> Iterator[None]:
    """A box that another cluster is running on."""
    name = name_of(rehearsal, SECOND)
    address = facts(rehearsal)["machines"][SECOND]["metal"]["maintenanceAddress"]

    def member(spec: dict[str, Any]) -> None:
        spec |= {"installed": spec["image"], "configuration": other_clusters(address)}

    with another_box(rehearsal, name, member):
        yield


def other_clusters(address: str) -> str:
    """A machine configuration of a cluster that is none of ours."""
    with tempfile.TemporaryDirectory() as folder:  # it holds that cluster's keys
        words = ["gen", "config", "other", f"https://{address}:6443", "--output", folder]
        subprocess.run(
            ["talosctl", *words, "--output-types", "controlplane,talosconfig"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TALOSCTL_SECONDS,
            check=True,
        )
        return (Path(folder) / "controlplane.yaml").read_text()


@contextmanager
def half_installed(rehearsal: Rehearsal) -> Iterator[None]:
    """A box with another Talos on its disk, which boots before the stick is looked at."""

    def older(spec: dict[str, Any]) -> None:
        spec["installed"] = {**spec["image"], "version": OLD_VERSION}

    with another_box(rehearsal, name_of(rehearsal, SECOND), older):
        yield


@contextmanager
def dead_box(rehearsal: Rehearsal) -> Iterator[None]:
    """A box that is switched off."""
    name = name_of(rehearsal, LAST)
    power(rehearsal, name, "off")
    try:
        with rehearsal.facts.edited(impatient(DEAD_SECONDS)):
            yield
    finally:
        power(rehearsal, name, "on")
        await_maintenance(rehearsal, name)


@contextmanager
def slow_box(rehearsal: Rehearsal) -> Iterator[None]:
    """A box that takes longer to start than the stack's deadline gives it."""
    name = name_of(rehearsal, LAST)
    open_up(rehearsal, name, bootTime=SLOW_BOOT)
    try:
        with rehearsal.facts.edited(impatient(SLOW_SECONDS)):
            yield
    finally:
        open_up(rehearsal, name, bootTime="")
        await_maintenance(rehearsal, name)


def impatient(seconds: int) -> Any:
    """An edit: hosts get so long to answer."""

    def shorter(found: Facts) -> None:
        found["deadlines"] = {"machineSeconds": seconds}

    return shorter


FAULTS = (
    Fault(
        name="fault-wrong-box",
        area=MACHINES,
        wrong="other boxes than the facts name wait at two maintenance addresses",
        remedy="compare the cards' addresses with the facts and with the DHCP reservations",
        says=OTHER_MACS,
        needs=ADOPTED,
        setting=wrong_boxes,
    ),
    Fault(
        name="fault-wrong-uuid",
        area=MACHINES,
        wrong="a box has another system UUID than the facts name",
        remedy="take the UUID that the box has, if it is the right box",
        says=(OTHER_UUID,),
        needs=ADOPTED,
        setting=wrong_uuid,
    ),
    Fault(
        name="fault-missing-disk",
        area=MACHINES,
        wrong="no disk of a box matches the selector of a data disk",
        remedy="plug it in, or mend the selector",
        says=("longhorn-ssd",),
        needs=WITH_DATA,
        setting=missing_disk,
    ),
    Fault(
        name="fault-two-disks",
        area=MACHINES,
        wrong="two disks of a box match the selector of a data disk",
        remedy="name the one that is meant by its serial number",
        says=("longhorn-ssd", "-TWIN"),
        needs=WITH_DATA,
        setting=two_disks,
    ),
    Fault(
        name="fault-other-clusters-box",
        area=MACHINES,
        wrong="a box is a machine of another cluster",
        remedy="give the host back to its cluster, or reset it there first",
        says=("another cluster",),
        needs=ADOPTED,
        setting=others_box,
    ),
    Fault(
        name="fault-half-installed",
        area=MACHINES,
        wrong="another version of Talos lies on the disk of a blank box",
        remedy="wipe its system disk, and boot it from the stick with the stack's image",
        says=(OLD_VERSION,),
        needs=ADOPTED,
        setting=half_installed,
    ),
    Fault(
        name="fault-dead-box",
        area=MACHINES,
        wrong="a box is switched off",
        remedy="switch it on; then `pulumi up`",
        says=(f"{DEAD_SECONDS} s",),
        needs=ADOPTED,
        setting=dead_box,
    ),
    Fault(
        name="fault-slow-box",
        area=MACHINES,
        wrong="a box takes longer to start than the stack's deadline",
        remedy="run `pulumi up` again once it answers, or raise `deadlines.machineSeconds`",
        says=(f"{SLOW_SECONDS} s",),
        needs=ADOPTED,
        setting=slow_box,
    ),
)
