"""Disks of adopted hosts: every selector says something, and no two can mean one disk."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations

from config.cluster import Cluster
from config.machines import AdoptedHost, DiskMatch
from config.rules.model import Finding, over_cluster


@lru_cache(maxsize=4096)
def globs_meet(one: str, other: str) -> bool:
    """Whether some text matches both patterns (`*` any text, `?` any one sign)."""
    if not one and not other:
        return True
    if one.startswith("*"):
        return globs_meet(one[1:], other) or (other != "" and globs_meet(one, other[1:]))
    if other.startswith("*"):
        return globs_meet(other, one)
    if not one or not other:
        return False
    return (one[0] == other[0] or "?" in {one[0], other[0]}) and globs_meet(one[1:], other[1:])


def can_mean_one_disk(one: DiskMatch, other: DiskMatch) -> bool:
    """Whether a disk could match both; sizes never tell them apart, they have no upper bound."""
    serials_meet = one.serial is None or other.serial is None or one.serial == other.serial
    return serials_meet and globs_meet(one.model or "*", other.model or "*")


def _selectors(host: AdoptedHost) -> list[tuple[str, str, DiskMatch]]:
    data = [
        (f"dataDisks[{i}].match", f"data disk {disk.name}", disk.match)
        for i, disk in enumerate(host.data_disks)
    ]
    return [("installDisk", "the install disk", host.install_disk), *data]


def _text(match: DiskMatch) -> str:
    given = match.model_dump(by_alias=True, exclude_none=True)
    return ", ".join(f"{key}: {value}" for key, value in given.items())


@over_cluster("disk-selector", "A disk is matched by its model or its serial")
def disk_selector(cluster: Cluster) -> Iterator[Finding]:
    """A size alone would match the next USB stick."""
    for index, machine in enumerate(cluster.machines):
        for key, what, match in _selectors(machine.metal) if machine.metal else []:
            if not (match.model or match.serial):
                yield Finding(
                    path=f"machines[{index}].metal.{key}",
                    value=_text(match),
                    message=f"{what} of {machine.name} is matched by {_text(match) or 'nothing'}",
                    fix="add `model` or `serial`, as `talosctl get disks` shows them",
                )


@over_cluster("disk-selectors-apart", "Install and data disk selectors cannot mean one disk")
def disk_selectors_apart(cluster: Cluster) -> Iterator[Finding]:
    """The installer would wipe the data, or the volume be made on the system disk."""
    for index, machine in enumerate(cluster.machines):
        selectors = _selectors(machine.metal) if machine.metal else []
        for (_, what, one), (key, other_what, other) in combinations(selectors, 2):
            said = all(match.model or match.serial for match in (one, other))
            if said and can_mean_one_disk(one, other):
                yield Finding(
                    path=f"machines[{index}].metal.{key}",
                    value=_text(other),
                    message=f"{other_what} ({_text(other)}) and {what} ({_text(one)}) of "
                    f"{machine.name} can match the same disk",
                    fix="name models, or serials, that differ",
                )


@over_cluster("unique-data-disk", "A machine's data disks have names of their own")
def unique_data_disk(cluster: Cluster) -> Iterator[Finding]:
    """The name is the Talos user volume's, and its mount point."""
    for index, machine in enumerate(cluster.machines):
        seen: dict[str, int] = {}
        for number, disk in enumerate(machine.metal.data_disks if machine.metal else ()):
            first = seen.setdefault(disk.name, number)
            if first != number:
                yield Finding(
                    path=f"machines[{index}].metal.dataDisks[{number}].name",
                    value=disk.name,
                    message=f"{disk.name} is also the name of dataDisks[{first}]",
                    fix="rename one",
                )
