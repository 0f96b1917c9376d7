"""gate-retry: a gate that failed, and one that was killed, waits again in the next run.

One machine's cable is out, so that the gate cannot open. Behind a gate that did not open nothing
may have been made, however its run ended; with the cable in again the same gate opens.
"""

from lab.scenarios.entry import Entry
from lab.scenarios.kills import GATE
from lab.scenarios.machines import CONTROL_PLANE, cable, configured, last, machine_id
from lab.scenarios.recovery import bootstraps, complete, hit, recovered
from lab.scenarios.rehearsal import Failed, Rehearsal
from lab.strikes import Moment, Run, Strike, done_at, interrupted_at, killed_at

API_GATE = "Gate::infrastructure-api-ready"
# Types that can only be made behind the gate.
BEHIND = ("kubernetes:", "pulumi:providers:kubernetes", "hearth:cni:Cni$hearth:index:")


class Shut:
    """A gate that cannot open, because one machine's cable is out from before it waits."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        self.rehearsal, self.machine = rehearsal, last(rehearsal)
        # A control plane is missed by an earlier gate than a worker is.
        early = self.machine["role"] == CONTROL_PLANE
        self.waiting = Moment(resource=API_GATE if early else GATE)

    def then(self, strike: Strike) -> Strike:
        """Pull the cable as soon as the machine has its configuration, and strike."""

        def cut_off(run: Run) -> None:
            taken = configured(self.rehearsal, self.machine["name"])
            applied = Moment(resource=API_GATE, effect=taken, slow=True)
            done_at(applied, lambda: self.cable("down"))(run)
            strike(run)

        return cut_off

    def cable(self, to: str) -> None:
        """Pull or plug its cable."""
        cable(self.rehearsal, machine_id(self.machine), to)


def gate_retry(rehearsal: Rehearsal) -> str:
    """Failed, killed, open."""
    before, shut = bootstraps(rehearsal), Shut(rehearsal)
    waiting = shut.waiting
    failed = rehearsal.engine.up(shut.then(interrupted_at(waiting)))
    rehearsal.outcomes.append(failed)
    if failed.succeeded:
        raise Failed(f"an up without {shut.machine['name']} ended well")
    nothing_behind(rehearsal)
    killed = rehearsal.engine.up(killed_at(waiting))
    hit(rehearsal, killed, waiting)
    nothing_behind(rehearsal)
    settled = recovered(rehearsal)
    opened = done_at(waiting, lambda: shut.cable("up"))
    return (
        f"failed after {failed.seconds:.1f} s, killed after {killed.seconds:.1f} s, nothing behind "
        f"it either time; {settled}; {complete(rehearsal, before, opened)}"
    )


def nothing_behind(rehearsal: Rehearsal) -> None:
    """The state holds neither the gate nor anything that needs it."""
    urns = [str(item["urn"]) for item in rehearsal.engine.state()]
    found = [
        urn for urn in urns if GATE in urn or any(word in urn.split("::")[2] for word in BEHIND)
    ]
    if found:
        raise Failed("made behind a gate that did not open:\n" + "\n".join(found))


ENTRIES = (
    Entry(name="gate-retry", run=gate_retry, starts_with_cluster=False, ends_with_cluster=True),
)
