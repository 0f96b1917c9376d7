"""From the normal form of a VM to Proxmox VE's parameters, property by property. Pure.

A create sends every property, an update those that changed; both use the same encoders. Disks are
not here when they exist already: `changes` decides what happens to those.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from lab.plugins.proxmoxve.drives import network_card, new_disk
from lab.plugins.proxmoxve.normal import BLOCKS, Model

Parameters = dict[str, Any]
Encoder = Callable[[Model], Parameters]

CLOUD_INIT = "ide2"
"""Where the vendor puts the cloud-init drive when the program names no interface."""


def _flag(value: Any) -> int:
    return 1 if value else 0


def _plain(theirs: str, key: str) -> Encoder:
    def encode(model: Model) -> Parameters:
        return {theirs: model.get(key) or None}

    return encode


def _switch(theirs: str, key: str) -> Encoder:
    def encode(model: Model) -> Parameters:
        return {theirs: _flag(model.get(key))}

    return encode


def _block(model: Model, key: str) -> Mapping[str, Any]:
    found = model.get(key)
    return found if isinstance(found, Mapping) else BLOCKS[key]


def _agent(model: Model) -> Parameters:
    agent = _block(model, "agent")
    enabled, trim = _flag(agent["enabled"]), _flag(agent["trim"])
    return {"agent": f"enabled={enabled},fstrim_cloned_disks={trim},type={agent['type']}"}


def _cpu(model: Model) -> Parameters:
    cpu = _block(model, "cpu")
    flags = ";".join(cpu["flags"])
    return {
        "cores": cpu["cores"],
        "sockets": cpu["sockets"],
        "numa": _flag(cpu["numa"]),
        "cpu": f"cputype={cpu['type']}" + (f",flags={flags}" if flags else ""),
        "vcpus": cpu["hotplugged"] or None,
        "cpulimit": cpu["limit"] or None,
        "cpuunits": cpu.get("units") or None,
        "affinity": cpu["affinity"] or None,
        "arch": cpu["architecture"] or None,
    }


def _memory(model: Model) -> Parameters:
    memory = _block(model, "memory")
    return {
        "memory": memory["dedicated"],
        "balloon": memory["floating"],
        "hugepages": memory["hugepages"] or None,
        "keephugepages": 1 if memory["keepHugepages"] else None,
        "ivshmem": f"name=vm-{model['vmId']}-ivshmem,size={memory['shared']}"
        if memory["shared"]
        else None,
    }


def _operating_system(model: Model) -> Parameters:
    return {"ostype": _block(model, "operatingSystem")["type"]}


def _smbios(model: Model) -> Parameters:
    smbios = model.get("smbios")
    if not isinstance(smbios, Mapping):
        return {"smbios1": None}
    texts = {
        key: base64.b64encode(str(smbios[key]).encode()).decode()
        for key in BLOCKS["smbios"]
        if smbios.get(key)
    }
    found = ["base64=1"] if texts else []
    found += [f"{key}={value}" for key, value in texts.items()]
    if smbios.get("uuid"):
        found.append(f"uuid={smbios['uuid']}")
    return {"smbios1": ",".join(found) or None}


def _startup(model: Model) -> Parameters:
    startup = model.get("startup")
    if not isinstance(startup, Mapping):
        return {"startup": None}
    pairs = (("order", "order"), ("up", "upDelay"), ("down", "downDelay"))
    found = [f"{theirs}={startup[ours]}" for theirs, ours in pairs if startup[ours] >= 0]
    return {"startup": ",".join(found) or None}


def _vga(model: Model) -> Parameters:
    vga = model.get("vga")
    if not isinstance(vga, Mapping):
        return {"vga": None}
    clipboard = f",clipboard={vga['clipboard']}" if vga["clipboard"] else ""
    return {"vga": f"type={vga['type']},memory={vga['memory']}{clipboard}"}


def _serial(model: Model) -> Parameters:
    devices = model.get("serialDevices") or []
    return {
        f"serial{index}": devices[index]["device"] if index < len(devices) else None
        for index in range(4)
    }


def _efi(model: Model) -> Parameters:
    efi = model.get("efiDisk")
    if not isinstance(efi, Mapping):
        return {"efidisk0": None}
    keys = _flag(efi["preEnrolledKeys"])
    return {
        "efidisk0": f"file={efi['datastoreId']}:1,efitype={efi['type']},"
        f"format={efi['fileFormat']},pre-enrolled-keys={keys}"
    }


def _tpm(model: Model) -> Parameters:
    tpm = model.get("tpmState")
    if not isinstance(tpm, Mapping):
        return {"tpmstate0": None}
    return {"tpmstate0": f"file={tpm['datastoreId']}:1,version={tpm['version']}"}


def _cdrom(model: Model) -> Parameters:
    cdrom = model.get("cdrom")
    if not isinstance(cdrom, Mapping):
        return {}
    return {cdrom["interface"]: f"file={cdrom['fileId'] or 'cdrom'},media=cdrom"}


def _tags(model: Model) -> Parameters:
    return {"tags": ";".join(model.get("tags") or []) or None}


def _boot(model: Model) -> Parameters:
    return {"boot": f"order={';'.join(boot_order(model))}"}


def _networks(model: Model) -> Parameters:
    cards = model.get("networkDevices") or []
    return {
        f"net{index}": network_card(card) for index, card in enumerate(cards) if card["enabled"]
    }


def boot_order(model: Model) -> list[str]:
    """The boot order the program gave, else the vendor's guess from what there is."""
    if model.get("bootOrders"):
        return list(model["bootOrders"])
    there = {disk["interface"] for disk in model.get("disks") or []}
    order = [model["cdrom"]["interface"]] if model.get("cdrom") else []
    order += [slot for slot in ("ide0", "sata0", "scsi0", "virtio0") if slot in there]
    return [*order, "net0"] if model.get("networkDevices") else order


