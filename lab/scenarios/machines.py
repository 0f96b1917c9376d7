"""The machines of a stack as the simulator's control API has them, and hands that reach for them.

A virtual machine is known there by its host and number, a box by its machine's name. Nothing here
asks the program, or Talos.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from lab.scenarios.facts_file import Facts
from lab.scenarios.facts_file import machine as machine_facts
from lab.scenarios.rehearsal import Rehearsal

CONTROL_PLANE = "controlPlane"
Machine = dict[str, Any]


def facts(rehearsal: Rehearsal) -> Facts:
    """The plain facts of the stack, as its owner wrote them."""
    return rehearsal.facts.read()


def names(rehearsal: Rehearsal, role: str = CONTROL_PLANE) -> list[str]:
    """The machines with a role, in config order."""
    return [item["name"] for item in facts(rehearsal)["machines"] if item["role"] == role]


def first(rehearsal: Rehearsal) -> str:
    """The control plane that is bootstrapped."""
    return names(rehearsal)[0]


def last(rehearsal: Rehearsal) -> Facts:
    """The facts of the machine that is named last: a worker where there are any."""
    found: Facts = facts(rehearsal)["machines"][-1]
    return found


def machine_id(found: Facts) -> str:
    """A machine of the facts as the simulator calls it."""
    if "vm" in found:
        return f"{found['vm']['host']}/{found['vm']['id']}"
    return str(found["name"])


def control(rehearsal: Rehearsal, name: str = "", what: str = "") -> str:
    """The machine simulator's control address, of one machine when its id is given."""
    root = rehearsal.vendors.worlds["machines"].removesuffix("/world") + "/machines"
    return f"{root}/{quote(name, safe='')}{what}" if name else root


def machines(rehearsal: Rehearsal) -> list[Machine]:
    """Every simulated machine as a screen in front of it would show it."""
    world = rehearsal.vendors.get(rehearsal.vendors.worlds["machines"])
    found: list[Machine] = world["machines"]
    return found


def machine(rehearsal: Rehearsal, name: str) -> Machine:
    """A machine of the facts, in the simulator; {} while it is not there."""
    identity = machine_id(machine_facts(facts(rehearsal), name))
    return next((item for item in machines(rehearsal) if item["id"] == identity), {})


def configured(rehearsal: Rehearsal, name: str) -> Callable[[], bool]:
    """An effect: a machine has taken its configuration."""
    return lambda: bool(machine(rehearsal, name).get("cluster"))


def cable(rehearsal: Rehearsal, identity: str, to: str) -> None:
    """Pull or plug a machine's cable."""
    rehearsal.vendors.ask("POST", control(rehearsal, identity, "/cable"), {"to": to})


def power(rehearsal: Rehearsal, identity: str, to: str) -> None:
    """Press a machine's switch: on, off, reset."""
    rehearsal.vendors.ask("POST", control(rehearsal, identity, "/power"), {"to": to})
