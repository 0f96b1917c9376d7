"""The platforms that the Image Factory builds for, and the names of their files. Pure.

From Talos' machinery 1.13.0, `platforms.CloudPlatforms`; `metal` is treated apart there and here.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Platform:
    """What exists for a platform: a disk image with this suffix, an ISO, a PXE script."""

    suffix: str = ""
    iso: bool = False
    pxe: bool = False
    secure_boot: bool = False


CLOUDS: Final = {
    "akamai": Platform("raw.gz"),
    "aws": Platform("raw.xz"),
    "azure": Platform("vhd.xz"),
    "cloudstack": Platform("raw.gz", secure_boot=True),
    "digital-ocean": Platform("raw.gz"),
    "equinixMetal": Platform(pxe=True),
    "exoscale": Platform("qcow2"),
    "gcp": Platform("raw.tar.gz"),
    "hcloud": Platform("raw.xz"),
    "nocloud": Platform("raw.xz", iso=True, pxe=True, secure_boot=True),
    "opennebula": Platform("raw.zst", iso=True),
    "openstack": Platform("raw.xz", iso=True, pxe=True),
    "oracle": Platform("qcow2"),
    "scaleway": Platform("raw.zst", iso=True),
    "upcloud": Platform("raw.xz"),
    "vmware": Platform("ova", iso=True),
    "vultr": Platform(iso=True, pxe=True),
}
METAL: Final = Platform("raw.zst", iso=True, pxe=True, secure_boot=True)


def files(platform: str, architecture: str) -> dict[str, str]:
    """The file of each asset that there is for a platform, by the provider's name for it."""
    known = METAL if platform == "metal" else CLOUDS[platform]
    stem = f"{platform}-{architecture}"
    found = {}
    if known.suffix:
        found["diskImage"] = f"{stem}.{known.suffix}"
    if known.iso:
        found["iso"] = f"{stem}.iso"
    if known.secure_boot:
        secure = {f"{name}Secureboot": file for name, file in found.items()}
        found |= {name: file.replace(stem, f"{stem}-secureboot") for name, file in secure.items()}
    if platform == "metal":
        found["kernel"] = f"kernel-{architecture}"
        found["kernelCommandLine"] = f"cmdline-{stem}"
        found["initramfs"] = f"initramfs-{architecture}.xz"
        found["uki"] = f"{stem}-secureboot-uki.efi"
    return found