def cloud_init(model: Model) -> Parameters:
    """What goes onto the cloud-init drive; the drive itself is `cloud_init_slot`'s."""
    block = model.get("initialization")
    if not isinstance(block, Mapping):
        return {}
    found: Parameters = {"citype": block.get("type") or None}
    dns = block.get("dns") or {}
    found["searchdomain"] = dns.get("domain") or None
    found["nameserver"] = " ".join(dns.get("servers") or []) or None
    for index, entry in enumerate(block.get("ipConfigs") or []):
        four, six = entry.get("ipv4") or {}, entry.get("ipv6") or {}
        parts = {
            "gw": four.get("gateway"),
            "gw6": six.get("gateway"),
            "ip": four.get("address"),
            "ip6": six.get("address"),
        }
        text = ",".join(f"{key}={value}" for key, value in parts.items() if value)
        found[f"ipconfig{index}"] = text or None
    account = block.get("userAccount") or {}
    found["ciuser"] = account.get("username") or None
    found["cipassword"] = account.get("password") or None
    if account.get("keys"):
        found["sshkeys"] = quote("\n".join(account["keys"]), safe="")
    files = [
        f"{theirs}={block[ours]}"
        for theirs, ours in (
            ("meta", "metaDataFileId"),
            ("network", "networkDataFileId"),
            ("user", "userDataFileId"),
            ("vendor", "vendorDataFileId"),
        )
        if block.get(ours)
    ]
    found["cicustom"] = ",".join(files) or None
    return found


def cloud_init_slot(model: Model) -> Parameters:
    """The cloud-init drive, when the VM has one."""
    block = model.get("initialization")
    if not isinstance(block, Mapping):
        return {}
    format_ = f",format={block['fileFormat']}" if block.get("fileFormat") else ""
    slot = block.get("interface") or CLOUD_INIT
    return {slot: f"file={block['datastoreId']}:cloudinit{format_}"}


ENCODERS: Mapping[str, Encoder] = {
    "acpi": _switch("acpi", "acpi"),
    "agent": _agent,
    "bios": _plain("bios", "bios"),
    "bootOrders": _boot,
    "cdrom": _cdrom,
    "cpu": _cpu,
    "description": _plain("description", "description"),
    "efiDisk": _efi,
    "hookScriptFileId": _plain("hookscript", "hookScriptFileId"),
    "hotplug": _plain("hotplug", "hotplug"),
    "initialization": cloud_init,
    "keyboardLayout": _plain("keyboard", "keyboardLayout"),
    "kvmArguments": _plain("args", "kvmArguments"),
    "machine": _plain("machine", "machine"),
    "memory": _memory,
    "name": _plain("name", "name"),
    "networkDevices": _networks,
    "onBoot": _switch("onboot", "onBoot"),
    "operatingSystem": _operating_system,
    "protection": _switch("protection", "protection"),
    "scsiHardware": _plain("scsihw", "scsiHardware"),
    "serialDevices": _serial,
    "smbios": _smbios,
    "startup": _startup,
    "tabletDevice": _switch("tablet", "tabletDevice"),
    "tags": _tags,
    "tpmState": _tpm,
    "vga": _vga,
}


def encoded(model: Model, keys: Iterable[str]) -> tuple[Parameters, list[str]]:
    """The parameters of some properties, and those that are to be deleted."""
    found: Parameters = {}
    for key in keys:
        if key in ENCODERS:
            found |= ENCODERS[key](model)
    gone = [key for key, value in found.items() if value is None]
    return {key: value for key, value in found.items() if value is not None}, gone


def creation(model: Model) -> Parameters:
    """All parameters of a new VM."""
    found, _ = encoded(model, ENCODERS)
    found |= cloud_init_slot(model)
    found |= {disk["interface"]: new_disk(disk) for disk in model.get("disks") or []}
    found |= {"vmid": model["vmId"], "template": 0}
    if model.get("poolId"):
        found["pool"] = model["poolId"]
    return found
