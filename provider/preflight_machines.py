"""What must be true before machines are made or changed: numbers, locks, space, addresses.

Part of preflight, and like all of it only reads. It looks at machines that are not there yet or are
about to change; a machine that stays as it is may be locked by its nightly backup, and no business
of an `up`.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from proxmoxer.core import ResourceException

from provider import proxmox, talos_probe
from provider.talos_probe import Answer

Machine = Mapping[str, Any]
GIB = 1024**3
# A Talos image with a few extensions, as it lies on its datastore and in every new machine.
IMAGE_GIB = 2
# Where a disk takes all its space at once; elsewhere promising more than there is, is usual.
THICK = frozenset({"lvm", "zfspool"})
BAD_REQUEST = 400


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What an `up` is about to do: machines by what becomes of them, and which exist."""

    existing: Mapping[int, Mapping[str, Any]]
    missing: Sequence[Machine]
    changed: Sequence[Machine]
    growth_gib: Mapping[str, int]


def guests(api: Any) -> dict[int, dict[str, Any]]:
    """Every guest that the token is shown, by its VMID."""
    with proxmox.refusals("listing the guests"):
        return {int(item["vmid"]): item for item in api.cluster.resources.get(type="vm")}


def planned(
    known: Mapping[int, Mapping[str, Any]], machines: Sequence[Machine], before: Sequence[Machine]
) -> Plan:
    """Compare the machines wanted with those there are and with what was wanted last time."""
    old = {int(item["id"]): item for item in before}
    growth: dict[str, int] = {}
    changed = []
    for item in machines:
        last = old.get(int(item["id"]))
        if int(item["id"]) not in known or last is None or dict(last) == dict(item):
            continue
        changed.append(item)
        grown = size_gib(item) - size_gib(last)
        growth[item["host"]] = growth.get(item["host"], 0) + max(0, grown)
    missing = [item for item in machines if int(item["id"]) not in known]
    return Plan(existing=known, missing=missing, changed=changed, growth_gib=growth)


def size_gib(machine: Machine) -> int:
    """The size of a machine's own disk."""
    return int(machine["disk"]["sizeGib"])


def problems(
    api: Any, plan: Plan, machines: Sequence[Machine], wanted: Mapping[str, Any], *, first: bool
) -> Iterator[str]:
    """Every reason not to make or change machines; `first` when none can be ours yet."""
    for item in machines:
        if int(item["id"]) in plan.existing:
            yield from taken(item, plan.existing[int(item["id"])], wanted["pool"], first=first)
    for item in plan.missing:
        if is_taken(api, item["id"]):
            yield (
                f"  VMID {item['id']} is wanted for {item['name']} and belongs to a guest that the "
                f"token is not shown: give {item['name']} another vm.id"
            )
    for item in plan.changed:
        yield from locked(item, plan.existing[int(item["id"])])
    yield from space(api, plan, wanted)
    # One that is made anew under another number finds its predecessor at its address.
    ours = {guest.get("name") for guest in plan.existing.values() if in_pool(guest, wanted["pool"])}
    yield from answering([item for item in plan.missing if item["name"] not in ours])


def taken(machine: Machine, guest: Mapping[str, Any], pool: str, *, first: bool) -> Iterator[str]:
    """A VMID that somebody else has: their guest must not be taken for our machine."""
    number, name = machine["id"], guest.get("name", "a guest without a name")
    if not in_pool(guest, pool):
        yield (
            f"  VMID {number} is wanted for {machine['name']} and belongs to {name} on "
            f"{guest.get('node')}, which is not in the pool {pool}: give {machine['name']} another "
            "vm.id"
        )
    elif first:
        yield (
            f"  VMID {number} is {name} in the pool {pool}, but the state knows of no machine: "
            f"where the state was lost, bring it back, or remove the machine with `qm stop {number}"
            f" && qm destroy {number}` on {guest.get('node')}"
        )


def in_pool(guest: Mapping[str, Any], pool: str) -> bool:
    """Whether a guest is the stack's: the pool is nobody else's."""
    return bool(guest.get("pool") == pool)


def is_taken(api: Any, number: int) -> bool:
    """Whether any guest has a VMID, those among them that the token is not shown.

    Proxmox VE tells everybody, and refuses a taken number as a wrong parameter (pve-manager,
    PVE/API2/Cluster.pm: nextid).
    """
    with proxmox.refusals("asking for free VMIDs"):
        try:
            api.cluster.nextid.get(vmid=number)
        except ResourceException as error:
            if error.status_code != BAD_REQUEST:
                raise
            return True
    return False


def locked(machine: Machine, guest: Mapping[str, Any]) -> Iterator[str]:
    """A machine that is about to change must not be in another task's hands."""
    if guest.get("lock"):
        number, host = machine["id"], guest.get("node")
        yield (
            f"  {machine['name']} (VMID {number}) is locked ({guest['lock']}) and cannot be "
            f"changed: wait until that task on {host} has ended; if it died, `qm unlock {number}`"
        )


def space(api: Any, plan: Plan, wanted: Mapping[str, Any]) -> Iterator[str]:
    """Datastores must have room for the disks still to be made."""
    hosts = dict.fromkeys([item["host"] for item in plan.missing] + list(plan.growth_gib))
    if not plan.missing and not any(plan.growth_gib.values()):
        return
    with proxmox.refusals("listing the datastores"):
        thin = {item["storage"] for item in api.storage.get() if int(item.get("sparse", 0))}
    for host in hosts:
        with proxmox.refusals(f"listing the datastores of {host}"):
            stores = {item["storage"]: item for item in api.nodes(host).storage.get()}
        for name, gib in needed_gib(plan, host, stores, thin, wanted).items():
            left = stores.get(name, {}).get("avail")
            if left is not None and left < gib * GIB:
                yield (
                    f"  datastore {name} on {host} has {left / GIB:.0f} GiB left, and the machines "
                    f"still to be made need {gib}: free some, or make their diskGib smaller"
                )


def needed_gib(
    plan: Plan,
    host: str,
    stores: Mapping[str, Mapping[str, Any]],
    thin: Collection[str],
    wanted: Mapping[str, Any],
) -> dict[str, int]:
    """The space that one host's datastores are asked for at once, in GiB."""
    disks, images = wanted["machineDatastore"], wanted["imageDatastore"]
    new = [item for item in plan.missing if item["host"] == host]
    if stores.get(disks, {}).get("type") in THICK and disks not in thin:
        asked = sum(size_gib(item) for item in new) + plan.growth_gib.get(host, 0)
    else:
        asked = IMAGE_GIB * len(new)
    found = {disks: asked}
    if new:
        found[images] = found.get(images, 0) + IMAGE_GIB
    return found


def answering(machines: Sequence[Machine]) -> Iterator[str]:
    """An address of a machine that is not there yet must be nobody's."""
    if not machines:
        return
    with ThreadPoolExecutor(max_workers=len(machines)) as pool:
        answers = list(pool.map(lambda item: talos_probe.ask(item["address"]), machines))
    for item, answer in zip(machines, answers, strict=True):
        if isinstance(answer, Answer):
            whose = "a blank machine" if answer.is_blank else "a machine of a cluster"
            yield (
                f"  {whose} answers at {item['address']} already, where {item['name']} is to be "
                "made: turn it off, or give one of the two another address"
            )
