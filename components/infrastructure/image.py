"""The Talos image of a stack: its schematic, and where the image factory serves it.

Plain string work: the factory names a schematic by the hash of its own spelling of it, and its
address scheme needs no request, so the very first preview knows what every machine will install.
"""

import hashlib

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


def schematic_id(talos: Talos) -> str:
    """The id that the factory will answer with: SHA-256 over the schematic as it spells it.

    Go's YAML: four columns a level, list items indented, nothing that needs quotes. Who uses the id
    before the factory has answered has it confirmed (`confirmed`).
    """
    lines = []
    if talos.kernel_args:
        lines += ["    extraKernelArgs:", *(f"        - {item}" for item in talos.kernel_args)]
    if talos.extensions:
        official = sorted(extension.value for extension in talos.extensions)
        lines += ["    systemExtensions:", "        officialExtensions:"]
        lines += [f"            - {name}" for name in official]
    text = "\n".join(["customization:", *lines]) if lines else "customization: {}"
    return hashlib.sha256(f"{text}\n".encode()).hexdigest()


def confirmed(expected: str, answered: str) -> str:
    """The factory's id; raises ValueError when it is another than was expected."""
    if answered != expected:
        raise ValueError(
            f"the image factory calls this schematic {answered}, and {expected} was expected: "
            "machines would be told to install what does not exist. Compare talos.extensions and "
            "talos.kernelArgs with what https://factory.talos.dev makes of them"
        )
    return answered


def disk_image_url(schematic_id: str, version: str) -> str:
    """The uncompressed qcow2 that Proxmox VE imports without SSH."""
    return f"{FACTORY}/image/{schematic_id}/{version}/nocloud-amd64.qcow2"


def boot_image_url(schematic_id: str, version: str) -> str:
    """The ISO that a physical host is booted from, for a stick; it brings the same extensions."""
    return f"{FACTORY}/image/{schematic_id}/{version}/metal-amd64.iso"


def installer_image(schematic_id: str, version: str, platform: str) -> str:
    """The installer a machine upgrades itself with: the same schematic as the image it booted."""
    return f"factory.talos.dev/{platform}-installer/{schematic_id}:{version}"
