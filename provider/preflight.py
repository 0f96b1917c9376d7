"""Preflight: what must be true of a Proxmox VE before anything is built there.

A resource, because it has to run in `up` and before everything else; it reads and changes nothing.
All problems are told at once, each with what to do. The vendor's provider would find them one by
one, minutes apart, in words that do not say what to do.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from provider import attached, preflight_machines, proxmox
from provider.proxmox import allowed
from provider.rpc import Diff, LookOnly, Properties, Refused, has_unknown, operation, plain

# What the everyday token needs, and where: making machines, their disks and images.
MACHINE_PRIVILEGES = (
    "VM.Allocate", "VM.Audit", "VM.Config.CDROM", "VM.Config.CPU", "VM.Config.Cloudinit",
    "VM.Config.Disk", "VM.Config.HWType", "VM.Config.Memory", "VM.Config.Network",
    "VM.Config.Options", "VM.PowerMgmt",
)  # fmt: skip
DISK_PRIVILEGES = ("Datastore.AllocateSpace", "Datastore.Audit")
# Deleting an image is Allocate's: without it a destroy fails on its last steps.
IMAGE_PRIVILEGES = (*DISK_PRIVILEGES, "Datastore.AllocateTemplate", "Datastore.Allocate")
# download-url can probe the host's own network, so it asks for this on the node (Proxmox VE 8 and
# later; before, for Sys.Audit and Sys.Modify on /).
HOST_PRIVILEGES = ("Sys.AccessNetwork", "Sys.Audit")
# A preview from somewhere that Proxmox VE cannot be reached from must not be slow for it.
GLANCE_SECONDS = 5


class Preflight(LookOnly):
    """Inputs: `hosts` [{name, bridge}], `pool`, `machines`, and three datastores:

    `imageDatastore`, `machineDatastore` and, where the stack has volumes, `volumeDatastore`.
    `freesVolumes` says that the stack's destroy frees what lies on that one. A machine is {name,
    id, host, address, cores, memoryMib, disk}: whatever of it changes is checked for.
    """

    required = ("hosts", "imageDatastore", "machineDatastore", "pool", "machines")

    def __init__(self) -> None:
        self.credentials: proxmox.Credentials | None = None

    def diff(
        self,
        identity: str,
        olds: Properties,
        old_inputs: Properties,
        news: Properties,
        ignore: Sequence[str],
    ) -> Diff:
        """As the inputs say; and while a machine is missing, there is something to check again.

        An `up` that failed after this check would otherwise go on without it for ever.
        """
        found = super().diff(identity, olds, old_inputs, news, ignore)
        if found.changed or not self.lacks_machines(plain(news)):
            return found
        return Diff(changes=True)

    def lacks_machines(self, wanted: dict[str, Any]) -> bool:
        """Whether machines are still to be made; no when nobody can say."""
        if self.credentials is None or has_unknown(wanted["machines"]):
            return False
        try:
            api = proxmox.connect(self.credentials, GLANCE_SECONDS)
            known = preflight_machines.guests(api)
        except Refused:
            return False
        return any(int(item["id"]) not in known for item in wanted["machines"])

    def create(self, inputs: Properties, preview: bool, timeout: float) -> tuple[str, Properties]:
        """Check everything; the id stands for a Proxmox VE that passed."""
        del timeout
        if preview:
            return "", self.planned(inputs)
        refuse(self.problems(plain(inputs)))
        self.warn_of_claimed({}, plain(inputs))
        return "passed", inputs

    def update(
        self,
        id: str,  # noqa: A002
        olds: Properties,
        news: Properties,
        preview: bool,
        timeout: float,
    ) -> Properties:
        """Check again: what is asked of Proxmox VE has changed.

        What would cost a machine its volumes is refused in a preview already.
        """
        del id, timeout
        before, wanted = plain(olds), plain(news)
        problems = [] if preview else list(self.problems(wanted, before))
        if before.get("machines") != wanted["machines"] and self.credentials is not None:
            api = proxmox.connect(self.credentials)
            problems += attached.torn_off(api, before.get("machines") or [], wanted["machines"])
        refuse(problems)
        if not preview:
            self.warn_of_claimed(before, wanted)
        return self.planned(news, olds)

    def problems(
        self, wanted: dict[str, Any], before: dict[str, Any] | None = None
    ) -> Iterator[str]:
        """Every reason not to go on; `before` is what the last run wanted, if there was one."""
        if self.credentials is None:
            raise Refused("preflight has no Proxmox credentials: set hearth:proxmoxToken")
        return find_problems(proxmox.connect(self.credentials), wanted, before)

    def warn_of_claimed(self, before: dict[str, Any], wanted: dict[str, Any]) -> None:
        """Name what lies on a datastore that is from now on said to be the stack's alone.

        Another stack that also calls it its own, or a mistake, shows here and not in its ruins.
        """
        claim = (wanted.get("freesVolumes"), wanted.get("volumeDatastore"))
        held = (before.get("freesVolumes"), before.get("volumeDatastore"))
        if not all(claim) or claim == held or self.credentials is None:
            return
        hosts = [host["name"] for host in wanted["hosts"]]
        api = proxmox.connect(self.credentials)
        if found := proxmox.csi_volumes(api, wanted["volumeDatastore"], hosts):
            names = "\n".join(f"  {volume}" for volume in found)
            operation.current().warn(
                f"{wanted['volumeDatastore']} is said to be this stack's own (sharedDatastore: "
                "false), so a destroy will free these volumes, which lie there already:\n"
                f"{names}"
            )


def refuse(problems: Iterable[str]) -> None:
    """Raise with all of them, when there are any."""
    if found := list(problems):
        raise Refused("\n".join(["Proxmox VE is not ready for this stack:", *found]))


def find_problems(
    api: Any, wanted: dict[str, Any], before: dict[str, Any] | None = None
) -> Iterator[str]:
    """Every reason not to start, with its remedy."""
    with proxmox.refusals("preflight"):
        online = {item["node"]: item.get("status") for item in api.nodes.get()}
        rights: dict[str, dict[str, int]] = api.access.permissions.get()
    for host in wanted["hosts"]:
        name = host["name"]
        if online.get(name) != "online":
            known = ", ".join(sorted(online)) or "none"
            yield f"  host {name} is {online.get(name, 'unknown')}; known hosts: {known}"
            continue
        yield from bridge_problems(api, name, host["bridge"])
        yield from datastore_problems(api, name, rights, wanted)
    yield from privilege_problems(rights, wanted)
    yield from machine_problems(api, online, wanted, before)


def machine_problems(
    api: Any, online: dict[str, Any], wanted: dict[str, Any], before: dict[str, Any] | None
) -> Iterator[str]:
    """What stands in the way of the machines on those hosts that can be asked."""
    machines = [item for item in wanted["machines"] if online.get(item["host"]) == "online"]
    last = (before or {}).get("machines") or []
    plan = preflight_machines.planned(preflight_machines.guests(api), machines, last)
    yield from preflight_machines.problems(api, plan, machines, wanted, first=before is None)


def bridge_problems(api: Any, host: str, bridge: str) -> Iterator[str]:
    """The bridge the machines are plugged into must exist."""
    with proxmox.refusals(f"listing the bridges of {host}"):
        bridges = sorted(item["iface"] for item in api.nodes(host).network.get(type="any_bridge"))
    if bridge not in bridges:
        yield f"  host {host} has no bridge {bridge}; it has: {', '.join(bridges) or 'none'}"


def datastore_problems(
    api: Any, host: str, rights: dict[str, Any], wanted: dict[str, Any]
) -> Iterator[str]:
    """Datastores must exist, be on, and carry the content types that go there."""
    needs = [(wanted["imageDatastore"], "import"), (wanted["machineDatastore"], "images")]
    if wanted.get("volumeDatastore"):
        needs.append((wanted["volumeDatastore"], "images"))
    with proxmox.refusals(f"listing the datastores of {host}"):
        stores = {item["storage"]: item for item in api.nodes(host).storage.get()}
    known = ", ".join(sorted(stores)) or "none"
    for name in dict.fromkeys(name for name, _ in needs if name not in stores):
        seen = any(allowed(rights, f"/storage/{name}", right) for right in DISK_PRIVILEGES)
        doubt = "" if seen else ", or none that the token may see"
        yield f"  host {host} has no datastore {name}{doubt}; it has: {known}"
    for name, content in dict.fromkeys(needs):
        store = stores.get(name)
        if store is None:
            continue
        if not store.get("active", 1):
            yield f"  datastore {name} on {host} is not active"
        elif content not in str(store.get("content", "")).split(","):
            has = ",".join(sorted({*str(store.get("content", "")).split(","), content} - {""}))
            yield (
                f"  datastore {name} on {host} does not take content type {content!r}: "
                f"pvesm set {name} --content {has}"
            )


def privilege_problems(rights: dict[str, Any], wanted: dict[str, Any]) -> Iterator[str]:
    """The token must be allowed what `up` will ask of it."""
    pool = f"/pool/{wanted['pool']}"
    without: dict[str, list[str]] = {}
    for path in (f"/vms/{item['id']}" for item in wanted["machines"]):
        # A machine takes its pool's entries, so rights on either place will do.
        missing = lacking(rights, (path, pool), MACHINE_PRIVILEGES)
        if missing:
            without.setdefault(missing, []).append(path)
    for missing, paths in without.items():
        yield f"  the token lacks {missing} on {', '.join(paths)} (or on {pool})"
    others = [
        (f"/storage/{wanted['imageDatastore']}", IMAGE_PRIVILEGES),
        (f"/storage/{wanted['machineDatastore']}", DISK_PRIVILEGES),
    ]
    for host in wanted["hosts"]:
        others.append((f"/nodes/{host['name']}", HOST_PRIVILEGES))
        # Plugging a card into a bridge asks for this since Proxmox VE 8.
        others.append((f"/sdn/zones/localnetwork/{host['bridge']}", ("SDN.Use",)))
    for path, privileges in dict.fromkeys(others):
        missing = lacking(rights, (path,), privileges)
        if missing:
            yield f"  the token lacks {missing} on {path}"
    yield from volume_problems(rights, wanted)


def volume_problems(rights: dict[str, Any], wanted: dict[str, Any]) -> Iterator[str]:
    """What would keep a destroy from listing or freeing the volumes, told while nothing is lost."""
    datastore = wanted.get("volumeDatastore")
    if not datastore:
        return
    path = f"/storage/{datastore}"
    if wanted.get("freesVolumes") and not allowed(rights, path, proxmox.FREEING):
        yield f"  the token lacks {proxmox.FREEING} on {path}: a destroy could free no volume"
    elif reason := proxmox.blind_spot(rights, datastore):
        yield f"  {reason}: a destroy could not tell which volumes are left"


def lacking(rights: dict[str, Any], paths: tuple[str, ...], privileges: tuple[str, ...]) -> str:
    """Which privileges hold on none of the paths, as one text; empty when all do."""
    return ", ".join(
        name for name in privileges if not any(allowed(rights, path, name) for path in paths)
    )
