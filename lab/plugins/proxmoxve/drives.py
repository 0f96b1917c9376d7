"""Disks and network cards in Proxmox VE's option strings, and back. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from lab.plugins.proxmoxve.normal import NO_SPEED, Model

_SLOT = re.compile(r"^(ide|sata|scsi|virtio)\d+$")
_SIZE = re.compile(r"^(\d+(?:\.\d+)?)([KMGT]?)$")
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_LIMITS = {
    "iopsRead": "iops_rd",
    "iopsWrite": "iops_wr",
    "iopsReadBurstable": "iops_rd_max",
    "iopsWriteBurstable": "iops_wr_max",
    "readBurstable": "mbps_rd_max",
    "writeBurstable": "mbps_wr_max",
    "read": "mbps_rd",
    "write": "mbps_wr",
}
_MODELS = frozenset({"virtio", "e1000", "e1000e", "rtl8139", "vmxnet3"})


def options(text: str) -> tuple[str, dict[str, str]]:
    """`local:vm-1-disk-0,size=8G` -> the volume and its options."""
    parts = [part for part in text.split(",") if part]
    first = parts[0] if parts else ""
    rest = dict(part.split("=", 1) for part in parts[1:] if "=" in part)
    if "=" in first:
        key, value = first.split("=", 1)
        if key in ("file", "volume"):
            return value, rest
        return "", {key: value, **rest}
    return first, rest


def _flag(value: Any) -> str:
    return "1" if value else "0"


def truth(value: Any) -> bool:
    """Proxmox VE's booleans: 1, "1", true, "on"."""
    return str(value).lower() in ("1", "true", "on", "yes")


def disk_options(disk: Mapping[str, Any]) -> str:
    """A disk's options in the vendor's order, without its volume."""
    slot = str(disk["interface"])
    found = [f"aio={disk['aio']}", f"backup={_flag(disk['backup'])}"]
    speed = disk.get("speed") or {}
    found += [f"{theirs}={speed[ours]}" for ours, theirs in _LIMITS.items() if speed.get(ours)]
    if not slot.startswith(("sata", "ide")):
        found.append(f"iothread={_flag(disk['iothread'])}")
    if disk.get("queues"):
        found.append(f"queues={disk['queues']}")
    if disk.get("serial"):
        found.append(f"serial={disk['serial']}")
    if not slot.startswith("virtio"):
        found.append(f"ssd={_flag(disk['ssd'])}")
    found += [f"discard={disk['discard']}", f"cache={disk['cache']}"]
    return ",".join([*found, f"replicate={_flag(disk['replicate'])}"])


def new_disk(disk: Mapping[str, Any]) -> str:
    """The value that makes a disk: imported, an existing volume, or an empty one."""
    store = disk["datastoreId"]
    format_ = f",format={disk['fileFormat']}" if disk.get("fileFormat") else ""
    if disk.get("importFrom"):
        volume = f"file={store}:0,import-from={disk['importFrom']}"
    elif disk.get("pathInDatastore"):
        volume = f"file={store}:{disk['pathInDatastore']}" if store else disk["pathInDatastore"]
    else:
        volume = f"file={store}:{disk['size']}"
    return f"{volume}{format_},{disk_options(disk)}"


