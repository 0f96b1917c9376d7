"""Faults of a Proxmox VE, met by an `up` that starts from nothing, but for the locked machine."""

from collections.abc import Iterator
from contextlib import contextmanager

from config.secret_keys import PROXMOX_TOKEN
from lab.error_page import AREAS
from lab.preparation import IMAGE_ROLE, MACHINE_ROLE
from lab.scenarios.facts_file import Facts, machine
from lab.scenarios.fault import Fault, Takeover
from lab.scenarios.machines import facts
from lab.scenarios.needs import Need
from lab.scenarios.proxmox_host import administrator, failing, host
from lab.scenarios.rehearsal import Rehearsal
from lab.seal import lab_values
from lab.world.services import FACTORY

PROXMOX = AREAS[2]
STRANGER = "mail"


def token_owner(rehearsal: Rehearsal) -> str:
    """The user whose token the stack has."""
    return lab_values(rehearsal.stack)[PROXMOX_TOKEN].partition("!")[0]


@contextmanager
def wrong_token(rehearsal: Rehearsal) -> Iterator[None]:
    """The stack's token with another secret in it."""
    name = lab_values(rehearsal.stack)[PROXMOX_TOKEN].partition("=")[0]
    with rehearsal.facts.edited(lambda _: None):
        rehearsal.engine.set_secret(PROXMOX_TOKEN, f"{name}=00000000-0000-4000-8000-000000000000")
        yield


@contextmanager
def missing_rights(rehearsal: Rehearsal) -> Iterator[None]:
    """A token that may neither make machines nor delete images."""
    acl = administrator(rehearsal).access.acl
    images = f"/storage/{facts(rehearsal)['proxmox']['imageDatastore']}"
    entries = (("/vms", MACHINE_ROLE), ("/pool", MACHINE_ROLE), (images, IMAGE_ROLE))
    user = token_owner(rehearsal)
    for path, role in entries:
        acl.put(path=path, roles=role, users=user, delete=1)
    try:
        yield
    finally:
        for path, role in entries:
            acl.put(path=path, roles=role, users=user, propagate=1)


@contextmanager
def dead_node(rehearsal: Rehearsal) -> Iterator[None]:
    """A node that the others cannot pass requests on to."""
    fault = {"kind": "fail", "method": "GET", "path": f"/nodes/{host(rehearsal)}/network"}
    with failing(rehearsal, {**fault, "status": 596, "message": "Connection timed out"}):
        yield


@contextmanager
def full_storage(rehearsal: Rehearsal) -> Iterator[None]:
    """No byte left for machines."""
    name = facts(rehearsal)["proxmox"]["machineDatastore"]
    with failing(rehearsal, {"kind": "storage-full", "storage": name}):
        yield


@contextmanager
def no_import(rehearsal: Rehearsal) -> Iterator[None]:
    """The datastore as a fresh installation has it."""
    name = facts(rehearsal)["proxmox"]["imageDatastore"]
    storage = administrator(rehearsal).storage(name)
    before = storage.get()["content"]
    kept = [item for item in before.split(",") if item != "import"]
    storage.put(content=",".join(kept))
    try:
        yield
    finally:
        storage.put(content=before)


@contextmanager
def taken_number(rehearsal: Rehearsal) -> Iterator[None]:
    """Somebody's machine where one of ours is to be."""
    number = facts(rehearsal)["machines"][1]["vm"]["id"]
    guests = administrator(rehearsal).nodes(host(rehearsal)).qemu
    guests.post(vmid=number, name=STRANGER)
    try:
        yield
    finally:
        guests(number).delete()


@contextmanager
def failing_start(rehearsal: Rehearsal) -> Iterator[None]:
    """A machine whose start is a task that ends in an error."""
    number = facts(rehearsal)["machines"][-1]["vm"]["id"]
    path = f"/nodes/{host(rehearsal)}/qemu/{number}/status/start"
    fault = {"kind": "fail", "method": "POST", "path": path, "error": "qemu_exited_code"}
    with failing(rehearsal, fault):
        yield


