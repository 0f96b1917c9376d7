"""The normal form of a VM: every property with its default, as the bridged provider fills them.

A VM's inputs and what is read back from Proxmox VE are both brought into this form, and only then
compared; that is what keeps a second `up` quiet. The defaults are those of
bpg/terraform-provider-proxmox 0.111 (proxmoxtf/resource/vm), several of them wrong for Talos: they
are the vendor's, and the program has to know them. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provider.rpc import UNKNOWN

Model = dict[str, Any]

TOP: Mapping[str, Any] = {
    "acpi": True,
    "bios": "seabios",
    "deleteUnreferencedDisksOnDestroy": True,
    "description": "",
    "hookScriptFileId": "",
    "keyboardLayout": "en-us",
    "kvmArguments": "",
    "machine": "",
    "migrate": False,
    "name": "",
    "onBoot": True,
    "poolId": "",
    "protection": False,
    "purgeOnDestroy": True,
    "reboot": False,
    "rebootAfterUpdate": True,
    "scsiHardware": "virtio-scsi-pci",
    "started": True,
    "stopOnDestroy": False,
    "tabletDevice": True,
    "template": False,
    "timeoutClone": 1800,
    "timeoutCreate": 1800,
    "timeoutMigrate": 1800,
    "timeoutMoveDisk": 1800,
    "timeoutReboot": 1800,
    "timeoutShutdownVm": 1800,
    "timeoutStartVm": 1800,
    "timeoutStopVm": 300,
}
"""Plain properties; a block that the program leaves out stays out."""

BLOCKS: Mapping[str, Mapping[str, Any]] = {
    "agent": {"enabled": False, "timeout": "15m", "trim": False, "type": "virtio"},
    "cdrom": {"fileId": "", "interface": "ide3"},
    "cpu": {
        "affinity": "",
        "architecture": "",
        "cores": 1,
        "flags": [],
        "hotplugged": 0,
        "limit": 0,
        "numa": False,
        "sockets": 1,
        "type": "qemu64",
    },
    "efiDisk": {
        "datastoreId": "local-lvm",
        "fileFormat": "raw",
        "preEnrolledKeys": False,
        "type": "2m",
    },
    "initialization": {"datastoreId": "local-lvm"},
    "memory": {
        "dedicated": 512,
        "floating": 0,
        "hugepages": "",
        "keepHugepages": False,
        "shared": 0,
    },
    "operatingSystem": {"type": "other"},
    "smbios": dict.fromkeys(("family", "manufacturer", "product", "serial", "sku", "version"), ""),
    "startup": {"downDelay": -1, "order": -1, "upDelay": -1},
    "tpmState": {"datastoreId": "local-lvm", "version": "v2.0"},
    "vga": {"clipboard": "", "memory": 16, "type": "std"},
}

NO_SPEED: Mapping[str, int] = dict.fromkeys(
    (
        "iopsRead",
        "iopsReadBurstable",
        "iopsWrite",
        "iopsWriteBurstable",
        "read",
        "readBurstable",
        "write",
        "writeBurstable",
    ),
    0,
)
ITEMS: Mapping[str, Mapping[str, Any]] = {
    # A disk's `speed` gets this default in the plan, but a disk without limits reads back without
    # it: the vendor's perpetual difference (pulumi-proxmoxve issue 664), kept here on purpose.
    # A program sets a limit, or ignores exactly `disks[*].speed`.
    "disks": {
        "aio": "io_uring",
        "backup": True,
        "cache": "none",
        "datastoreId": "local-lvm",
        "discard": "ignore",
        "fileId": "",
        "importFrom": "",
        "iothread": False,
        "queues": 0,
        "replicate": True,
        "serial": "",
        "size": 8,
        "speed": dict(NO_SPEED),
        "ssd": False,
    },
    "networkDevices": {
        "bridge": "vmbr0",
        "disconnected": False,
        "enabled": True,
        "firewall": False,
        "model": "virtio",
        "mtu": 0,
        "queues": 0,
        "rateLimit": 0,
        "trunks": "",
        "vlanId": 0,
    },
    "serialDevices": {"device": "socket"},
}

COMPUTED = (
    "bootOrders",
    "hotplug",
    "ipv4Addresses",
    "ipv6Addresses",
    "macAddresses",
    "networkDevices",
    "networkInterfaceNames",
    "vmId",
)
"""Left out by the program, these keep what Proxmox VE says (Terraform's Optional + Computed)."""

COMPUTED_INSIDE: Mapping[str, tuple[str, ...]] = {
    "cpu": ("units",),
    "disks": ("fileFormat", "pathInDatastore"),
    "initialization": (
        "fileFormat",
        "interface",
        "metaDataFileId",
        "networkDataFileId",
        "type",
        "upgrade",
        "userDataFileId",
        "vendorDataFileId",
    ),
    "networkDevices": ("macAddress",),
    "smbios": ("uuid",),
    "agent": ("waitForIp",),
}

ABSENT = (
    "amdSev",
    "audioDevice",
    "clone",
    "hostpcis",
    "numas",
    "rngs",
    "usbs",
    "virtiofs",
    "watchdog",
)
"""Properties of the vendor's VM that the stand-in refuses rather than ignores."""


def _filled(value: Any, defaults: Mapping[str, Any]) -> Any:
    if value is UNKNOWN or not isinstance(value, Mapping):
        return value
    missing = {key: item for key, item in defaults.items() if value.get(key) is None}
    found = {**{key: item for key, item in value.items() if item is not None}, **missing}
    if isinstance(found.get("speed"), Mapping):
        found["speed"] = {**NO_SPEED, **found["speed"]}
    return found


def _initialization(block: Any) -> Any:
    """An `initialization` as the program wrote it, with the empty values that read back."""
    if not isinstance(block, Mapping):
        return block
    filled = dict(block)
    if isinstance(dns := filled.get("dns"), Mapping):
        filled["dns"] = {"domain": "", "servers": [], **dns}
    if isinstance(entries := filled.get("ipConfigs"), list):
        filled["ipConfigs"] = [
            {
                family: {"address": "", "gateway": "", **value}
                for family, value in entry.items()
                if isinstance(value, Mapping)
            }
            if isinstance(entry, Mapping)
            else entry
            for entry in entries
        ]
    if isinstance(account := filled.get("userAccount"), Mapping):
        filled["userAccount"] = {"keys": [], "password": "", "username": "", **account}
    return filled


def filled(inputs: Mapping[str, Any]) -> Model:
    """Inputs with every default written out; unknown values stay unknown."""
    given = {key: value for key, value in inputs.items() if value is not None}
    model: Model = {**TOP, **given}
    for name, defaults in BLOCKS.items():
        if name in given:
            model[name] = _filled(given[name], defaults)
    if "initialization" in given:
        model["initialization"] = _initialization(model["initialization"])
    for name, defaults in ITEMS.items():
        if name == "networkDevices" and name not in given:
            continue
        items = given.get(name, [])
        model[name] = (
            [_filled(item, defaults) for item in items] if isinstance(items, list) else items
        )
    tags = model.get("tags")
    if isinstance(tags, list) and UNKNOWN not in tags:
        model["tags"] = sorted(tags)
    else:
        model.setdefault("tags", [])
    return model


def in_order(items: list[Model], wanted: Any) -> list[Model]:
    """Disks in the order in which the program names their interfaces, the rest behind them."""
    names = [item.get("interface") for item in wanted] if isinstance(wanted, list) else []
    known = {item.get("interface"): item for item in items}
    first = [known[name] for name in names if name in known]
    return [*first, *(item for item in items if item.get("interface") not in names)]


def comparable(state: Mapping[str, Any], news: Mapping[str, Any]) -> tuple[Model, Model]:
    """State and wanted model, cut to what may differ: computed values that nobody set are equal."""
    skip = {key for key in COMPUTED if key not in news}
    properties = {*TOP, *BLOCKS, *ITEMS, "tags", "nodeName", *COMPUTED} - skip
    properties -= {"ipv4Addresses", "ipv6Addresses", "networkInterfaceNames", "macAddresses"}
    old = {key: state[key] for key in properties if state.get(key) is not None}
    new = {key: news[key] for key in properties if news.get(key) is not None}
    if new.get("poolId") == "":  # the vendor leaves a VM in its pool when none is named
        old.pop("poolId", None)
        new.pop("poolId", None)
    if isinstance(old.get("disks"), list):
        old["disks"] = in_order(old["disks"], new.get("disks"))
    for name, inside in COMPUTED_INSIDE.items():
        old[name], new[name] = _without_computed(old.get(name), new.get(name), inside)
    return (
        {key: value for key, value in old.items() if value is not None},
        {key: value for key, value in new.items() if value is not None},
    )


def _without_computed(old: Any, new: Any, names: tuple[str, ...]) -> tuple[Any, Any]:
    if isinstance(old, list) and isinstance(new, list):
        pairs = [
            _without_computed(item, new[index] if index < len(new) else None, names)
            for index, item in enumerate(old)
        ]
        return [before for before, _ in pairs], new
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        kept = {key: value for key, value in old.items() if key not in names or key in new}
        return kept, new
    return old, new
