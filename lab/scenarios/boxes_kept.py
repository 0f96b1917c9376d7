"""Adopted hosts between two clusters: blank, installed, at their DHCP address, data untouched.

A data volume is known by its UUID, which is new whenever it is formatted. Nothing here resets or
adopts anything.
"""

from collections.abc import Iterator
from typing import Any

from lab import boxes
from lab.scenarios.facts_file import Facts
from lab.scenarios.machines import Machine, facts, machine
from lab.scenarios.polling import wait_until
from lab.scenarios.rehearsal import Failed, Rehearsal

VOLUME_SECONDS = 60.0
MAINTENANCE = "maintenance"
# Partitions of the system disk that a reset empties.
WIPED = frozenset({"STATE", "EPHEMERAL"})


def adopted(rehearsal: Rehearsal) -> list[Facts]:
    """The facts of the machines that are adopted."""
    return [item for item in facts(rehearsal)["machines"] if "metal" in item]


def data_volumes(rehearsal: Rehearsal) -> dict[str, str]:
    """The UUIDs of all data volumes, by machine and volume."""
    return dict(volumes_of_the_facts(rehearsal))


def volumes_of_the_facts(rehearsal: Rehearsal) -> Iterator[tuple[str, str]]:
    """Each data volume that a machine of the facts has, with its UUID."""
    for found in adopted(rehearsal):
        there = {item["label"]: item["uuid"] for item in volumes(machine(rehearsal, found["name"]))}
        for disk in found["metal"].get("dataDisks", []):
            label = f"u-{disk['name']}"
            if there.get(label):
                yield f"{found['name']}/{label}", there[label]


def volumes(box: Machine) -> list[dict[str, Any]]:
    """What lies on the disks of a box."""
    return [item for disk in box.get("disks", []) for item in disk.get("volumes") or []]


def all_data_volumes(rehearsal: Rehearsal) -> dict[str, str]:
    """The same, once every data disk of the facts has its volume."""
    wanted = [disk for item in adopted(rehearsal) for disk in item["metal"].get("dataDisks", [])]

    def complete() -> bool:
        return len(data_volumes(rehearsal)) == len(wanted)

    wait_until(complete, VOLUME_SECONDS, f"{len(wanted)} data volumes to be made")
    return data_volumes(rehearsal)


def insist_same_data(rehearsal: Rehearsal, before: dict[str, str]) -> str:
    """Every data volume is the one it was."""
    now = data_volumes(rehearsal)
    if now != before:
        raise Failed(f"the data volumes were {before} and are {now}")
    return f"{len(now)} data volumes untouched"


def insist_waiting(rehearsal: Rehearsal) -> str:
    """Every box is blank, installed with the stack's image, and answers at its DHCP address."""
    image = boxes.image(rehearsal.cluster())
    wrong = [
        line for found in adopted(rehearsal) for line in unlike(found, rehearsal, image["version"])
    ]
    if wrong:
        raise Failed("boxes are not as a reset leaves them:\n" + "\n".join(wrong))
    return f"{len(adopted(rehearsal))} boxes blank, installed, at their DHCP addresses"


def unlike(found: Facts, rehearsal: Rehearsal, version: str) -> Iterator[str]:
    """What of one box is not as a reset leaves it."""
    name, box = found["name"], machine(rehearsal, found["name"])
    reserved = found["metal"]["maintenanceAddress"]
    at = [address.partition("/")[0] for address in box["currentAddresses"]]
    if (box["power"], box["stage"]) != ("on", MAINTENANCE):
        yield f"{name} is {box['power']}, its stage {box['stage']}"
    if reserved not in at or set(found["addresses"]) & set(at):
        yield f"{name} has {at}, and not {reserved} alone"
    if box["configuration"] or box["cluster"]:
        yield f"{name} still has a configuration of {box['cluster'] or 'some cluster'}"
    if (box["installed"] or {}).get("version") != version:
        yield f"{name} has {box['installed']} installed, and not {version}"
    full = [item["label"] for item in volumes(box) if item["label"] in WIPED and item["filesystem"]]
    if full:
        yield f"{name} still has {', '.join(full)}"
