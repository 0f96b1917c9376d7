"""Faults of machines: one that is silent, one that is somebody else's, one that says no."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from components.infrastructure.image import schematic_id
from config import versions
from config.load import load_cluster
from lab.error_page import AREAS
from lab.scenarios.facts_file import Facts, machine
from lab.scenarios.fault import Fault, Takeover
from lab.scenarios.machines import cable, control, facts, last, machine_id, power
from lab.scenarios.needs import Need
from lab.scenarios.polling import wait_until
from lab.scenarios.rehearsal import Rehearsal

MACHINES = AREAS[3]
TALOSCTL_SECONDS = 60
BOOT_SECONDS = 60.0
# Healthy machines answer long before; the silent one must not cost a rehearsal ten minutes.
SILENCE_SECONDS = 25
INVALID_ARGUMENT = 3
STRANGER = "somebody-elses"


def hardware(rehearsal: Rehearsal, name: str, found: Facts, **more: Any) -> dict[str, Any]:
    """A box with the addresses of one of the stack's machines."""
    network = facts(rehearsal)["network"]
    length = network["nodeSubnets"][0].partition("/")[2]
    cluster = load_cluster(facts(rehearsal), rehearsal.stack)
    return {
        "id": name,
        "image": {"version": versions.TALOS, "schematic": schematic_id(cluster.talos)},
        "addresses": [f"{address}/{length}" for address in found["addresses"]],
        "gateways": list(network["gateways"]),
        **more,
    }


@contextmanager
def silent(rehearsal: Rehearsal) -> Iterator[None]:
    """A machine whose cable is not plugged in: it runs, and nobody reaches it."""
    found = last(rehearsal)
    name = machine_id(found)
    spec = hardware(rehearsal, name, found, macs=[found["mac"]])
    rehearsal.vendors.ask("POST", control(rehearsal), spec)
    cable(rehearsal, name, "down")

    def impatient(cluster: Facts) -> None:
        cluster["deadlines"] = {"machineSeconds": SILENCE_SECONDS}

    try:
        with rehearsal.facts.edited(impatient):
            yield
    finally:
        cable(rehearsal, name, "up")


@contextmanager
def foreign(rehearsal: Rehearsal) -> Iterator[None]:
    """A machine of another cluster at the address of one of ours."""
    found = facts(rehearsal)["machines"][0]
    address = found["addresses"][0]
    rehearsal.vendors.ask("POST", control(rehearsal), hardware(rehearsal, STRANGER, found))
    try:
        power(rehearsal, STRANGER, "on")
        configure(rehearsal.directory / STRANGER, address, found["interface"])
        yield
    finally:
        rehearsal.vendors.ask("DELETE", control(rehearsal, STRANGER))


def configure(folder: Path, address: str, interface: str) -> None:
    """Make the machine at an address a member of a cluster of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    network = f"machine: {{network: {{interfaces: [{{interface: {interface}, dhcp: true}}]}}}}"
    talosctl("gen", "config", "other", f"https://{address}:6443", "-o", str(folder), "--force")
    file = str(folder / "controlplane.yaml")
    apply = ("apply-config", "--insecure", "-n", address, "-f", file, "-p", network)
    wait_until(lambda: talosctl(*apply), BOOT_SECONDS, f"{address} to take a configuration")
    config = ("--talosconfig", str(folder / "talosconfig"), "-e", address, "-n", address)
    wait_until(lambda: talosctl("version", *config), BOOT_SECONDS, f"{address} to be configured")


def talosctl(*words: str) -> bool:
    """Whether a talosctl command ended well."""
    done = subprocess.run(
        ["talosctl", *words],
        env=os.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=TALOSCTL_SECONDS,
        check=False,
    )
    return done.returncode == 0


@contextmanager
def refusing(rehearsal: Rehearsal) -> Iterator[None]:
    """A machine that finds something in its new configuration that nobody else found."""
    found = last(rehearsal)
    url = control(rehearsal, machine_id(found), "/faults")
    said = "configuration validation failed: 1 error occurred:\n\t* no such disk"
    fault = {"method": "ApplyConfiguration", "code": INVALID_ARGUMENT, "message": said}
    rehearsal.vendors.ask("POST", url, fault)

    def labelled(cluster: Facts) -> None:
        machine(cluster, found["name"])["labels"] = {"example.com/rack": "a"}

    try:
        with rehearsal.facts.edited(labelled):
            yield
    finally:
        rehearsal.vendors.ask("DELETE", url)


FAULTS = (
    Fault(
        name="fault-machine-refuses",
        area=MACHINES,
        wrong="a machine refuses its configuration",
        remedy="mend the fact that Talos names",
        says=("configuration validation failed", "no such disk"),
        setting=refusing,
        takeover=Takeover.UNCHANGED,
    ),
    Fault(
        name="fault-machine-foreign",
        area=MACHINES,
        wrong="a machine of another cluster answers at an address of the stack",
        remedy="give one of the two another address, or wipe the other one",
        says=("a machine of a cluster answers at", "another address"),
        setting=foreign,
        needs=frozenset({Need.PROXMOX}),
    ),
    Fault(
        name="fault-machine-silent",
        area=MACHINES,
        wrong="a machine runs and never answers",
        remedy="look at its console; mend cable, bridge, VLAN or addresses; then `pulumi up`",
        says=(f"waited {SILENCE_SECONDS} s for", "console of VM"),
        setting=silent,
        needs=frozenset({Need.PROXMOX}),
    ),
)
