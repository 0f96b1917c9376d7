"""csi-disk and volume-sweep: data that outlives machines, and what becomes of it at the end.

csi-disk hangs a volume on a worker as the storage driver does, and does to the worker what owners
do. volume-sweep destroys a cluster that left volumes behind, once with its API alive and once with
every control plane dead, beside volumes that are somebody else's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from proxmoxer import ResourceException

from config.secret_keys import PROXMOX_TOKEN
from lab.engine import Outcome
from lab.preparation import IMAGE_ROLE
from lab.scenarios.core import ready_nodes, second_up
from lab.scenarios.entry import Entry
from lab.scenarios.facts_file import Facts, machine
from lab.scenarios.needs import Need
from lab.scenarios.proxmox_ve import ProxmoxVe, as_driver, as_owner
from lab.scenarios.rehearsal import Failed, Rehearsal
from lab.seal import lab_values

OWN_DATASTORE = "csi-zfs"
MACHINE_KIND = "proxmoxve:index/vmLegacy:VmLegacy"
CLAIMS = (
    "pvc-0e7cbf3f-1e0f-4a8a-9d8e-000000000001",
    "pvc-0e7cbf3f-1e0f-4a8a-9d8e-000000000002",
)
NOBODYS_MACHINE = 777
FOREIGN_CLAIM = "pvc-5d1c2b6a-77aa-4f10-8c55-00000000000f"


@dataclass(frozen=True, kw_only=True)
class Held:
    """A volume that hangs on a machine, and who hung it there."""

    driver: ProxmoxVe
    machine: int
    datastore: str
    volume: str
    slot: str

    def check(self, after: str) -> None:
        """It still hangs there."""
        self.check_intact(after)
        disks = self.driver.disks(self.machine)
        if disks.get(self.slot) != self.volume:
            raise Failed(f"after {after} {self.volume} is off its machine: {disks}")

    def check_intact(self, after: str) -> None:
        """It is still listed."""
        if self.volume not in self.driver.volumes(self.datastore):
            raise Failed(f"after {after} {self.volume} is gone")


def csi_disk(rehearsal: Rehearsal) -> str:
    """A volume on a worker through refresh, `up`, changes, and the worker's own replacement."""
    facts = rehearsal.facts.read()
    worker = next(item for item in facts["machines"] if item["role"] == "worker")
    name, number = worker["name"], worker["vm"]["id"]
    driver, datastore = as_driver(rehearsal), facts["storage"]["datastore"]
    refused_to_the_driver(driver, number)
    volume = driver.make(datastore, CLAIMS[0])
    slot = driver.attach(number, volume)
    held = Held(driver=driver, machine=number, datastore=datastore, volume=volume, slot=slot)

    unnoticed(rehearsal, held)
    changed_in_place(rehearsal, held, name)
    refused_while_attached(rehearsal, held, name)
    still_watched(rehearsal, held, name)
    seconds = replaced(rehearsal, held, name)

    driver.detach(number, driver.attach(number, volume))
    driver.delete(volume)
    second_up(rehearsal)
    return (
        f"{volume} stayed on {name} through refresh, up and a CPU change, and survived its "
        f"replacement ({seconds:.1f} s)"
    )


def refused_to_the_driver(driver: ProxmoxVe, number: int) -> None:
    """Its token deletes and stops no machine: whoever takes a pod's token has the volumes only."""
    machine_api = driver.api.nodes(driver.host).qemu(number)
    for what, call in (("delete", machine_api.delete), ("stop", machine_api.status.stop.post)):
        try:
            call()
        except ResourceException as error:
            if error.status_code == 403:
                continue
            raise Failed(f"to {what} a machine as the driver ended with: {error}") from error
        raise Failed(f"the storage driver's token may {what} a machine")


def unnoticed(rehearsal: Rehearsal, held: Held) -> None:
    """A refresh and an `up` find nothing to do, and leave the volume where it is."""
    refresh = rehearsal.run(rehearsal.engine.refresh())
    if refresh.changed:
        raise Failed(f"a refresh with an attached volume saw {refresh.log.changes}")
    held.check("a refresh")
    second_up(rehearsal)
    held.check("an up")


def changed_in_place(rehearsal: Rehearsal, held: Held, name: str) -> None:
    """More cores, and back: one update each time, and the volume stays."""

    def more_cores(facts: Facts) -> None:
        machine(facts, name)["vm"]["cores"] += 1

    with rehearsal.facts.edited(more_cores):
        only_the_machine(rehearsal.run(rehearsal.engine.up()))
        held.check("a CPU change")
    only_the_machine(rehearsal.run(rehearsal.engine.up()))
    held.check("the CPU change back")


def only_the_machine(outcome: Outcome) -> None:
    """The machine was updated, and nothing else but the check that stands before it."""
    changed = [
        (stage.operation, stage.kind)
        for stage in outcome.log.stages
        if stage.operation not in {"same", "read"}
    ]
    if sorted(changed) != [("update", "Preflight"), ("update", "VmLegacy")]:
        raise Failed(f"one machine was to be updated, and there were {changed}")


