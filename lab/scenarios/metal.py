"""Adopted hosts that change hands while a cluster stands: replaced, reset and taken back, emptied.

What a destroy and a create make of them is the core's; here one host goes and the others stay.
Nothing in the cluster may be touched, and no data disk that nobody gave away.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lab.engine import Outcome
from lab.events import Stage
from lab.scenarios.availability import Availability
from lab.scenarios.boxes_kept import (
    adopted,
    all_data_volumes,
    data_volumes,
    insist_same_data,
    insist_waiting,
)
from lab.scenarios.core import taken_down
from lab.scenarios.entry import Entry
from lab.scenarios.facts_file import Facts
from lab.scenarios.facts_file import machine as machine_facts
from lab.scenarios.machines import first, last, machine, machines, power
from lab.scenarios.membership import (
    BEARABLE_SILENCE_SECONDS,
    all_ready_soon,
    identity_of,
    insist_order,
    members,
    only,
    unchanged,
    waits,
)
from lab.scenarios.needs import Need
from lab.scenarios.rehearsal import Failed, Rehearsal
from lab.scenarios.shelf import as_bought, await_maintenance, put, take_away

LOST = "HEARTH_LOST_MACHINES"
SPARE = "spare"
SPARE_MAC = "68:5B:35:00:00:FE"
HOST = "AdoptedHost::infrastructure-fleet-"


def control_plane_replace(rehearsal: Rehearsal) -> str:
    """The first control plane's box dies and another takes its place; later the old one comes back.

    The dead one cannot be reset, so its loss has to be said in so many words. The spare is alive
    when it goes: it leaves etcd, is reset, and waits for another use.
    """
    name, founded = first(rehearsal), identity_of(rehearsal)
    address = spare_address(rehearsal)

    def other_box(facts: Facts) -> None:
        found = machine_facts(facts, name)
        found["mac"] = SPARE_MAC
        found["metal"]["maintenanceAddress"] = address

    power(rehearsal, name, "off")
    put(rehearsal, spare(rehearsal, name, address))
    with rehearsal.facts.edited(other_box):
        refused = lost_in_words(rehearsal, name)
        with environment(rehearsal, **{LOST: name}):
            dead, silence = replaced(rehearsal, name, founded)
        unchanged(rehearsal)
    put(rehearsal, as_bought(rehearsal, name))
    await_maintenance(rehearsal, name)
    alive, silence_alive = replaced(rehearsal, name, founded)
    unchanged(rehearsal)
    waiting = next(item for item in machines(rehearsal) if item["id"] == SPARE)
    if waiting["configuration"] or waiting["stage"] != "maintenance":
        raise Failed(f"the spare box was to be reset, and is {waiting['stage']}")
    take_away(rehearsal, SPARE)
    return (
        f"{refused}; dead and replaced in {dead.seconds:.1f} s (API silent for {silence:.1f} s at "
        f"most), back in {alive.seconds:.1f} s ({silence_alive:.1f} s); same etcd, same cluster, 0 "
        "operations in it"
    )


def spare_address(rehearsal: Rehearsal) -> str:
    """An address that the DHCP server keeps for the spare box: the one behind the last host's."""
    before, _, number = last(rehearsal)["metal"]["maintenanceAddress"].rpartition(".")
    return f"{before}.{int(number) + 1}"


def spare(rehearsal: Rehearsal, name: str, address: str) -> dict[str, Any]:
    """A box like a machine's, and yet another one."""
    spec = as_bought(rehearsal, name)
    length = spec["addresses"][0].partition("/")[2]
    disks = [{**disk, "serial": f"{disk['serial']}-{SPARE}"} for disk in spec["disks"]]
    own = {"id": SPARE, "label": "a spare box", "uuid": "", "macs": [SPARE_MAC], "disks": disks}
    return {**spec, **own, "addresses": [f"{address}/{length}"]}


def lost_in_words(rehearsal: Rehearsal, name: str) -> str:
    """Without a word about it, a box that does not answer stops the run, which says what to say."""
    rehearsal.unprotect()
    outcome = rehearsal.engine.up()
    rehearsal.outcomes.append(outcome)
    missing = [word for word in (f"{LOST}={name}",) if word not in outcome.told()]
    if outcome.succeeded or missing:
        raise Failed(f"the loss of {name} was to be asked for by name:\n{outcome.told()}")
    return f"refused after {outcome.seconds:.1f} s without a word"


