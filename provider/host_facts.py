"""A host's hardware and system: what its facts say, what was found, and where the two differ.

Pure. Every difference is told with what was found and what to do, all of them at once, because a
person has to walk to the box for some. Disks are matched as Talos does it when it installs itself
and when it makes a volume (machinery 1.13, `DiskMatchExpression` and the CEL function `glob`); but
where more than one disk matches, Talos takes the first, and here that is refused.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference: what is the matter, and what to do about it."""

    what: str
    fix: str


@dataclass(frozen=True, slots=True)
class Disk:
    """A drive as Talos sees it; `size` in bytes, `transport` as in sata or usb."""

    name: str
    model: str = ""
    serial: str = ""
    size: int = 0
    transport: str = ""
    writable: bool = True

    @property
    def path(self) -> str:
        """Its device file."""
        return f"/dev/{self.name}"

    def __str__(self) -> str:
        parts = [self.model or "no model", f"{self.size / GIB:.0f} GiB"]
        parts += [f"serial {self.serial}"] if self.serial else []
        parts += [self.transport] if self.transport else []
        return f"{self.name} ({', '.join(parts)})"


@dataclass(frozen=True, slots=True)
class Card:
    """A network card: its addresses (a changed and a permanent one) and every name of its link."""

    macs: tuple[str, ...]
    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"{' or '.join(mac.upper() for mac in self.macs)} ({self.names[0]})"


@dataclass(frozen=True, slots=True)
class Hardware:
    """What a box is made of."""

    cards: Sequence[Card] = ()
    disks: Sequence[Disk] = ()
    uuid: str = ""
    product: str = ""


@dataclass(frozen=True, slots=True)
class System:
    """What runs on a box: version, schematic of the image factory ("" when made elsewhere).

    `installed_on` names the disk that holds an installed Talos, "" when there is none.
    """

    version: str
    schematic: str = ""
    extensions: frozenset[str] = frozenset()
    installed_on: str = ""


@dataclass(frozen=True, slots=True)
class Selector:
    """Which disk is meant: a glob over its model, its serial, its least size."""

    model: str | None = None
    serial: str | None = None
    min_size_gib: int | None = None

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "Selector":
        """From `{model, serial, minSizeGib}`."""
        size = facts.get("minSizeGib")
        return cls(facts.get("model"), facts.get("serial"), None if size is None else int(size))

    def takes(self, disk: Disk) -> bool:
        """Whether this disk is meant."""
        return (
            disk.writable
            and (self.model is None or glob(self.model, disk.model))
            and (self.serial is None or self.serial == disk.serial)
            and (self.min_size_gib is None or disk.size >= self.min_size_gib * GIB)
        )

    def __str__(self) -> str:
        parts = [f"model {self.model}"] if self.model else []
        parts += [f"serial {self.serial}"] if self.serial else []
        parts += [f"at least {self.min_size_gib} GiB"] if self.min_size_gib else []
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Host:
    """A host as the stack's facts have it."""

    machine: str
    address: str
    maintenance_address: str
    mac: str
    install_disk: Selector
    uuid: str | None = None
    data_disks: Mapping[str, Selector] = field(default_factory=dict)

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "Host":
        """From an input of our resources."""
        return cls(
            machine=facts["machine"],
            address=facts["address"],
            maintenance_address=facts["maintenanceAddress"],
            mac=facts["mac"],
            uuid=facts.get("uuid"),
            install_disk=Selector.of(facts["installDisk"]),
            data_disks={
                item["name"]: Selector.of(item["match"]) for item in facts.get("dataDisks") or []
            },
        )


@dataclass(frozen=True, slots=True)
class Image:
    """The Talos that the stack is made for, and where its bootable image lies."""

    version: str
    schematic: str
    extensions: frozenset[str]
    url: str


