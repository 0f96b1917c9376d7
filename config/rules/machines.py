"""The machines: unique in everything, on the node nets, and in numbers etcd can vote with."""

import re
from collections.abc import Hashable, Iterable, Iterator

from config.cluster import Cluster
from config.machines import Role
from config.rules import places
from config.rules.model import Finding, over_cluster

_SAYS = {
    Role.CONTROL_PLANE: re.compile(r"^(cp|ctrl|control|controlplane|master)([-0-9]|$)"),
    Role.WORKER: re.compile(r"^(wk|worker|agent)([-0-9]|$)"),
}


def _twice(items: Iterable[tuple[str, str, Hashable | None]], fix: str) -> Iterator[Finding]:
    """Findings for values that (path, owner in words, value) triples hold more than once."""
    seen: dict[Hashable, str] = {}
    for path, owner, value in items:
        if value is not None and value in seen:
            message = f"{value} is also {seen[value]}"
            yield Finding(path=path, value=value, message=message, fix=fix)
        elif value is not None:
            seen[value] = owner


@over_cluster("unique-name", "Machine names are unique: they are host and node names")
def unique_name(cluster: Cluster) -> Iterator[Finding]:
    """The second kubelet would take over the first one's Node."""
    names = [
        (f"machines[{i}].name", f"the name of machines[{i}]", machine.name)
        for i, machine in enumerate(cluster.machines)
    ]
    yield from _twice(names, "give every machine a name of its own")


@over_cluster("unique-mac", "MAC addresses are unique")
def unique_mac(cluster: Cluster) -> Iterator[Finding]:
    """A switch sends frames to the port it heard last."""
    macs = [
        (f"machines[{i}].mac", f"the MAC of {machine.name}", machine.mac)
        for i, machine in enumerate(cluster.machines)
    ]
    yield from _twice(macs, "read the card's own address, or count up")


@over_cluster("unique-vmid", "VMIDs are unique")
def unique_vmid(cluster: Cluster) -> Iterator[Finding]:
    """Proxmox refuses the second VM of one number."""
    ids = [
        (f"machines[{i}].vm.id", f"the VMID of {machine.name}", machine.vm.id)
        for i, machine in enumerate(cluster.machines)
        if machine.vm
    ]
    yield from _twice(ids, "give every VM a free number")


@over_cluster("unique-uuid", "Hardware UUIDs are unique")
def unique_uuid(cluster: Cluster) -> Iterator[Finding]:
    """It tells which box is being adopted."""
    uuids = [
        (f"machines[{i}].metal.uuid", f"the UUID of {machine.name}", machine.metal.uuid.lower())
        for i, machine in enumerate(cluster.machines)
        if machine.metal and machine.metal.uuid
    ]
    yield from _twice(uuids, "read it from the box: `talosctl get systeminformation`")


@over_cluster("unique-address", "A machine's address is its own: no other's, no gateway's")
def unique_address(cluster: Cluster) -> Iterator[Finding]:
    """Two hosts at one address each lose half of their packets.

    A machine's own maintenance address may be its final one: DHCP then gives what is configured.
    """
    taken = places.routers(cluster) + places.machines(cluster)
    items = [(x.path, f"{x.what} ({x.path})", x.address) for x in taken]
    yield from _twice(items, "give every machine an address of its own")


@over_cluster("maintenance-address", "Maintenance addresses are distinct, and nobody else's")
def maintenance_address(cluster: Cluster) -> Iterator[Finding]:
    """The wrong box would be adopted, or a running machine taken for a fresh one."""
    running = {
        address: machine.name for machine in cluster.machines for address in machine.addresses
    }
    others = {place.address: place for place in places.routers(cluster)}
    seen: dict[object, str] = {}
    for place in places.maintenance(cluster):
        own = place.what.removeprefix("the maintenance address of ")
        owner = seen.get(place.address)
        if owner is None and running.get(place.address, own) != own:
            owner = f"the address of {running[place.address]}"
        if owner is None and place.address in others:
            owner = f"{others[place.address].what} ({others[place.address].path})"
        if owner is not None:
            yield Finding(
                path=place.path,
                value=place.address,
                message=f"{place.address} is also {owner}",
                fix="reserve an address of its own for this machine's MAC",
            )
        seen.setdefault(place.address, place.what)


@over_cluster("machine-inside-node-net", "A machine's addresses lie inside the node nets")
def machine_inside_node_net(cluster: Cluster) -> Iterator[Finding]:
    """Outside them Talos finds no node IP, and the kubelet never starts."""
    for place in places.machines(cluster):
        if cluster.network.subnet_of(place.address) is None:
            nets = places.node_nets_text(cluster)
            yield Finding(
                path=place.path,
                value=place.address,
                message=f"{place.address} lies outside the node nets ({nets})",
                fix="take a free address of a node net, or correct network.nodeSubnets",
            )


@over_cluster("odd-control-planes", "The number of control planes is odd")
def odd_control_planes(cluster: Cluster) -> Iterator[Finding]:
    """An even member count survives no more failures, and adds one way to have them."""
    count = len(cluster.control_planes)
    if count % 2 == 0:
        yield Finding(
            path="machines",
            value=count,
            message=f"{count} control planes; etcd wants an odd number",
            fix="use 1, 3 or 5 machines with `role: controlPlane`",
        )


@over_cluster("schedulable-control-planes", "Without workers control planes take workloads")
def schedulable_control_planes(cluster: Cluster) -> Iterator[Finding]:
    """Every pod that Flux brings would stay pending."""
    if not cluster.workers and not cluster.talos.schedule_on_control_planes:
        yield Finding(
            path="talos.scheduleOnControlPlanes",
            value=False,
            message="false leaves no machine for workloads: there is no worker in machines",
            fix="set it to true, or add a machine with `role: worker`",
        )


@over_cluster("name-role", "A machine's name does not contradict its role")
def name_role(cluster: Cluster) -> Iterator[Finding]:
    """At three in the morning a `worker1` that holds an etcd member is reset."""
    for index, machine in enumerate(cluster.machines):
        other = Role.WORKER if machine.is_control_plane else Role.CONTROL_PLANE
        if _SAYS[other].match(machine.name):
            yield Finding(
                path=f"machines[{index}].name",
                value=machine.name,
                message=f"{machine.name} sounds like a {other} and has `role: {machine.role}`",
                fix="rename the machine, or correct its role",
            )


@over_cluster("made-or-adopted", "A machine is either a `vm` or a `metal`")
def made_or_adopted(cluster: Cluster) -> Iterator[Finding]:
    """Made by the program, or adopted as it stands: everything after that is the same."""
    for index, machine in enumerate(cluster.machines):
        if (machine.vm is None) == (machine.metal is None):
            said = "neither `vm` nor `metal`" if machine.vm is None else "both `vm` and `metal`"
            yield Finding(
                path=f"machines[{index}]",
                value=machine.name,
                message=f"{machine.name} has {said}",
                fix="give it `vm` to have it made on Proxmox, or `metal` to adopt a box",
            )
