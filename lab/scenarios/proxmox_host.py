"""The Proxmox VE of a rehearsal, in its administrator's hands: what faults are made with.

The vendor's own API, as the user whom the lab's set-up knows; and the simulator's faults.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lab.scenarios.machines import facts
from lab.scenarios.proxmox_ve import as_owner
from lab.scenarios.rehearsal import Rehearsal


def administrator(rehearsal: Rehearsal) -> Any:
    """The API as the administrator sees it."""
    return as_owner(rehearsal).api


@contextmanager
def failing(rehearsal: Rehearsal, fault: Mapping[str, Any]) -> Iterator[None]:
    """The simulator with a fault in force (`lab/proxmox/wire.py` has the kinds)."""
    url = rehearsal.vendors.worlds["proxmox"].removesuffix("world") + "faults"
    rehearsal.vendors.ask("POST", url, fault)
    try:
        yield
    finally:
        rehearsal.vendors.ask("DELETE", url)


def host(rehearsal: Rehearsal) -> str:
    """The first host of the stack."""
    return str(facts(rehearsal)["proxmox"]["hosts"][0]["name"])
