"""worker-add, worker-remove, control-plane-replace: machines that come and go while others stay.

What a change of facts may touch is asserted both ways: what has to change, and that nothing else
does, above all nothing in the cluster. Each scenario ends with the committed facts.
"""

from collections.abc import Callable
from copy import deepcopy

from lab.engine import Outcome
from lab.events import Stage, kind
from lab.scenarios.availability import Availability
from lab.scenarios.core import ready_nodes
from lab.scenarios.entry import Entry
from lab.scenarios.facts_file import Facts, machine
from lab.scenarios.machines import power
from lab.scenarios.needs import Need
from lab.scenarios.polling import wait_until
from lab.scenarios.rehearsal import Failed, Rehearsal
from lab.scenarios.workload import guarded, insist_it_moved, nodes_of_it

NEW_VM_IDS = {"cp1": 1091, "worker1": 1092}
READY_SECONDS = 60
UNCHANGED = frozenset({"same", "read"})
# A client sees the endpoint move from one control plane to another: Talos gives its holder's lease
# some seconds, and a machine that is taken away does not say goodbye for its addresses.
BEARABLE_SILENCE_SECONDS = 20.0


def worker_add(rehearsal: Rehearsal) -> str:
    """One worker more in the facts is one machine more in the cluster, and nothing else."""
    with rehearsal.facts.edited(another_worker):
        before = rehearsal.vendors.snapshot()["machines"]
        outcome = rehearsal.run(rehearsal.engine.up())
        touched = only(outcome, lambda stage: "worker3" in stage.name or waits(stage))
        created = [item for item in touched if item.operation == "create"]
        insist_new_machines(rehearsal, before, {"atlas/1023"})
        nodes = all_ready_soon(rehearsal)
        unchanged(rehearsal)
    back = rehearsal.run(rehearsal.engine.up())
    insist_nodes(rehearsal, without="worker3")
    return (
        f"{len(created)} resources of worker3 in {outcome.seconds:.1f} s, {nodes} nodes Ready, "
        f"nobody else touched; gone again in {back.seconds:.1f} s"
    )


def worker_remove(rehearsal: Rehearsal) -> str:
    """A worker that is no longer in the facts leaves before its machine goes."""
    with guarded(rehearsal), rehearsal.facts.edited(lambda facts: drop(facts, "worker2")):
        moved = nodes_of_it(rehearsal).count("worker2")
        outcome = rehearsal.run(rehearsal.engine.up())
        insist_it_moved(rehearsal, "worker2")
        insist_nobody_was_left(outcome)
        only(outcome, lambda stage: "worker2" in stage.name or waits(stage))
        insist_order(outcome, "delete", ("Membership", "vmLegacy"), "worker2")
        nodes = insist_nodes(rehearsal, without="worker2")
        unchanged(rehearsal)
    back = rehearsal.run(rehearsal.engine.up())
    insist_nodes(rehearsal, among="worker2")
    return (
        f"worker2 left and went in {outcome.seconds:.1f} s, {moved} guarded pods moved before; "
        f"{nodes} nodes Ready; back in {back.seconds:.1f} s"
    )


def control_plane_replace(rehearsal: Rehearsal) -> str:
    """The first control plane is made anew, first alive, then dead; the cluster stays the same.

    A worker goes with it both times: neither of them may touch anything in the cluster.
    """
    founded = identity_of(rehearsal)
    with rehearsal.facts.edited(renumbered):
        alive, silence = replaced(rehearsal, founded)
        unchanged(rehearsal)
    power(rehearsal, f"atlas/{NEW_VM_IDS['cp1']}", "off")
    dead, silence_dead = replaced(rehearsal, founded)
    unchanged(rehearsal)
    return (
        f"cp1 and worker1 anew in {alive.seconds:.1f} s (API silent for {silence:.1f} s at most), "
        f"dead (power off) and anew in {dead.seconds:.1f} s ({silence_dead:.1f} s); same etcd, "
        "same cluster, 0 operations in it"
    )


def replaced(rehearsal: Rehearsal, founded: str) -> tuple[Outcome, float]:
    """Have `up` replace both, and insist on everything that must not have happened."""
    before = members(rehearsal, "10.0.1.2")
    endpoint = rehearsal.engine.output("endpoint").strip()
    only(rehearsal.run(rehearsal.engine.preview()), of_the_two)
    with Availability(rehearsal.write_kubeconfig().read_text(), endpoint) as watch:
        outcome = rehearsal.run(rehearsal.engine.up())
    only(outcome, of_the_two)
    for name in NEW_VM_IDS:
        insist_order(outcome, "delete-replaced", ("Membership", "vmLegacy"), name)
    after = members(rehearsal, "10.0.1.2")
    if set(after) != {"cp1", "cp2", "cp3"}:
        raise Failed(f"etcd's voters are {sorted(after)} after cp1 was replaced")
    stayed = {name: after[name] == before[name] for name in ("cp2", "cp3")}
    if not all(stayed.values()) or after["cp1"] == before.get("cp1"):
        raise Failed(f"etcd is another one: members were {before} and are {after}")
    if identity_of(rehearsal) != founded:
        raise Failed("the cluster that answers is another one: kube-system has another UID")
    all_ready_soon(rehearsal)
    if watch.longest_silence > BEARABLE_SILENCE_SECONDS:
        raise Failed(f"{endpoint} was silent for {watch.longest_silence:.1f} s: {watch.last_words}")
    return outcome, watch.longest_silence


