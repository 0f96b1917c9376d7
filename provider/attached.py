"""Disks that somebody else hung on a machine, and the changes that would tear them off it.

A storage driver attaches its volumes behind the back of the vendor's provider. That one does not
see them and leaves them alone, until anything about the machine's own disk changes: then it takes
off every disk that the program does not name, under running pods
(bpg/terraform-provider-proxmox 0.111, `vmUpdate`: "devices present on the VM but absent from the
plan"). And a volume on one host's datastore cannot follow its machine to another host. Reads only.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from proxmoxer.core import ResourceException

from provider import proxmox

# {name, id, host, disk: {interface, ...}}: what preflight is told of a machine.
Machine = dict[str, Any]
_DISK = re.compile(r"(?:scsi|virtio|sata|ide)\d+")


def torn_off(api: Any, before: Sequence[Machine], now: Sequence[Machine]) -> Iterator[str]:
    """Every change of a machine that would cost it volumes, with its remedy."""
    wanted = {machine["name"]: machine for machine in now}
    for old in before:
        new = wanted.get(old["name"])
        if new is None or (old["host"], old["disk"]) == (new["host"], new["disk"]):
            continue
        volumes = attached(api, old)
        if volumes:
            yield (
                f"  machine {old['name']} (VM {old['id']} on {old['host']}) has volumes attached "
                f"that are not its own: {', '.join(volumes)}"
            )
            yield f"    {remedy(old, new)}"


def remedy(old: Machine, new: Machine) -> str:
    """Why the change cannot be, and what to do."""
    if old["host"] != new["host"]:
        return (
            f"they lie on {old['host']} and cannot follow it to {new['host']}: put its host back, "
            f"or move the data first and delete the claims"
        )
    changed = sorted(
        key for key in {*old["disk"], *new["disk"]} if old["disk"].get(key) != new["disk"].get(key)
    )
    return (
        f"changing its own disk ({', '.join(changed)}) would unplug them from running pods: "
        f"`kubectl drain {old['name']} --ignore-daemonsets --delete-emptydir-data`, run this "
        f"again, then `kubectl uncordon {old['name']}`"
    )


def attached(api: Any, machine: Machine) -> list[str]:
    """Disks on the machine other than its own, as `scsi1 local-zfs:vm-9999-pvc-...`."""
    doing = f"reading the disks of {machine['name']} (VM {machine['id']} on {machine['host']})"
    with proxmox.refusals(doing):
        config = configuration(api, machine)
    return [
        f"{slot} {str(value).partition(',')[0]}"
        for slot, value in sorted(config.items())
        if _DISK.fullmatch(slot)
        and slot != machine["disk"]["interface"]
        and "media=cdrom" not in str(value)
        and not str(value).startswith("none")
    ]


def configuration(api: Any, machine: Machine) -> dict[str, Any]:
    """The machine's configuration; empty when Proxmox VE has no such machine (any more)."""
    try:
        found: dict[str, Any] = api.nodes(machine["host"]).qemu(machine["id"]).config.get()
    except ResourceException as error:
        if "does not exist" in f"{error.status_message} {error.content}":
            return {}
        raise
    return found