def glob(pattern: str, text: str) -> bool:
    """Talos' glob: a star stands for any text, everything else for itself, capitals included."""
    parts = (re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(".*".join(parts), text, re.DOTALL) is not None


def identity_findings(host: Host, found: Hardware) -> Iterator[Finding]:
    """Whether it is the box that is meant."""
    known = {mac.lower() for card in found.cards for mac in card.macs}
    what = f"; its firmware calls it {found.product}" if found.product else ""
    if host.mac.lower() not in known:
        yield Finding(
            f"it is another box, or its MAC is another: its cards are {listed(found.cards)}, and "
            f"the facts of {host.machine} say mac {host.mac.upper()}{what}",
            f"if it is the right box, put its card's address into the facts; if it is not, mend "
            f"the DHCP reservation of {host.maintenance_address}, or the cable",
        )
    if host.uuid and host.uuid.lower() != found.uuid.lower():
        yield Finding(
            f"it is another box, or its UUID is another: its firmware says "
            f"{found.uuid.lower() or 'none'}, and the facts of {host.machine} say metal.uuid "
            f"{host.uuid.lower()}{what}",
            "if it is the right box, put its UUID into the facts, or take metal.uuid out: the MAC "
            "tells boxes apart by itself",
        )


def disk_findings(host: Host, found: Hardware) -> Iterator[Finding]:
    """Whether each disk that the facts name is there, exactly once."""
    system = install_disks(host, found)
    if len(system) != 1:
        yield not_one("metal.installDisk", host.install_disk, system, found.disks)
    taken: dict[str, str] = {}
    for name, selector in host.data_disks.items():
        disks = data_disks(host, selector, found)
        key = f"metal.dataDisks {name}"
        if len(disks) != 1:
            yield not_one(key, selector, disks, found.disks)
        elif (other := taken.setdefault(disks[0].name, name)) != name:
            yield Finding(
                f"{key} ({selector}) means the same disk as {other}: {disks[0]}",
                "have each of them name a disk of its own, by serial where models are alike",
            )


def install_disks(host: Host, found: Hardware) -> list[Disk]:
    """The disks that Talos would install itself to, if it is not there yet."""
    return [disk for disk in found.disks if host.install_disk.takes(disk)]


def data_disks(host: Host, selector: Selector, found: Hardware) -> list[Disk]:
    """The disks that a volume's selector means: never one that the system is on."""
    system = install_disks(host, found)
    return [disk for disk in found.disks if disk not in system and selector.takes(disk)]


def not_one(
    key: str, selector: Selector, matching: Sequence[Disk], disks: Sequence[Disk]
) -> Finding:
    """A selector that means no disk, or more than one."""
    if matching:
        return Finding(
            f"{len(matching)} disks match {key} ({selector}), and it has to be one: "
            f"{listed(matching)}",
            f"name the serial of the one that is meant in {key}, or unplug the other",
        )
    beside = "" if key == "metal.installDisk" else ", the install disk not counting"
    return Finding(
        f"no disk matches {key} ({selector}){beside}; it has {listed(disks)}",
        f"plug it in, see whether the firmware shows it, or say in {key} what the disk is called",
    )


def link_findings(host: Host, names: Sequence[str], found: Hardware) -> Iterator[Finding]:
    """Whether the addresses are given to the card with the machine's MAC.

    Talos says nothing of a link that is not there: its addresses just never come up.
    """
    right = [card for card in found.cards if host.mac.lower() in card.macs]
    if right and names and not set(names) & set(right[0].names):
        yield Finding(
            f"its card with the MAC {host.mac.upper()} is called {right[0].names[0]}, and the "
            f"facts of {host.machine} give the addresses to {listed(names)}",
            f"set its interface to {right[0].names[0]}",
        )


def system_findings(image: Image, found: System) -> Iterator[Finding]:
    """Whether it runs the Talos that the stack is made for."""
    if found.version != image.version:
        runs = f"Talos {found.version}" if found.version else "a Talos older than v1.13.0"
        yield Finding(
            f"{runs} {where(found)}, and the stack is made for {image.version}",
            way_to(image, found),
        )
    if found.schematic != image.schematic:
        yield Finding(f"{other_image(image, found)} {where(found)}", way_to(image, found))


def other_image(image: Image, found: System) -> str:
    """How the image that runs differs from the stack's."""
    lacking = sorted(image.extensions - {full(name, image) for name in found.extensions})
    more = sorted({full(name, image) for name in found.extensions} - image.extensions)
    parts = [f"it lacks {', '.join(lacking)}"] if lacking else []
    parts += [f"it has {', '.join(more)} too many"] if more else []
    difference = "; ".join(parts) or "the extensions are the same, its kernel arguments are not"
    if not found.schematic:
        return f"an image that is not from the image factory ({difference})"
    return (
        f"an image of schematic {found.schematic} instead of the stack's {image.schematic} "
        f"({difference})"
    )


def full(name: str, image: Image) -> str:
    """An extension by its official name: an image calls siderolabs/lldpd just lldpd."""
    return next((item for item in image.extensions if item.rpartition("/")[2] == name), name)


def where(found: System) -> str:
    """Where the running system came from."""
    if found.installed_on:
        return f"is installed on {found.installed_on} and was booted from there"
    return "was booted"


def way_to(image: Image, found: System) -> str:
    """How a blank machine gets to run the stack's image."""
    if not found.installed_on:
        return f"boot it from a stick with {image.url}"
    return (
        f"a blank machine lets nobody upgrade it, so boot it once from a stick with {image.url} "
        'and choose "Reset Talos installation" in its menu (the kernel argument '
        "talos.experimental.wipe=system): that wipes the system disk and leaves data disks alone"
    )


def listed(items: Sequence[object]) -> str:
    """Things in a row, or that there are none."""
    return ", ".join(str(item) for item in items) or "none"


def block(title: str, findings: Sequence[Finding]) -> str:
    """All findings of one host, indented under its title."""
    lines = [f"{title}:"]
    for finding in findings:
        lines += [f"  {finding.what}", f"    {finding.fix}"]
    return "\n".join(lines)
