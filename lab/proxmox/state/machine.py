# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a virtual machine is to the machine simulator: the hardware its configuration describes.

Pure: a configuration in, the body of `POST /machines` out. It does not talk to anybody.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, TypedDict

from lab.proxmox.state.drives import Drive, drives, parse_size

# https://factory.talos.dev/image/<schematic>/<version>/nocloud-amd64.qcow2
_IMAGE: Final = re.compile(r"/image/(?P<schematic>[0-9a-f]{64})/(?P<version>v[^/]+)/[^/]+$")
_MAC: Final = re.compile(r"=([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5})")
DISK_MODEL: Final = "QEMU HARDDISK"


class Disk(TypedDict):
    """One disk as the guest sees it."""

    name: str
    sizeBytes: int
    model: str
    serial: str
    transport: str


def machine_id(node: str, vmid: int) -> str:
    """The name a guest has at the machine simulator, for example `atlas/101`."""
    return f"{node}/{vmid}"


def image_of(url: str) -> dict[str, str]:
    """Version and schematic out of an image factory URL; empty strings when it is no such URL."""
    found = _IMAGE.search(url)
    return {
        "version": found["version"] if found else "",
        "schematic": found["schematic"] if found else "",
    }


def boot_disk(config: Mapping[str, Any]) -> Drive | None:
    """The first disk in boot order, else the first disk."""
    disks = {key: drive for key, drive in drives(config).items() if _is_disk(key, drive)}
    order = str(config.get("boot", "")).removeprefix("order=").split(";")
    named = [disks[key] for key in order if key in disks]
    return next(iter([*named, *disks.values()]), None)


def describe(node: str, vmid: int, config: Mapping[str, Any], origin: str) -> dict[str, Any]:
    """The body of `POST /machines`; `origin` is the URL the boot disk was downloaded from."""
    smbios = dict(part.partition("=")[::2] for part in str(config.get("smbios1", "")).split(","))
    network = _network(config)
    return {
        "id": machine_id(node, vmid),
        "label": str(config.get("name", f"VM {vmid}")),
        "uuid": smbios.get("uuid", ""),
        "macs": _macs(config),
        "platform": "nocloud",
        "image": image_of(origin),
        **network,
        "hostname": str(config.get("name", "")) if _has_cloudinit(config) else "",
        "cpus": int(config.get("cores", 1)) * int(config.get("sockets", 1)),
        "memoryMiB": int(str(config.get("memory", 512)).rpartition("=")[2]),
        "disks": _disks(config),
        "kernelArgs": [],
    }


def bridges(config: Mapping[str, Any]) -> dict[str, str]:
    """Network device -> bridge."""
    found = {key: _option(str(config[key]), "bridge") for key in _numbered(config, "net")}
    return {key: bridge for key, bridge in found.items() if bridge}


def _numbered(config: Mapping[str, Any], prefix: str) -> list[str]:
    found = [key for key in config if re.fullmatch(rf"{prefix}\d+", key)]
    return sorted(found, key=lambda key: int(key.removeprefix(prefix)))


def _option(text: str, name: str) -> str:
    options = dict(part.partition("=")[::2] for part in text.split(","))
    return options.get(name, "")


def _macs(config: Mapping[str, Any]) -> list[str]:
    found = (_MAC.search(str(config[key])) for key in _numbered(config, "net"))
    return [match[1].lower() for match in found if match]


def _has_cloudinit(config: Mapping[str, Any]) -> bool:
    return any(drive.is_cloudinit for drive in drives(config).values())


def _network(config: Mapping[str, Any]) -> dict[str, list[str]]:
    """Addresses from the cloud-init drive; without one the guest has none but DHCP's."""
    addresses: list[str] = []
    gateways: list[str] = []
    nameservers: list[str] = []
    if _has_cloudinit(config):
        for key in _numbered(config, "ipconfig"):
            text = str(config[key])
            addresses += [_option(text, "ip"), _option(text, "ip6")]
            gateways += [_option(text, "gw"), _option(text, "gw6")]
        nameservers = re.split(r"[\s,;]+", str(config.get("nameserver", "")))
    return {
        "addresses": [text for text in addresses if "/" in text],
        "gateways": [text for text in gateways if text],
        "nameservers": [text for text in nameservers if text],
    }


def _is_disk(key: str, drive: Drive) -> bool:
    attached = key.startswith(("scsi", "virtio", "sata", "ide"))
    return attached and not drive.is_cdrom and drive.volume not in {"", "none"}


def _disks(config: Mapping[str, Any]) -> list[Disk]:
    found: list[Disk] = []
    letters = {"sd": iter("abcdefghijklmnopqrstuvwxyz"), "vd": iter("abcdefghijklmnopqrstuvwxyz")}
    for key, drive in drives(config).items():
        if not _is_disk(key, drive):
            continue
        kind = "vd" if key.startswith("virtio") else "sd"
        paravirtual = kind == "vd" or str(config.get("scsihw", "")).startswith("virtio")
        found.append(
            Disk(
                name=kind + next(letters[kind]),
                sizeBytes=parse_size(drive.options.get("size", "0")),
                model=DISK_MODEL,
                serial=drive.options.get("serial", ""),
                transport="virtio"
                if paravirtual
                else ("scsi" if key.startswith("scsi") else "sata"),
            )
        )
    return found
