"""kill-STEP, the rest: a destroy that is killed, a plugin, and every machine at once.

A plugin's death fails the run and leaves no lock; a power cut of all machines fails nothing, when
what waits for them goes on waiting.
"""

from collections.abc import Callable

from lab.scenarios.core import ready_nodes, taken_down
from lab.scenarios.entry import Entry
from lab.scenarios.gate_retry import API_GATE, Shut, nothing_behind
from lab.scenarios.kills import guest, vm
from lab.scenarios.machines import first, machines
from lab.scenarios.needs import Need
from lab.scenarios.proxmox_host import failing
from lab.scenarios.recovery import (
    bootstraps,
    complete,
    hit,
    recovered,
    unchanged,
)
from lab.scenarios.rehearsal import Failed, Rehearsal
from lab.strikes import Moment, done_at, killed_at, plugin_killed_at
from lab.world.crashes import Crashes

POOL = "PoolLegacy::auth-pool"
# Our own, by what its Python is told to run.
PLUGIN = "provider.plugin"
MACHINES = "talossim"


def kill_destroy_machines(rehearsal: Rehearsal) -> str:
    """A machine is gone, and the state still has it."""
    name = first(rehearsal)
    return destroy_survives(rehearsal, vm(rehearsal), lambda: guest(rehearsal, name) is None)


def kill_destroy_access(rehearsal: Rehearsal) -> str:
    """The machines are gone, and so is the pool; the state still has it."""

    def gone() -> bool:
        return not rehearsal.vendors.get(rehearsal.vendors.worlds["proxmox"])["pools"]

    # A pool is deleted in less time than it takes to see that it is about to be.
    fault = {"kind": "late-answer", "method": "DELETE", "path": "/pools", "seconds": 5}
    with failing(rehearsal, fault):
        return destroy_survives(rehearsal, POOL, gone)


def destroy_survives(rehearsal: Rehearsal, resource: str, effect: Callable[[], bool]) -> str:
    """A destroy that is killed at a moment, recovered, and brought to its end."""
    moment = Moment(resource=resource, effect=effect)
    rehearsal.unprotect()
    pending = hit(rehearsal, rehearsal.engine.destroy(killed_at(moment)), moment)
    settled = recovered(rehearsal)
    return f"killed with {len(pending)} open; {settled}; {taken_down(rehearsal)}"


def kill_plugin(rehearsal: Rehearsal) -> str:
    """A plugin dies under the engine while it waits at a gate: the run fails, and can go on.

    The engine counts what the plugin was doing as failed, and keeps nothing of it as pending. The
    gate is one that cannot open: else it may have, in the moment before the blow.
    """
    before, shut = bootstraps(rehearsal), Shut(rehearsal)
    outcome = rehearsal.engine.up(shut.then(plugin_killed_at(shut.waiting, PLUGIN)))
    rehearsal.outcomes.append(outcome)
    if outcome.succeeded or outcome.exit_code < 0:
        raise Failed(f"without its plugin an up ended with {outcome.exit_code}")
    nothing_behind(rehearsal)
    settled = recovered(rehearsal)
    shut.cable("up")
    return f"failed after {outcome.seconds:.1f} s; {settled}; {complete(rehearsal, before)}"


def kill_machines(rehearsal: Rehearsal) -> str:
    """Every machine loses its power at once while a gate waits for them; the run goes on."""
    crashes = Crashes(state=rehearsal.directory)
    waits: list[float] = []

    def power_cut() -> None:
        waits.append(crashes.crash(MACHINES))

    moment = Moment(
        resource=API_GATE,
        effect=lambda: any(machine["processes"].get("etcd") for machine in machines(rehearsal)),
        slow=True,
    )
    outcome = rehearsal.run(rehearsal.engine.up(done_at(moment, power_cut)))
    settled = recovered(rehearsal)
    unchanged(rehearsal)
    # Etcd ran before the power cut, and the simulator forgot its events with it: any that it
    # counts now founded a second one.
    if founded := bootstraps(rehearsal):
        raise Failed(f"after the power cut etcd was bootstrapped {founded} times more")
    return (
        f"dark for {waits[0]:.1f} s in the middle of an up of {outcome.seconds:.1f} s; {settled}; "
        f"{ready_nodes(rehearsal)} nodes Ready"
    )


ENTRIES = (
    Entry(name="kill-plugin", run=kill_plugin, starts_with_cluster=False, ends_with_cluster=True),
    Entry(
        name="kill-machines", run=kill_machines, starts_with_cluster=False, ends_with_cluster=True
    ),
    Entry(
        name="kill-destroy-machines",
        run=kill_destroy_machines,
        starts_with_cluster=True,
        ends_with_cluster=False,
        needs=frozenset({Need.PROXMOX}),
    ),
    Entry(
        name="kill-destroy-access",
        run=kill_destroy_access,
        starts_with_cluster=True,
        ends_with_cluster=False,
        needs=frozenset({Need.PROXMOX}),
    ),
)
