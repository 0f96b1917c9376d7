"""What lies on a data disk, and whether Talos makes a volume there without harm.

Pure. Talos wipes nothing by itself: on a disk with a file system of its own, or without room left,
a user volume just never comes up (machinery 1.13, `CheckDiskForProvisioning`), and whoever waits
for it waits for ever. But a partition table that it does not know, an MBR above all, is no content
to its probe: it would write over it. A disk that holds the volume already, from an earlier life of
the cluster, is used as it is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from provider.host_facts import GIB, Disk, Finding, Hardware, Host, data_disks

MIB = 1024**2
# Of a disk's beginning and end the partition table takes a little.
EDGE = MIB
# Less is no room for data.
LEAST_GIB = 10
TABLE = "gpt"
PREFIX = "u-"


@dataclass(frozen=True, slots=True)
class Volume:
    """A disk or a partition as Talos discovered it: `format` is empty when nothing is on it.

    `disk` is the name of the disk that it lies on; `label` a partition's own. Sizes in bytes.
    """

    name: str
    disk: str
    format: str = ""
    label: str = ""
    offset: int = 0
    size: int = 0

    @property
    def is_disk(self) -> bool:
        """Whether it is a disk as a whole."""
        return self.name == self.disk

    def __str__(self) -> str:
        parts = [self.format or "unknown"]
        parts += [repr(self.label)] if self.label else []
        parts += [f"{self.size / GIB:.0f} GiB"] if self.size else []
        return f"{self.name} ({', '.join(parts)})"


def content_findings(
    host: Host, found: Hardware, volumes: Sequence[Volume], address: str
) -> Iterator[Finding]:
    """Each data disk that holds something in a volume's way; only disks that are there once."""
    for name, selector in host.data_disks.items():
        matching = data_disks(host, selector, found)
        if len(matching) != 1:
            continue
        (disk,) = matching
        if reason := in_the_way(name, disk, [item for item in volumes if item.disk == disk.name]):
            yield Finding(
                f"its data disk {name}, {disk}, {reason}",
                "if nothing on it is needed any more: "
                f"`talosctl wipe disk {disk.name} --insecure -n {address}`",
            )


def in_the_way(name: str, disk: Disk, volumes: Sequence[Volume]) -> str:
    """Why the volume `name` would not come up on a disk, "" when it would."""
    partitions = [item for item in volumes if not item.is_disk]
    if any(item.label == f"{PREFIX}{name}" for item in partitions):
        return ""
    whole = next((item.format for item in volumes if item.is_disk), "")
    if whole not in ("", TABLE):
        return f"holds {whole}: Talos makes no volume there, and wipes nothing by itself"
    there = ", ".join(map(str, partitions))
    if partitions and not whole:
        return f"has a partition table that Talos does not know, and would write over: {there}"
    if room(disk, partitions) < LEAST_GIB * GIB:
        return f"is full, so Talos makes no volume there: {there}"
    return ""


def room(disk: Disk, partitions: Sequence[Volume]) -> int:
    """The largest gap between partitions."""
    gap, end = 0, EDGE
    for item in sorted(partitions, key=lambda part: part.offset):
        gap = max(gap, item.offset - end)
        end = max(end, item.offset + item.size)
    return max(gap, disk.size - EDGE - end)