@contextmanager
def environment(rehearsal: Rehearsal, **variables: str) -> Iterator[None]:
    """The engine with variables in its environment."""
    before = dict(rehearsal.engine.environment)
    rehearsal.engine.environment |= variables
    try:
        yield
    finally:
        rehearsal.engine.environment = before


def replaced(rehearsal: Rehearsal, name: str, founded: str) -> tuple[Outcome, float]:
    """Have `up` put another box in a control plane's place; insist on all that must stay."""
    others = [found["name"] for found in adopted(rehearsal) if found["name"] != name]
    through = machine_facts(rehearsal.facts.read(), others[0])["addresses"][0]
    before = members(rehearsal, through)
    kubeconfig = rehearsal.write_kubeconfig().read_text()
    endpoint = rehearsal.cluster().endpoint
    rehearsal.unprotect()
    with Availability(kubeconfig, endpoint) as watch:
        outcome = rehearsal.run(rehearsal.engine.up())
    only(outcome, lambda stage: about(stage, name))
    after = members(rehearsal, through)
    stayed = all(after.get(other) == before[other] for other in others)
    if not stayed or set(after) != {name, *others} or after[name] == before.get(name):
        raise Failed(f"etcd is another one: its voters were {before} and are {after}")
    if identity_of(rehearsal) != founded:
        raise Failed("the cluster that answers is another one: kube-system has another UID")
    all_ready_soon(rehearsal)
    if watch.longest_silence > BEARABLE_SILENCE_SECONDS:
        raise Failed(f"{endpoint} was silent for {watch.longest_silence:.1f} s: {watch.last_words}")
    return outcome, watch.longest_silence


def about(stage: Stage, name: str) -> bool:
    """What the replacement of one host may touch."""
    return name in stage.name or waits(stage) or stage.kind == "HostPreflight"


def readopt(rehearsal: Rehearsal) -> str:
    """One host is reset and adopted again, alive: its data disk has the same data as before."""
    name, founded = last(rehearsal)["name"], identity_of(rehearsal)
    data, boot = all_data_volumes(rehearsal), machine(rehearsal, name)["bootId"]
    urns = [str(item["urn"]) for item in rehearsal.engine.state()]
    rehearsal.engine.taint(next(urn for urn in urns if urn.endswith(f"{HOST}{name}")))
    outcome, silence = replaced(rehearsal, name, founded)
    insist_order(outcome, "delete-replaced", ("Membership", "AdoptedHost"), name)
    if machine(rehearsal, name)["bootId"] == boot:
        raise Failed(f"{name} was to be reset, and has not even booted")
    all_data_volumes(rehearsal)
    kept = insist_same_data(rehearsal, data)
    unchanged(rehearsal)
    return f"{name} reset and taken back in {outcome.seconds:.1f} s ({silence:.1f} s), {kept}"


def data_disk(rehearsal: Rehearsal) -> str:
    """Data disks outlive a destroy, unless the stack says sweep: then they are empty."""
    kept = all_data_volumes(rehearsal)
    taken_down(rehearsal)
    insist_same_data(rehearsal, kept)

    def sweep(facts: Facts) -> None:
        facts["storage"]["dataOnDestroy"] = "sweep"

    with rehearsal.facts.edited(sweep):
        rehearsal.run(rehearsal.engine.up())
        all_data_volumes(rehearsal)
        insist_same_data(rehearsal, kept)
        gone = taken_down(rehearsal)
    if left := data_volumes(rehearsal):
        raise Failed(f"a destroy with dataOnDestroy: sweep left {left}")
    return f"{len(kept)} kept by one destroy, wiped by another: {gone}; {insist_waiting(rehearsal)}"


ENTRIES = (
    Entry(
        name="control-plane-replace",
        run=control_plane_replace,
        starts_with_cluster=True,
        ends_with_cluster=True,
        needs=frozenset({Need.METAL}),
    ),
    Entry(
        name="readopt",
        run=readopt,
        starts_with_cluster=True,
        ends_with_cluster=True,
        needs=frozenset({Need.METAL, Need.DATA_DISKS}),
    ),
    Entry(
        name="data-disk",
        run=data_disk,
        starts_with_cluster=True,
        ends_with_cluster=False,
        needs=frozenset({Need.METAL, Need.DATA_DISKS}),
    ),
)