def gigabytes(size: str | None) -> int:
    """A size like `20G` or `8193M` in whole GiB, rounded down; 0 when there is none."""
    match = _SIZE.match(size or "")
    return int(float(match[1]) * _UNITS[match[2]] // _UNITS["G"]) if match else 0


def is_cloud_init(value: str, vm_id: int) -> bool:
    """Whether a drive is the VM's own cloud-init drive."""
    return f"vm-{vm_id}-cloudinit" in options(value)[0]


def cloud_init_drive(config: Mapping[str, Any], vm_id: int) -> tuple[str, str]:
    """The slot and volume of the cloud-init drive, empty when there is none."""
    for slot in sorted(config):
        if _SLOT.match(slot) and is_cloud_init(str(config[slot]), vm_id):
            return slot, options(str(config[slot]))[0]
    return "", ""


def disk_slots(config: Mapping[str, Any], vm_id: int) -> list[str]:
    """The slots that hold disks: neither CD-ROMs nor the cloud-init drive nor empty ones."""
    found = []
    for slot, value in config.items():
        if not _SLOT.match(slot):
            continue
        volume, rest = options(str(value))
        media = rest.get("media") == "cdrom"
        if volume != "none" and not media and not is_cloud_init(str(value), vm_id):
            found.append(slot)
    return sorted(found, key=_by_number)


def _by_number(slot: str) -> tuple[str, int]:
    name = slot.rstrip("0123456789")
    return name, int(slot[len(name) :])


def disk_model(slot: str, value: str, known: Mapping[str, Any]) -> Model:
    """A disk as the program writes it. `known` is what the state says of the same slot.

    Proxmox VE forgets what a disk was imported from, so that is taken from the state, as the vendor
    does it; a disk without limits has no `speed` (see `normal.ITEMS`).
    """
    volume, rest = options(value)
    store, colon, path = volume.partition(":")
    model: Model = {
        "interface": slot,
        "datastoreId": store if colon else "",
        "pathInDatastore": path if colon else volume,
        "size": gigabytes(rest.get("size")) or known.get("size") or 0,
        "aio": rest.get("aio", "io_uring"),
        "backup": truth(rest.get("backup", "1")),
        "cache": rest.get("cache", "none"),
        "discard": rest.get("discard", "ignore"),
        "fileId": known.get("fileId") or "",
        "importFrom": known.get("importFrom") or rest.get("import-from", ""),
        "iothread": truth(rest.get("iothread", "0")),
        "queues": int(rest.get("queues", 0)),
        "replicate": truth(rest.get("replicate", "1")),
        "serial": rest.get("serial", ""),
        "ssd": truth(rest.get("ssd", "0")),
    }
    if "format" in rest:
        model["fileFormat"] = rest["format"]
    limits = {ours: int(rest[theirs]) for ours, theirs in _LIMITS.items() if theirs in rest}
    if limits:
        model["speed"] = {**NO_SPEED, **limits}
    return model


def network_card(card: Mapping[str, Any]) -> str:
    """A network card's value."""
    found = [f"model={card['model']}"]
    if card.get("bridge"):
        found.append(f"bridge={card['bridge']}")
    found.append(f"firewall={_flag(card['firewall'])}")
    if card.get("disconnected"):
        found.append("link_down=1")
    for theirs, ours in (
        ("macaddr", "macAddress"),
        ("queues", "queues"),
        ("rate", "rateLimit"),
        ("tag", "vlanId"),
        ("mtu", "mtu"),
        ("trunks", "trunks"),
    ):
        if card.get(ours):
            found.append(f"{theirs}={card[ours]}")
    return ",".join(found)


def network_model(value: str) -> Model:
    """A network card as the program writes it: `virtio=AA:BB:...,bridge=vmbr0`."""
    _, rest = options(value)
    model = rest.get("model", "")
    mac = rest.get("macaddr", "")
    for name in _MODELS & rest.keys():
        model, mac = name, rest[name]
    rate = float(rest.get("rate", 0))
    return {
        "bridge": rest.get("bridge", ""),
        "disconnected": truth(rest.get("link_down", "0")),
        "enabled": True,
        "firewall": truth(rest.get("firewall", "0")),
        "macAddress": mac,
        "model": model,
        "mtu": int(rest.get("mtu", 0)),
        "queues": int(rest.get("queues", 0)),
        "rateLimit": int(rate) if rate.is_integer() else rate,
        "trunks": rest.get("trunks", ""),
        "vlanId": int(rest.get("tag", 0)),
    }


def slots(config: Iterable[str], prefix: str) -> list[str]:
    """The keys `prefix0`, `prefix1`, ... of a configuration, in order."""
    found = [key for key in config if re.fullmatch(rf"{prefix}\d+", key)]
    return sorted(found, key=_by_number)
