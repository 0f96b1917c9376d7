"""kill-adopt and kill-in-reset: the engine killed while a physical host changes hands.

There is nothing to remove half made: a host that was adopted answers at its own address, and the
next run takes it as it is; one that was being reset goes on resetting itself.
"""

from lab.scenarios.boxes_kept import MAINTENANCE, adopted, insist_waiting
from lab.scenarios.entry import Entry
from lab.scenarios.kills_elsewhere import destroy_survives
from lab.scenarios.machines import first, machine, machines
from lab.scenarios.needs import Need
from lab.scenarios.recovery import survives
from lab.scenarios.rehearsal import Rehearsal
from lab.strikes import Moment

HOST = "AdoptedHost::infrastructure-fleet-"


def kill_adopt(rehearsal: Rehearsal) -> str:
    """A host has its production address and no configuration, and the state does not know it."""
    name = first(rehearsal)
    own = next(item for item in adopted(rehearsal) if item["name"] == name)["addresses"][0]

    def renumbered() -> bool:
        box = machine(rehearsal, name)
        there = [address.partition("/")[0] for address in box.get("currentAddresses", [])]
        return own in there and box["stage"] == MAINTENANCE

    return survives(rehearsal, Moment(resource=f"{HOST}{name}", effect=renumbered))


def kill_in_reset(rehearsal: Rehearsal) -> str:
    """A host is being reset, the others are not yet, and the state still has them all."""

    def one_is_blank() -> bool:
        return any(not box["configuration"] for box in machines(rehearsal))

    told = destroy_survives(rehearsal, HOST, one_is_blank)
    return f"{told}; {insist_waiting(rehearsal)}"


ENTRIES = (
    Entry(
        name="kill-adopt",
        run=kill_adopt,
        starts_with_cluster=False,
        ends_with_cluster=True,
        needs=frozenset({Need.METAL}),
    ),
    Entry(
        name="kill-in-reset",
        run=kill_in_reset,
        starts_with_cluster=True,
        ends_with_cluster=False,
        needs=frozenset({Need.METAL}),
    ),
)
