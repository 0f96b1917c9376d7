"""What the factory knows: schematics posted, Talos versions, official extensions. Pure.

Schematics are content-addressed, so posting one twice changes nothing. It reads and writes no file
but those it is handed the text of.
"""

import hashlib
import re
from dataclasses import dataclass, field
from typing import Final

from lab.factory.errors import invalid_path, unknown_extension, unknown_schematic, unknown_version
from lab.factory.wire import Schematic, parse

# Versions of github.com/siderolabs/talos/pkg/machinery seen on the Go module proxy.
VERSIONS: Final = (
    "v1.12.0",
    "v1.12.1",
    "v1.12.2",
    "v1.12.3",
    "v1.12.4",
    "v1.12.5",
    "v1.12.6",
    "v1.13.0",
    "v1.13.3",
)
ARCHITECTURES: Final = ("amd64", "arm64")
_IDENTIFIER: Final = re.compile(r"[0-9a-f]{64}")
# <platform>-<arch>[-secureboot] with what follows it, as `ParseFromPath` of internal/profile.
_PLATFORM_FILE: Final = re.compile(
    r"(?:cmdline-)?(?P<platform>[a-z]+(?:-ocean)?)-(?:installer-)?(?P<arch>[a-z0-9_]+?)"
    r"(?P<secureboot>-secureboot)?"
    r"(?P<suffix>-uki\.efi|\.iso|\.tar|\.(?:raw|qcow2|vhd|ova)(?:\.(?:tar\.gz|gz|xz|zst))?)?"
)
_BOOT_FILE: Final = re.compile(r"kernel-(?P<arch>\w+)|initramfs-(?P<initramfs>\w+)\.xz")


@dataclass(frozen=True)
class Extension:
    """An official system extension as the factory lists it."""

    name: str
    version: str

    @property
    def ref(self) -> str:
        """Its image; the tag is the Talos version, the real ones have their own."""
        return f"ghcr.io/{self.name}:{self.version}"

    @property
    def digest(self) -> str:
        """Made of the reference: no real digest is known here, and none is pretended."""
        return "sha256:" + hashlib.sha256(f"lab:{self.ref}".encode()).hexdigest()


@dataclass(frozen=True)
class Image:
    """A file the factory can build."""

    schematic: str
    version: str
    file: str

    @property
    def is_qcow2(self) -> bool:
        """Whether it is an uncompressed qcow2 disk."""
        return self.file.endswith(".qcow2")


@dataclass
class Factory:
    """Schematics by identifier, and the extensions that exist."""

    extensions: tuple[str, ...]
    schematics: dict[str, Schematic] = field(default_factory=dict)

    def put(self, data: bytes) -> Schematic:
        """Keep a schematic."""
        schematic = parse(data)
        self.schematics[schematic.identifier] = schematic
        return schematic

    def get(self, identifier: str) -> Schematic:
        """A schematic posted before; the empty one always is there."""
        found = self.schematics.get(identifier)
        if found is None or not _IDENTIFIER.fullmatch(identifier):
            raise unknown_schematic(identifier)
        return found

    def official(self, version: str) -> list[Extension]:
        """The extensions for a Talos version."""
        tag = version_tag(version)
        return [Extension(f"siderolabs/{name}", tag) for name in self.extensions]

    def image(self, identifier: str, version: str, file: str) -> Image:
        """A boot asset, or why there is none."""
        schematic = self.get(identifier)
        tag = version if version.startswith("v") else f"v{version}"
        _check_file(file)
        version_tag(tag)
        known = {f"siderolabs/{name}" for name in self.extensions}
        needs_extensions = not file.startswith(("kernel-", "cmdline-"))
        for name in schematic.extensions if needs_extensions else ():
            if name not in known:
                raise unknown_extension(name, tag)
        return Image(identifier, tag, file)


def version_tag(version: str) -> str:
    """`v1.13.0` for `1.13.0` or `v1.13.0`, if it is known."""
    tag = version if version.startswith("v") else f"v{version}"
    if tag not in VERSIONS:
        raise unknown_version(tag.removeprefix("v"))
    return tag


def _check_file(file: str) -> None:
    boot = _BOOT_FILE.fullmatch(file)
    if boot:
        architecture = boot["arch"] or boot["initramfs"]
    else:
        found = _PLATFORM_FILE.fullmatch(file)
        if not found or not (found["suffix"] or file.startswith("cmdline-")):
            raise invalid_path(f'invalid profile path: "{file}"')
        architecture = found["arch"]
    if architecture not in {*ARCHITECTURES, "x86_64", "i386"}:
        raise invalid_path(f'invalid architecture: "{architecture}"')
