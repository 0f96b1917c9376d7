"""From Proxmox VE's configuration of a VM back to the normal form. Pure.

A block that the program never wrote appears only when it differs from the defaults, as in the
vendor's plugin. What Proxmox VE does not tell (an image's origin, a password, the provider's own
switches) comes from the state.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from lab.plugins.proxmoxve import drives
from lab.plugins.proxmoxve.drives import options, truth
from lab.plugins.proxmoxve.normal import BLOCKS, TOP, Model

Config = Mapping[str, Any]
_HIDDEN = "**********"  # how Proxmox VE shows a cloud-init password
_GONE = {"fileId": "", "serial": ""}
_OURS_ALONE = (
    "deleteUnreferencedDisksOnDestroy",
    "migrate",
    "nodeName",
    "purgeOnDestroy",
    "reboot",
    "rebootAfterUpdate",
    "stopOnDestroy",
    *(name for name in TOP if name.startswith("timeout")),
)


def model_of(config: Config, vm_id: int, known: Mapping[str, Any]) -> Model:
    """A VM in the normal form; `known` is the state (or the inputs, right after a create)."""
    model: Model = {name: known.get(name, TOP.get(name)) for name in _OURS_ALONE}
    model |= _top(config)
    model["vmId"] = vm_id
    for name, read in (
        ("agent", _agent),
        ("cpu", _cpu),
        ("memory", _memory),
        ("operatingSystem", _operating_system),
        ("smbios", _smbios),
        ("startup", _startup),
        ("vga", _vga),
        ("efiDisk", _efi),
        ("tpmState", _tpm),
    ):
        block = read(config, known.get(name) or {})
        if block is not None and (known.get(name) or _differs(name, block)):
            model[name] = block
    if known.get("cdrom"):
        model["cdrom"] = _cdrom(config, known["cdrom"])
    if block := _initialization(config, vm_id, known.get("initialization") or {}):
        model["initialization"] = block
    model["disks"] = _disks(config, vm_id, known.get("disks"))
    cards = [drives.network_model(str(config[slot])) for slot in drives.slots(config, "net")]
    model["networkDevices"] = cards
    model["macAddresses"] = [card["macAddress"] for card in cards]
    serials = [{"device": str(config[slot])} for slot in drives.slots(config, "serial")]
    model["serialDevices"] = serials
    return model


def _differs(name: str, block: Model) -> bool:
    return any(block.get(key) != value for key, value in BLOCKS[name].items())


def _top(config: Config) -> Model:
    boot = options(f"x,{config.get('boot', '')}")[1].get("order", "")
    return {
        "acpi": truth(config.get("acpi", 1)),
        "bios": config.get("bios", "seabios"),
        "bootOrders": [slot for slot in boot.split(";") if slot],
        "description": str(config.get("description", "")),
        "hookScriptFileId": config.get("hookscript", ""),
        "hotplug": config.get("hotplug"),
        "keyboardLayout": config.get("keyboard", "en-us"),
        "kvmArguments": str(config.get("args", "")).strip(),
        "machine": config.get("machine", ""),
        "name": config.get("name", ""),
        "onBoot": truth(config.get("onboot", 0)),
        "protection": truth(config.get("protection", 0)),
        "scsiHardware": config.get("scsihw", "virtio-scsi-pci"),
        "tabletDevice": truth(config.get("tablet", 1)),
        "tags": sorted(tag for tag in str(config.get("tags", "")).split(";") if tag),
        "template": truth(config.get("template", 0)),
    }


def _agent(config: Config, known: Mapping[str, Any]) -> Model | None:
    if "agent" not in config:
        return None
    first, rest = options(str(config["agent"]))
    kept = {"waitForIp": known["waitForIp"]} if known.get("waitForIp") else {}
    return {
        "enabled": truth(rest.get("enabled", first or "0")),
        "timeout": known.get("timeout") or BLOCKS["agent"]["timeout"],
        "trim": truth(rest.get("fstrim_cloned_disks", "0")),
        "type": rest.get("type", "virtio"),
        **kept,
    }


def _cpu(config: Config, known: Mapping[str, Any]) -> Model:
    del known
    first, rest = options(str(config.get("cpu", "qemu64")))
    limit = float(config.get("cpulimit", 0))
    model: Model = {
        "affinity": str(config.get("affinity", "")),
        "architecture": config.get("arch", ""),
        "cores": int(config.get("cores", 1)),
        "flags": [flag for flag in rest.get("flags", "").split(";") if flag],
        "hotplugged": int(config.get("vcpus", 0)),
        "limit": int(limit) if limit.is_integer() else limit,
        "numa": truth(config.get("numa", 0)),
        "sockets": int(config.get("sockets", 1)),
        "type": rest.get("cputype", first or "qemu64"),
    }
    if "cpuunits" in config:
        model["units"] = int(config["cpuunits"])
    return model


def _memory(config: Config, known: Mapping[str, Any]) -> Model:
    del known
    shared = options(f"x,{config.get('ivshmem', '')}")[1].get("size", "0")
    dedicated = options(str(config.get("memory", 512)))
    return {
        "dedicated": int(dedicated[0] or dedicated[1].get("current", "0")),
        "floating": int(config.get("balloon", 0)),
        "hugepages": str(config.get("hugepages", "")),
        "keepHugepages": truth(config.get("keephugepages", 0)),
        "shared": int(shared),
    }


def _operating_system(config: Config, known: Mapping[str, Any]) -> Model:
    del known
    return {"type": config.get("ostype", "other")}


def _smbios(config: Config, known: Mapping[str, Any]) -> Model | None:
    del known
    if "smbios1" not in config:
        return None
    rest = options(f"x,{config['smbios1']}")[1]
    model: Model = {}
    for key in BLOCKS["smbios"]:
        value = rest.get(key, "")
        try:
            coded = truth(rest.get("base64", "0"))
            model[key] = base64.b64decode(value).decode() if coded else value
        except (binascii.Error, UnicodeDecodeError):
            model[key] = value
    if "uuid" in rest:
        model["uuid"] = rest["uuid"]
    return model


def _startup(config: Config, known: Mapping[str, Any]) -> Model | None:
    del known
    if "startup" not in config:
        return None
    rest = options(f"x,{config['startup']}")[1]
    return {
        "order": int(rest.get("order", -1)),
        "upDelay": int(rest.get("up", -1)),
        "downDelay": int(rest.get("down", -1)),
    }


def _vga(config: Config, known: Mapping[str, Any]) -> Model:
    del known
    first, rest = options(str(config.get("vga", "std")))
    return {
        "clipboard": rest.get("clipboard", ""),
        "memory": int(rest.get("memory", 16)),
        "type": rest.get("type", first or "std"),
    }


def _efi(config: Config, known: Mapping[str, Any]) -> Model | None:
    if "efidisk0" not in config:
        return None
    volume, rest = options(str(config["efidisk0"]))
    return {
        "datastoreId": volume.partition(":")[0],
        "fileFormat": rest.get("format") or known.get("fileFormat") or "raw",
        "preEnrolledKeys": truth(rest.get("pre-enrolled-keys", "0")),
        "type": rest.get("efitype", "2m"),
    }


def _tpm(config: Config, known: Mapping[str, Any]) -> Model | None:
    del known
    if "tpmstate0" not in config:
        return None
    volume, rest = options(str(config["tpmstate0"]))
    return {"datastoreId": volume.partition(":")[0], "version": rest.get("version", "v2.0")}


def _cdrom(config: Config, known: Mapping[str, Any]) -> Model:
    slot = known["interface"]
    volume = options(str(config.get(slot, "")))[0]
    return {"fileId": "" if known.get("fileId") == "" else volume, "interface": slot}


def _disks(config: Config, vm_id: int, known: Any) -> list[Model]:
    """The state's disks, and no others: what somebody else attached is not read.

    Only a VM without disks in its state (an import) reads all there are. A disk of the state that
    is gone leaves a place without values (bpg's `disk.Read`, `OrderedListFromMapByKeyValues`).
    """
    there = drives.disk_slots(config, vm_id)
    if not isinstance(known, list) or not known:
        return [drives.disk_model(slot, str(config[slot]), {}) for slot in there]
    return [
        drives.disk_model(disk["interface"], str(config[disk["interface"]]), disk)
        if disk.get("interface") in there
        else dict(_GONE)
        for disk in known
    ]


def _initialization(config: Config, vm_id: int, known: Mapping[str, Any]) -> Model:
    model: Model = {}
    slot, volume = drives.cloud_init_drive(config, vm_id)
    if slot:
        store, _, path = volume.partition(":")
        suffix = path.rpartition(".")[2] if "." in path else ""
        model = {"interface": slot, "datastoreId": store}
        model |= {"fileFormat": suffix} if suffix else {}
    if "searchdomain" in config or "nameserver" in config:
        model["dns"] = {
            "domain": config.get("searchdomain", ""),
            "servers": str(config.get("nameserver", "")).split(),
        }
    if entries := [_ip_config(str(config[slot])) for slot in drives.slots(config, "ipconfig")]:
        model["ipConfigs"] = entries
    if any(key in config for key in ("ciuser", "cipassword", "sshkeys")):
        password = str(config.get("cipassword", ""))
        before = (known.get("userAccount") or {}).get("password", "")
        keys = unquote(str(config.get("sshkeys", ""))).split("\n")
        model["userAccount"] = {
            "keys": [key for key in keys if key],
            "password": before if password == _HIDDEN else password,
            "username": config.get("ciuser", ""),
        }
    if model:
        files = options(f"x,{config.get('cicustom', '')}")[1]
        for ours, theirs in (
            ("metaDataFileId", "meta"),
            ("networkDataFileId", "network"),
            ("userDataFileId", "user"),
            ("vendorDataFileId", "vendor"),
        ):
            model[ours] = files.get(theirs, "")
        model["type"] = config.get("citype", "")
        model["upgrade"] = truth(config.get("ciupgrade", 1))
    return model


def _ip_config(text: str) -> Model:
    rest = options(f"x,{text}")[1]
    entry: Model = {}
    for family, address, gateway in (("ipv4", "ip", "gw"), ("ipv6", "ip6", "gw6")):
        if address in rest or gateway in rest:
            entry[family] = {"address": rest.get(address, ""), "gateway": rest.get(gateway, "")}
    return entry