def refused_while_attached(rehearsal: Rehearsal, held: Held, name: str) -> None:
    """A change of the machine's own disk would unplug the volume: it is refused, in words."""

    def larger_disk(facts: Facts) -> None:
        machine(facts, name)["vm"]["diskGib"] += 10

    with rehearsal.facts.edited(larger_disk):
        for outcome in (rehearsal.engine.preview(), rehearsal.engine.up()):
            rehearsal.outcomes.append(outcome)
            if outcome.succeeded or held.volume not in outcome.told():
                raise Failed(
                    f"a {outcome.command} that would unplug {held.volume} was not refused by "
                    f"name:\n{outcome.told()}"
                )
    held.check("a refused change of the disk")


def still_watched(rehearsal: Rehearsal, held: Held, name: str) -> None:
    """A disk of the machine's own that somebody grew is drift, with a volume beside it, too."""
    owner = as_owner(rehearsal)
    owner.api.nodes(owner.host).qemu(held.machine).resize.put(disk="scsi0", size="+1G")
    refresh = rehearsal.run(rehearsal.engine.refresh())
    preview = rehearsal.run(rehearsal.engine.preview())
    if refresh.changed != 1 or preview.changed != 1 or "size" not in preview.output:
        raise Failed(f"nobody noticed that the own disk of {name} grew:\n{preview.output}")


def replaced(rehearsal: Rehearsal, held: Held, name: str) -> float:
    """The machine made anew: the volume is off it, and intact. How long it took, in seconds."""
    (urn,) = (
        str(item["urn"])
        for item in rehearsal.engine.state()
        if item["type"] == MACHINE_KIND and item["id"] == str(held.machine)
    )
    rehearsal.engine.taint(urn)
    outcome = rehearsal.run(rehearsal.engine.up())
    made = {
        stage.name
        for stage in outcome.log.stages
        if stage.kind == "VmLegacy" and stage.operation not in {"same", "read"}
    }
    if len(made) != 1:
        raise Failed(f"{name} was to be replaced, and these were touched: {sorted(made)}")
    held.check_intact("the machine's replacement")
    if held.volume in held.driver.disks(held.machine).values():
        raise Failed(f"the new {name} came with the old one's volume")
    ready_nodes(rehearsal)
    return outcome.seconds


def volume_sweep(rehearsal: Rehearsal) -> str:
    """Two clusters on a datastore of their own, destroyed alive and dead."""
    owner, facts = as_owner(rehearsal), rehearsal.facts.read()
    shared = facts["storage"]["datastore"]

    def own_datastore(facts: Facts) -> None:
        facts["storage"] |= {"datastore": OWN_DATASTORE, "sharedDatastore": False}
        facts["storage"]["dataOnDestroy"] = "sweep"

    with datastore(rehearsal, owner), rehearsal.facts.edited(own_datastore):
        foreign = [
            owner.make(shared, FOREIGN_CLAIM),
            owner.make(OWN_DATASTORE, "disk-0", owner=NOBODYS_MACHINE),
        ]
        for dead in (False, True):
            swept(rehearsal, owner, dead=dead)
            there = {**owner.volumes(shared), **owner.volumes(OWN_DATASTORE)}
            if sorted(there) != sorted(foreign):
                raise Failed(f"{foreign} were to survive a destroy, and there are {sorted(there)}")
    left = rehearsal.leftovers()
    if left:
        raise Failed("two destroys left:\n" + "\n".join(f"  {item}" for item in left))
    return f"volumes freed with the API alive and dead; {', '.join(foreign)} survived both"


def swept(rehearsal: Rehearsal, owner: ProxmoxVe, *, dead: bool) -> None:
    """A cluster that leaves two volumes, one of them on a machine, and its destroy."""
    rehearsal.run(rehearsal.engine.up())
    ready_nodes(rehearsal)
    machines = rehearsal.facts.read()["machines"]
    worker = next(item for item in machines if item["role"] == "worker")
    driver = as_driver(rehearsal)
    volumes = [driver.make(OWN_DATASTORE, claim) for claim in CLAIMS]
    driver.attach(worker["vm"]["id"], volumes[0])
    for item in machines if dead else ():
        if item["role"] == "controlPlane":
            owner.stop(item["vm"]["id"])
    outcome = rehearsal.run(rehearsal.engine.destroy())
    for volume in volumes:
        if f"{volume} (5.0 GiB)" not in outcome.output:
            raise Failed(f"the destroy did not say that it frees {volume}, and its size")


@contextmanager
def datastore(rehearsal: Rehearsal, owner: ProxmoxVe) -> Iterator[None]:
    """A datastore for this cluster's volumes alone, as `pvesm add` and docs/proxmox.md have it."""
    user = lab_values(rehearsal.stack)[PROXMOX_TOKEN].partition("!")[0]
    place = {"path": f"/storage/{OWN_DATASTORE}", "roles": IMAGE_ROLE, "users": user}
    owner.api.storage.post(
        storage=OWN_DATASTORE, type="zfspool", pool="rpool/csi", content="images"
    )
    owner.api.access.acl.put(**place)
    try:
        yield
    finally:
        owner.free_strays()  # what is left on a datastore would be out of sight without it
        owner.api.access.acl.put(delete=1, **place)
        owner.api.storage(OWN_DATASTORE).delete()


NEEDS = frozenset({Need.PROXMOX, Need.CSI, Need.WORKERS})
ENTRIES = (
    Entry(
        name="csi-disk",
        run=csi_disk,
        starts_with_cluster=True,
        ends_with_cluster=True,
        needs=NEEDS,
    ),
    Entry(
        name="volume-sweep",
        run=volume_sweep,
        starts_with_cluster=False,
        ends_with_cluster=False,
        needs=NEEDS,
    ),
)