@contextmanager
def failing_download(rehearsal: Rehearsal) -> Iterator[None]:
    """An image factory that answers the program, and not the host that wants the image."""
    url = f"{FACTORY.url}/-/faults"
    rehearsal.vendors.ask("POST", url, {"kind": "unavailable", "path": "/image/"})
    try:
        yield
    finally:
        rehearsal.vendors.ask("DELETE", url)


@contextmanager
def locked(rehearsal: Rehearsal) -> Iterator[None]:
    """A machine in the hands of a backup, while its facts change."""
    last = facts(rehearsal)["machines"][-1]

    def more_cores(found: Facts) -> None:
        machine(found, last["name"])["vm"]["cores"] += 1

    fault = {"kind": "guest-lock", "vmid": last["vm"]["id"], "lock": "backup"}
    with failing(rehearsal, fault), rehearsal.facts.edited(more_cores):
        yield


MADE = frozenset({Need.PROXMOX})
FAULTS = (
    Fault(
        name="fault-proxmox-locked",
        area=PROXMOX,
        wrong="a machine that is to change is locked by a backup",
        remedy="wait for the task, or `qm unlock` when it died",
        says=("is locked (backup)", "qm unlock"),
        needs=MADE,
        setting=locked,
        takeover=Takeover.UNCHANGED,
    ),
    Fault(
        name="fault-proxmox-token",
        area=PROXMOX,
        wrong="401: the everyday token is wrong",
        remedy="set the right one, then `pulumi up`",
        says=("does not accept the token", "hearth:proxmoxToken"),
        needs=MADE,
        setting=wrong_token,
        takeover=Takeover.UP,
    ),
    Fault(
        name="fault-proxmox-rights",
        area=PROXMOX,
        wrong="403: the token lacks rights",
        remedy="give it the rights of docs/proxmox.md",
        says=("the token lacks", "VM.Allocate", "Datastore.Allocate"),
        needs=MADE,
        setting=missing_rights,
    ),
    Fault(
        name="fault-proxmox-dead-node",
        area=PROXMOX,
        wrong="596: the node behind Proxmox VE's proxy is dead",
        remedy="bring the node back",
        says=("answered 596", "Connection timed out", "is it on"),
        needs=MADE,
        setting=dead_node,
    ),
    Fault(
        name="fault-proxmox-full",
        area=PROXMOX,
        wrong="the machines' datastore is full",
        remedy="free space, or make smaller disks",
        says=("GiB left", "free some"),
        needs=MADE,
        setting=full_storage,
    ),
    Fault(
        name="fault-proxmox-content",
        area=PROXMOX,
        wrong="the image datastore does not take imports",
        remedy="run the `pvesm set` that the message gives",
        says=("does not take content type 'import'", "pvesm set"),
        needs=MADE,
        setting=no_import,
    ),
    Fault(
        name="fault-proxmox-vmid",
        area=PROXMOX,
        wrong="a VMID of the stack belongs to somebody else's machine",
        remedy="choose another `vm.id`",
        says=(f"belongs to {STRANGER}", "another vm.id"),
        needs=MADE,
        setting=taken_number,
    ),
    Fault(
        name="fault-proxmox-start",
        area=PROXMOX,
        wrong="a task ends in an error: a machine does not start",
        remedy="the task's log on the host says why (Datacenter > Tasks); then `pulumi up`",
        says=("QEMU exited with code",),
        needs=MADE,
        setting=failing_start,
    ),
    Fault(
        name="fault-proxmox-download",
        area=PROXMOX,
        wrong="a task ends in an error: the host cannot fetch the Talos image",
        remedy="see whether the host reaches factory.talos.dev; then `pulumi up`",
        says=("download",),
        needs=MADE,
        setting=failing_download,
    ),
)
