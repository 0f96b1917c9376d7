"""Boot assets of a few bytes: what they are is in them, Talos is not.

A qcow2 asset is a valid header that says how large the disk is (1246 MiB, what the imager makes of
the `nocloud` and `metal` platforms), so whoever inspects it sees the right size. Everything else is
a line of text. Nothing here boots.
"""

import struct
from typing import Final

from lab.factory.state import Image

# `MinRAWDiskSize` in pkg/imager/profile/default.go of Talos 1.13.0.
DISK_BYTES: Final = 1246 * 1024**2
_CLUSTER_BITS: Final = 13  # the factory makes qcow2 with cluster_size=8k
_HEADER_BYTES: Final = 104
MIME: Final = {
    ".efi": "application/efi",
    ".iso": "application/x-iso9660-image",
    ".xz": "application/x-xz",
    ".gz": "application/gzip",
    ".qcow2": "application/x-qemu-disk",
}


def content(image: Image) -> bytes:
    """The asset's bytes; the same for the same image, always."""
    line = f"lab image: schematic {image.schematic} Talos {image.version} {image.file}\n".encode()
    if not image.is_qcow2:
        return line
    header = struct.pack(">4sIQIIQ", b"QFI\xfb", 3, 0, 0, _CLUSTER_BITS, DISK_BYTES)
    header += bytes(_HEADER_BYTES - len(header) - 4) + struct.pack(">I", _HEADER_BYTES)
    return header.ljust(1 << _CLUSTER_BITS, b"\0") + line


def content_type(file: str) -> str:
    """As internal/mime of the factory."""
    return MIME.get("." + file.rpartition(".")[2], "application/octet-stream")
