"""What a Talos machine says of itself: cards, disks, firmware, version, image.

Asked with credentials or, in maintenance mode, without: the resources are the same. Reads only, and
judges nothing; what was expected is `host_facts`' business.
"""

from typing import Any

from provider.blank_machine import BlankMachine
from provider.disk_contents import Volume
from provider.host_facts import Card, Disk, Hardware, System
from provider.talosctl import Asked

# Talos lists the schematic of an image among its extensions, as one whose version is the id.
SCHEMATIC = "schematic"
ETHERNET = "ether"

Spec = dict[str, Any]


def hardware(machine: Asked) -> Hardware:
    """What it is made of."""
    firmware: Spec = next((item["spec"] for item in machine.get("systeminformation")), {})
    product = f"{firmware.get('manufacturer', '')} {firmware.get('productName', '')}".strip()
    links = [(item["metadata"]["id"], item["spec"]) for item in machine.get("links")]
    return Hardware(
        cards=[card(name, spec) for name, spec in links if is_card(spec)],
        disks=disks(machine),
        uuid=str(firmware.get("uuid", "")),
        product=product,
    )


def system(machine: BlankMachine) -> System:
    """What runs on it, and whether that is installed."""
    extensions = {
        item["spec"]["metadata"]["name"]: str(item["spec"]["metadata"]["version"])
        for item in machine.get("extensions")
    }
    return System(
        version=machine.version(),
        schematic=extensions.pop(SCHEMATIC, ""),
        extensions=frozenset(extensions),
        installed_on=installed_on(machine),
    )


def disks(machine: Asked) -> list[Disk]:
    """Its drives; what has no transport is a loop device or the like, which Talos never takes."""
    found = [disk(item["metadata"]["id"], item["spec"]) for item in machine.get("disks")]
    return [item for item in found if item.transport]


def volumes(machine: Asked) -> list[Volume]:
    """What is on its disks: as Talos' probe found it, and partitions that only its kernel knows."""
    probed = {
        item["metadata"]["id"]: volume(item["metadata"]["id"], item["spec"])
        for item in machine.get("discoveredvolumes")
    }
    known = {
        item["metadata"]["id"]: volume(item["metadata"]["id"], {"parent": item["spec"]["parent"]})
        for item in machine.get("blockdevices")
        if item["spec"].get("parent")
    }
    return list((known | probed).values())


def installed_on(machine: Asked) -> str:
    """The name of the disk that Talos is installed on, "" when it is on none."""
    return str(next((item["spec"]["diskID"] for item in machine.get("systemdisk")), ""))


def is_card(spec: Spec) -> bool:
    """Whether a link is a card, and not a bridge, a bond or the like on top of one."""
    return spec.get("type") == ETHERNET and not spec.get("kind")


def card(name: str, spec: Spec) -> Card:
    """A card from Talos' LinkStatus."""
    macs = [spec.get("hardwareAddr"), spec.get("permanentAddr")]
    names = [name, spec.get("alias"), *spec.get("altNames", [])]
    return Card(
        macs=tuple(dict.fromkeys(mac.lower() for mac in macs if mac)),
        names=tuple(item for item in names if item),
    )


def disk(name: str, spec: Spec) -> Disk:
    """A disk from Talos' Disk."""
    return Disk(
        name=name,
        model=str(spec.get("model", "")),
        serial=str(spec.get("serial", "")),
        size=int(spec.get("size", 0)),
        transport=str(spec.get("transport", "")),
        writable=not spec.get("readonly") and not spec.get("cdrom"),
    )


def volume(name: str, spec: Spec) -> Volume:
    """A disk or partition from Talos' DiscoveredVolume."""
    return Volume(
        name=name,
        disk=str(spec.get("parent") or name),
        format=str(spec.get("name", "")),
        label=str(spec.get("partition_label", "")),
        offset=int(spec.get("offset", 0)),
        size=int(spec.get("size", 0)),
    )