def of_the_two(stage: Stage) -> bool:
    """What their replacement may touch."""
    return any(name in stage.name for name in NEW_VM_IDS) or waits(stage)


def all_ready_soon(rehearsal: Rehearsal) -> int:
    """How many nodes there are, once all are Ready: a machine that has joined still gets its CNI.

    Nothing waits for that when one of many is made anew: the cluster's gates are open.
    """

    def ready() -> bool:
        return all(line.split()[1] == "Ready" for line in rehearsal.nodes())

    wait_until(ready, READY_SECONDS, "every node to be Ready")
    return ready_nodes(rehearsal)


def another_worker(facts: Facts) -> None:
    """worker3, like worker2 in all but what is its own."""
    made = deepcopy(machine(facts, "worker2"))
    made |= {"name": "worker3", "addresses": ["10.0.2.3"], "mac": "BC:24:11:0A:02:03"}
    made["vm"] |= {"id": 1023}
    facts["machines"].append(made)


def drop(facts: Facts, name: str) -> None:
    """A machine less."""
    facts["machines"].remove(machine(facts, name))


def renumbered(facts: Facts) -> None:
    """Other VMIDs, which Proxmox VE cannot change on a machine that exists."""
    for name, number in NEW_VM_IDS.items():
        machine(facts, name)["vm"]["id"] = number


def only(outcome: Outcome, expected: Callable[[Stage], bool]) -> list[Stage]:
    """What was touched; all of it must be expected, and none of it in the cluster."""
    touched = [item for item in outcome.log.stages if item.operation not in UNCHANGED]
    inside = [item.urn for item in touched if kind(item.urn).startswith("kubernetes:")]
    if inside:
        raise Failed("operations on what is in the cluster:\n" + "\n".join(inside))
    others = [f"{item.operation} {item.urn}" for item in touched if not expected(item)]
    if others:
        raise Failed("more was touched than had to be:\n" + "\n".join(others))
    return touched


def waits(stage: Stage) -> bool:
    """Gates wait for other nodes, preflight and quorum look at other facts; none makes anything."""
    return stage.operation == "update" and stage.kind in {"Gate", "Preflight", "Quorum"}


def insist_order(outcome: Outcome, operation: str, kinds: tuple[str, ...], name: str) -> None:
    """These resources of a machine must have ended an operation in this order."""
    urns = [
        item.urn for item in outcome.log.stages if item.operation == operation and name in item.name
    ]
    places = [next((n for n, urn in enumerate(urns) if word in urn), -1) for word in kinds]
    if -1 in places or places != sorted(places):
        raise Failed(f"{operation} of {name} did not go {' before '.join(kinds)}: {urns}")


def insist_nodes(rehearsal: Rehearsal, *, without: str = "", among: str = "") -> int:
    """How many nodes there are, all Ready; one of them must be there, or must not."""
    names = {line.split()[0] for line in rehearsal.nodes()}
    if without in names or (among and among not in names):
        raise Failed(f"the nodes are {sorted(names)}")
    return all_ready_soon(rehearsal)


def insist_nobody_was_left(outcome: Outcome) -> None:
    """A drain that gave up says so in a warning."""
    left = [text for text in outcome.log.warnings if "left on it" in text]
    if left:
        raise Failed("the drain gave up:\n" + "\n".join(left))


def insist_new_machines(rehearsal: Rehearsal, before: object, wanted: set[str]) -> None:
    """Exactly these machines are new in the simulated world, and none is gone."""
    after = rehearsal.vendors.snapshot()["machines"]
    came, went = ids(after) - ids(before), ids(before) - ids(after)
    if came != wanted or went:
        raise Failed(f"machines that came: {sorted(came)}, that went: {sorted(went)}")


def ids(world: object) -> set[str]:
    """The machines' ids in the simulator's account of its world."""
    machines = world["machines"] if isinstance(world, dict) else []
    return {str(item["id"]) for item in machines}


def unchanged(rehearsal: Rehearsal) -> None:
    """A preview with the same facts wants nothing more."""
    preview = rehearsal.run(rehearsal.engine.preview())
    if preview.changed:
        wanted = [f"{s.operation} {s.urn}" for s in preview.log.stages if s.operation != "same"]
        raise Failed(f"a preview wants {preview.log.changes}:\n" + "\n".join(wanted))


def members(rehearsal: Rehearsal, address: str) -> dict[str, str]:
    """etcd's voters by name, with their ids, as one control plane tells them."""
    listed = rehearsal.talosctl("etcd", "members", "-e", address, "-n", address)
    rows = [line.split() for line in listed.splitlines()[1:]]
    return {row[2]: row[1] for row in rows if row[-1] == "false"}


def identity_of(rehearsal: Rehearsal) -> str:
    """What no second cluster shares: the UID of a namespace that is as old as etcd's data."""
    return rehearsal.kubectl("get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}")


ENTRIES = tuple(
    Entry(
        name=name,
        run=run,
        starts_with_cluster=True,
        ends_with_cluster=True,
        needs=frozenset({Need.PROXMOX, Need.WORKERS}),
    )
    for name, run in (
        ("worker-add", worker_add),
        ("worker-remove", worker_remove),
        ("control-plane-replace", control_plane_replace),
    )
)
