# SPDX-License-Identifier: AGPL-3.0-or-later
"""Drives in a virtual machine's configuration: reading, writing, and what a change to one means.

Pure text work after qemu-server's `QemuServer/Drive.pm` and `vmconfig_update_disk`. It allocates
nothing: volumes are the storage's.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Self

DRIVE_KEY: Final = re.compile(
    r"ide[0-3]|sata[0-5]|scsi(?:[12]?[0-9]|30)|virtio(?:[0-9]|1[0-5])|efidisk0|tpmstate0"
)
# A disk still to be allocated: [storage:]size in GiB.
NEW_DISK: Final = re.compile(r"(?:(?P<storage>[^/:\s]+):)?(?P<gib>\d+(?:\.\d+)?)")
CLOUDINIT_BYTES: Final = 4 * 1024**2
UNITS: Final = {"K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
# Properties whose change has to wait for the next start (`vmconfig_update_disk`).
_COLD_PROPERTIES: Final = (
    "aio",
    "discard",
    "iothread",
    "queues",
    "product",
    "cache",
    "ssd",
    "vendor",
    "ro",
)


@dataclass(frozen=True)
class Drive:
    """One drive: a volume (or `none`, `cdrom`, a size to allocate) and its options."""

    volume: str
    options: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `local-zfs:vm-101-disk-0,discard=on,size=20G` (or `file=...`)."""
        volume, options = "", {}
        for part in str(text).split(","):
            key, equals, value = part.partition("=")
            if equals:
                options[key] = value
            elif part:
                volume = part
        volume = volume or options.pop("file", "") or options.pop("volume", "")
        return cls(volume, options)

    def __str__(self) -> str:
        """As Proxmox VE writes it: the volume, then the options in alphabetical order."""
        return ",".join([self.volume, *(f"{k}={v}" for k, v in sorted(self.options.items()))])

    def having(self, **options: str) -> "Drive":
        """The same drive with more options."""
        return replace(self, options={**self.options, **options})

    def without(self, *names: str) -> "Drive":
        """The same drive with fewer options."""
        kept = {key: value for key, value in self.options.items() if key not in names}
        return replace(self, options=kept)

    @property
    def storage(self) -> str | None:
        """The storage of its volume, if it has one."""
        name, colon, _ = self.volume.partition(":")
        return name if colon and not self.volume.startswith("/") else None

    @property
    def name(self) -> str:
        """The volume's name on its storage."""
        return self.volume.partition(":")[2] or self.volume

    @property
    def is_cdrom(self) -> bool:
        """A CD-ROM drive; a cloud-init drive is one too."""
        return self.options.get("media") == "cdrom" or self.volume == "cdrom"

    @property
    def is_cloudinit(self) -> bool:
        """A cloud-init drive, allocated or asked for."""
        return self.name == "cloudinit" or bool(
            re.search(r"(?:^|/)vm-\d+-cloudinit(?:\.\w+)?$", self.name)
        )

    @property
    def owner(self) -> int | None:
        """The VMID in the volume's name: who frees it."""
        found = re.match(r"(?:\d+/)?(?:vm|base)-(\d+)-", self.name)
        return int(found.group(1)) if found else None

    def to_allocate(self) -> tuple[str | None, float] | None:
        """(storage, GiB) when the volume is one still to be made."""
        found = NEW_DISK.fullmatch(self.volume)
        return (found["storage"], float(found["gib"])) if found and not self.is_cdrom else None


def is_drive(key: str) -> bool:
    """Whether a configuration key is a drive."""
    return DRIVE_KEY.fullmatch(key) is not None


def natural(key: str) -> tuple[str, int]:
    """Sort key: scsi2 before scsi10."""
    letters = key.rstrip("0123456789")
    return letters, int(key[len(letters) :] or 0)


def drives(config: Mapping[str, object]) -> dict[str, Drive]:
    """The drives of a configuration, in device order."""
    keys = sorted((key for key in config if is_drive(key)), key=natural)
    return {key: Drive.parse(str(config[key])) for key in keys}


def cloudinit_key(config: Mapping[str, object], but: str) -> str | None:
    """Where a cloud-init drive is attached, other than at `but`."""
    found = (key for key, drive in drives(config).items() if drive.is_cloudinit and key != but)
    return next(found, None)


def next_unused(config: Mapping[str, object]) -> str:
    """The first free `unusedN`."""
    return next(f"unused{n}" for n in range(256) if f"unused{n}" not in config)


def changes_at_once(old: Drive | None, new: Drive, key: str, *, hotplug: bool) -> bool:
    """Whether a running machine takes this drive without a restart."""
    if new.is_cloudinit and (old is None or old.is_cloudinit):
        return old is not None
    if old is not None and old.is_cdrom:
        return True  # a medium is changed
    if old is not None and old.volume == new.volume:
        return all(old.options.get(p) == new.options.get(p) for p in _COLD_PROPERTIES)
    return hotplug and key.startswith(("scsi", "virtio"))


def format_size(size: int) -> str:
    """The largest unit that divides it, as `PVE::JSONSchema::format_size`."""
    for unit in "TGMK":
        if size and size % UNITS[unit] == 0:
            return f"{size // UNITS[unit]}{unit}"
    return str(size)


def parse_size(text: str) -> int:
    """Bytes of `20G`, `1246M`, `512`; 0 for what is no size."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT])?", text.strip())
    return int(float(found[1]) * UNITS.get(found[2], 1)) if found else 0


def resized(current: int, wanted: str) -> int | None:
    """The new size in bytes for `+5G` or `20G`; None when the text is neither."""
    found = re.fullmatch(r"(\+)?(\d+(?:\.\d+)?[KMGT]?)", wanted)
    return parse_size(found[2]) + (current if found[1] else 0) if found else None
