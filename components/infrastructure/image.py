"""The Talos image of a stack: its schematic, and where the image factory serves it.

Plain string work: the factory's address scheme needs no request, so a preview knows every URL as
soon as it knows the schematic's id.
"""

import yaml

from config.talos import Talos

FACTORY = "https://factory.talos.dev"


def schematic(talos: Talos) -> str:
    """The schematic as YAML: kernel arguments in order, extensions sorted."""
    customization: dict[str, object] = {}
    if talos.kernel_args:
        customization["extraKernelArgs"] = list(talos.kernel_args)
    if talos.extensions:
        official = sorted(extension.value for extension in talos.extensions)
        customization["systemExtensions"] = {"officialExtensions": official}
    return yaml.safe_dump({"customization": customization}, sort_keys=False)


def disk_image_url(schematic_id: str, version: str) -> str:
    """The uncompressed qcow2 that Proxmox VE imports without SSH."""
    return f"{FACTORY}/image/{schematic_id}/{version}/nocloud-amd64.qcow2"


def installer_image(schematic_id: str, version: str, platform: str) -> str:
    """The installer a machine upgrades itself with: the same schematic as the image it booted."""
    return f"factory.talos.dev/{platform}-installer/{schematic_id}:{version}"
