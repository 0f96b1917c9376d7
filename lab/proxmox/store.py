# SPDX-License-Identifier: AGPL-3.0-or-later
"""The host's state on disk: one JSON file, replaced whole, so that a restart forgets nothing.

It also says what the world looks like (`GET /-/world`): everything a program could leave behind,
without secrets and without clocks, so that two dumps can be compared.
"""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from fakepve.model import FakeVm

from lab.proxmox.state.access import AccessControl

FILE: Final = "proxmox.json"
KEPT_TASKS: Final = 500
_GUEST: Final = (
    "vmid",
    "name",
    "node",
    "status",
    "qmpstatus",
    "config",
    "pending",
    "template",
    "lock",
    "pool",
    "snapshots",
    "started_at",
    "acpi",
)
# Different on every run of the same program, or secret.
_NOT_SHOWN: Final = ("meta", "vmgenid", "smbios1", "digest", "cipassword")


def save(directory: Path, host: Any, control: AccessControl) -> None:
    """Write the state; whoever reads sees the old file or the new one."""
    state = {
        "access": asdict(control),
        "storages": {name: _plain(store) for name, store in host.storages.items()},
        "guests": [{key: getattr(vm, key) for key in _GUEST} for vm in host.vms],
        "pools": {name: sorted(members) for name, members in host.pools.items()},
        "poolInfo": {name: _plain(info) for name, info in host.pool_info.items()},
        "tickets": host.tickets,
        "tasks": host.tasklog[-KEPT_TASKS:],
    }
    directory.mkdir(parents=True, exist_ok=True)
    target, scratch = directory / FILE, directory / f".{FILE}.new"
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        json.dump(state, out)
    scratch.replace(target)


def load(directory: Path, host: Any) -> AccessControl | None:
    """Read the state into the host; None when there is none yet."""
    path = directory / FILE
    if not path.is_file():
        return None
    state = json.loads(path.read_text(encoding="utf-8"))
    host.storages = {name: _with_sets(store) for name, store in state["storages"].items()}
    host.pools = {name: set(members) for name, members in state["pools"].items()}
    host.pool_info = {name: _with_sets(info) for name, info in state["poolInfo"].items()}
    host.tickets = state["tickets"]
    for record in state["guests"]:
        vm = FakeVm(record["vmid"], record["name"], node=record["node"])
        for key, value in record.items():
            setattr(vm, key, value)
        host.vms.append(vm)
    for task in state["tasks"]:
        if task["status"] == "running":  # its worker died with the simulator
            task.update(status="stopped", exitstatus="unexpected status")
        host.tasks[task["upid"]] = task
        host.tasklog.append(task)
    return AccessControl.load(state["access"])


def world(host: Any, control: AccessControl) -> dict[str, Any]:
    """Everything there is, comparable before and after."""
    access = asdict(control)
    return {
        "nodes": sorted(host.nodes),
        "users": access["users"],
        "groups": access["groups"],
        "roles": access["roles"],
        "acl": access["acl"],
        "passwords": sorted(access["passwords"]),
        "tokens": sorted(access["secrets"]),
        "storages": {name: _storage(store) for name, store in sorted(host.storages.items())},
        "pools": {name: sorted(members) for name, members in sorted(host.pools.items())},
        "guests": {str(vm.vmid): _guest(vm) for vm in sorted(host.vms, key=lambda vm: vm.vmid)},
    }


def _storage(store: dict[str, Any]) -> dict[str, Any]:
    shown = ("content", "format", "size", "vmid")
    volumes = {
        name: {key: volume[key] for key in shown if volume.get(key) is not None}
        for name, volume in sorted(store.get("volumes", {}).items())
    }
    return {"type": store["type"], "content": store["content"], "volumes": volumes}


def _guest(vm: Any) -> dict[str, Any]:
    config = {key: value for key, value in sorted(vm.config.items()) if key not in _NOT_SHOWN}
    return {
        "node": vm.node,
        "status": vm.status,
        "lock": vm.lock,
        "pool": vm.pool,
        "config": config,
        "pending": vm.pending,
    }


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    return {key: {"set": sorted(x)} if isinstance(x, set) else x for key, x in record.items()}


def _with_sets(record: dict[str, Any]) -> dict[str, Any]:
    return {
        key: set(x["set"]) if isinstance(x, dict) and set(x) == {"set"} else x
        for key, x in record.items()
    }
