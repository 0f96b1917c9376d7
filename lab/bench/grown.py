"""A stack's facts with any number of machines: the first control planes, and workers after them.

Pure. The result passes every rule, so that what is measured is the program and not its refusal.
"""

from copy import deepcopy
from ipaddress import IPv4Address
from typing import Any

Facts = dict[str, Any]
# Above the machines, the addresses and the DHCP range of the committed stack.
FIRST_ADDRESS = IPv4Address("10.0.16.1")
FIRST_ID = 20_000
# A block for every node, whatever their number.
POD_SUBNET = "10.128.0.0/12"


def grow(facts: Facts, machines: int) -> None:
    """Give the facts `machines` machines in all; raises ValueError for fewer than two."""
    control_planes = [item for item in facts["machines"] if item["role"] == "controlPlane"]
    model = next(item for item in facts["machines"] if item["role"] == "worker")
    if machines <= len(control_planes):
        raise ValueError(f"{machines} machines leave none beside {len(control_planes)} of etcd's")
    facts["network"]["podSubnets"] = [POD_SUBNET]
    workers = [worker(model, index) for index in range(machines - len(control_planes))]
    facts["machines"] = [*control_planes, *workers]


def worker(model: Facts, index: int) -> Facts:
    """The model under a name, an address, a MAC and a number of its own."""
    item = deepcopy(model)
    item["name"] = f"worker{index + 1}"
    item["addresses"] = [str(FIRST_ADDRESS + index)]
    item["mac"] = f"BC:24:11:0B:{index >> 8:02X}:{index & 255:02X}"
    item["vm"]["id"] = FIRST_ID + index
    return item
