"""Boxes as hands move them: taken off the shelf, put in another's place, opened, switched off.

The vendor here is whoever sells Mac minis: nothing in this module is known to Talos, or asks it
anything but whether it answers.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lab import boxes
from lab.scenarios.machines import control, facts, machines, power
from lab.scenarios.rehearsal import Rehearsal

Spec = dict[str, Any]
MAINTENANCE_SECONDS = 90.0


def name_of(rehearsal: Rehearsal, place: int) -> str:
    """The name of a machine by its place in the facts, from the first."""
    return str(facts(rehearsal)["machines"][place]["name"])


def as_bought(rehearsal: Rehearsal, name: str) -> Spec:
    """The box of a machine as it is set up before anything runs."""
    return next(spec for spec in boxes.boxes(rehearsal.cluster()) if spec["id"] == name)


def put(rehearsal: Rehearsal, spec: Spec) -> None:
    """Set a box up and switch it on; whatever stood there is carried away, with its disks."""
    take_away(rehearsal, spec["id"])
    rehearsal.vendors.ask("POST", control(rehearsal), spec)
    power(rehearsal, spec["id"], "on")


def take_away(rehearsal: Rehearsal, name: str) -> None:
    """Carry a box away, where there is one."""
    if any(item["id"] == name for item in machines(rehearsal)):
        rehearsal.vendors.ask("DELETE", control(rehearsal, name))


def open_up(rehearsal: Rehearsal, name: str, **parts: Any) -> None:
    """Change parts of a box (`disks`, `bootTime`, `image`), and switch it on again."""
    power(rehearsal, name, "off")
    rehearsal.vendors.ask("PATCH", control(rehearsal, name), parts)
    power(rehearsal, name, "on")


def await_maintenance(rehearsal: Rehearsal, name: str) -> None:
    """Wait until a box answers where DHCP puts it."""
    metal = next(item for item in facts(rehearsal)["machines"] if item["name"] == name)["metal"]
    boxes.await_answers([metal["maintenanceAddress"]], MAINTENANCE_SECONDS)


def tidy(rehearsal: Rehearsal) -> None:
    """Every box of the facts stands in its place and is on, and no other box is there."""
    wanted = boxes.boxes(rehearsal.cluster())
    for item in machines(rehearsal):
        if item["platform"] == "metal" and item["id"] not in {spec["id"] for spec in wanted}:
            take_away(rehearsal, item["id"])
        elif item["platform"] == "metal":
            power(rehearsal, item["id"], "on")
    boxes.put(wanted)


@contextmanager
def another_box(rehearsal: Rehearsal, name: str, change: Callable[[Spec], None]) -> Iterator[None]:
    """A box with another past in a machine's place, then the one that belongs there, as bought."""
    changed = as_bought(rehearsal, name)
    change(changed)
    try:
        put(rehearsal, changed)
        await_maintenance(rehearsal, name)
        yield
    finally:
        put(rehearsal, as_bought(rehearsal, name))
        await_maintenance(rehearsal, name)
