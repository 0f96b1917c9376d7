"""Several stacks at once: what one of them owns, no other may name.

Stacks are compared pairwise, whatever they are for: two clusters of one home share its network, its
routers and its zones even when they share no hypervisor. Pod and service nets may be equal: they
never leave their cluster. A meeting is found on both sides, so that neither stack passes.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from itertools import permutations

from config.cluster import Cluster
from config.naming import proxmox_names
from config.rules import places
from config.rules.dns import overlap
from config.rules.model import Finding, Stacks, over_stacks
from config.services import ProxmoxCsi

Owned = Iterable[tuple[str, str, Hashable]]


def _pairs(stacks: Stacks) -> Iterator[tuple[str, Cluster, str, Cluster]]:
    """Every two stacks, both ways round; findings go to the second."""
    for (one, first), (other, second) in permutations(stacks.items(), 2):
        yield one, first, other, second


def _shared(
    stacks: Stacks, owned: Callable[[Cluster], Owned], fix: str, *, one_region: bool = False
) -> Iterator[Finding]:
    """Findings for equal values of two stacks; `owned` lists (path, what it is there, value)."""
    for one, first, other, second in _pairs(stacks):
        if one_region and not same_proxmox(first, second):
            continue
        held = {value: (path, what) for path, what, value in owned(first)}
        for path, what, value in owned(second):
            if value in held:
                where, whose = held[value]
                yield Finding(
                    stack=other,
                    path=path,
                    value=value,
                    message=f"{value} is {what} here and {whose} in {one} ({where})",
                    fix=fix,
                )


def same_proxmox(one: Cluster, other: Cluster) -> bool:
    """Whether two stacks make their machines on one Proxmox cluster."""
    if one.proxmox is None or other.proxmox is None:
        return False
    return one.proxmox.region == other.proxmox.region or (
        one.proxmox.endpoint == other.proxmox.endpoint
    )


@over_stacks("stack-name", "Stack, cluster and file have one name")
def stack_name(stacks: Stacks) -> Iterator[Finding]:
    """Everything that a stack owns carries its name: two spellings are two owners."""
    for stack, cluster in stacks.items():
        if cluster.name != stack:
            yield Finding(
                stack=stack,
                path="name",
                value=cluster.name,
                message=f"{cluster.name} stands in Pulumi.{stack}.yaml",
                fix=f"use `name: {stack}`, or rename the file to Pulumi.{cluster.name}.yaml",
            )


def _vmids(cluster: Cluster) -> Owned:
    for index, machine in enumerate(cluster.machines):
        if machine.vm:
            yield f"machines[{index}].vm.id", f"the VMID of {machine.name}", machine.vm.id


@over_stacks("stacks-share-vmid", "No two stacks of one Proxmox cluster share a VMID")
def stacks_share_vmid(stacks: Stacks) -> Iterator[Finding]:
    """The second `up` would find a VM there that is not its own."""
    yield from _shared(stacks, _vmids, "give each stack its own hundred", one_region=True)


def _vm_names(cluster: Cluster) -> Owned:
    for index, machine in enumerate(cluster.machines):
        if machine.vm:
            yield f"machines[{index}].name", "a VM's name", machine.name


@over_stacks("stacks-share-vm-name", "No two stacks of one Proxmox cluster share a VM name")
def stacks_share_vm_name(stacks: Stacks) -> Iterator[Finding]:
    """The storage driver finds a node's VM by its name, and would attach disks to the other's."""
    fix = "name machines after their stack"
    yield from _shared(stacks, _vm_names, fix, one_region=True)


def _hardware(cluster: Cluster) -> Owned:
    for index, machine in enumerate(cluster.machines):
        yield f"machines[{index}].mac", f"the MAC of {machine.name}", machine.mac
        if machine.metal and machine.metal.uuid:
            uuid = machine.metal.uuid.lower()
            yield f"machines[{index}].metal.uuid", f"the UUID of {machine.name}", uuid


@over_stacks("stacks-share-hardware", "No two stacks share a MAC or a hardware UUID")
def stacks_share_hardware(stacks: Stacks) -> Iterator[Finding]:
    """One box would be adopted into two clusters."""
    yield from _shared(stacks, _hardware, "a machine belongs to one stack")


def _addresses(cluster: Cluster) -> Owned:
    listed = places.machines(cluster) + places.vips(cluster)
    running = {place.address for place in listed}
    listed += [x for x in places.maintenance(cluster) if x.address not in running]
    for place in listed:
        yield place.path, place.what, place.address


@over_stacks("stacks-share-address", "No two stacks share a machine's address or a VIP")
def stacks_share_address(stacks: Stacks) -> Iterator[Finding]:
    """Two machines would answer for it, and `up` might talk to the wrong one."""
    yield from _shared(stacks, _addresses, "give each stack addresses of its own")


@over_stacks("stacks-share-pool", "No stack's pool holds addresses of another stack")
def stacks_share_pool(stacks: Stacks) -> Iterator[Finding]:
    """Two clusters would announce one address."""
    fix = "give each stack pools of its own"
    for one, first, other, second in _pairs(stacks):
        theirs = places.machines(first) + places.vips(first)
        for pool in places.pools(second):
            held = [f"{x} ({x.path})" for x in places.pools(first) if x.range.overlaps(pool.range)]
            held += [f"{x.what} ({x.path})" for x in theirs if x.address in pool.range]
            for what in held:
                message = f"{pool} holds addresses of {one}: {what}"
                yield Finding(
                    stack=other, path=pool.path, value=pool.range, message=message, fix=fix
                )
        for place in places.machines(second) + places.vips(second):
            for span in places.pools(first):
                if place.address in span.range:
                    message = f"{place.address} lies in {span} of {one} ({span.path})"
                    yield Finding(
                        stack=other, path=place.path, value=place.address, message=message, fix=fix
                    )


def _asn_pairs(cluster: Cluster) -> Owned:
    bgp = cluster.network.load_balancer.bgp
    for index, peer in enumerate(bgp.peers if bgp else ()):
        if bgp:
            pair = f"AS {bgp.local_asn} with {peer.asn}"
            path = f"network.loadBalancer.bgp.peers[{index}].asn"
            yield path, f"the session with {peer.name}", pair


@over_stacks("stacks-share-asn", "No two stacks peer with one AS pair")
def stacks_share_asn(stacks: Stacks) -> Iterator[Finding]:
    """A router could not tell whose routes it holds, and loop prevention drops the other's."""
    yield from _shared(stacks, _asn_pairs, "give each cluster a private AS number of its own")


def _names(cluster: Cluster) -> list[tuple[str, str]]:
    tunnel = cluster.dns.cloudflare.tunnel if cluster.dns.cloudflare else None
    return [
        ("domain", cluster.domain),
        *(
            (f"dns.externalDns[{i}].domainFilters[{j}]", domain)
            for i, instance in enumerate(cluster.dns.external_dns)
            for j, domain in enumerate(instance.domain_filters)
        ),
        *(
            (f"dns.cloudflare.tunnel.hostnames[{i}]", name)
            for i, name in enumerate(tunnel.hostnames if tunnel else ())
        ),
    ]


@over_stacks("stacks-share-domain", "No two stacks write to one domain, or below each other's")
def stacks_share_domain(stacks: Stacks) -> Iterator[Finding]:
    """A record would be written by two clusters, and resolve to whoever wrote last."""
    for one, first, other, second in _pairs(stacks):
        for path, name in _names(second):
            hit = next(((w, n) for w, n in _names(first) if overlap(name, n)), None)
            if hit:
                yield Finding(
                    stack=other,
                    path=path,
                    value=name,
                    message=f"{name} meets {hit[1]} of {one} ({hit[0]})",
                    fix="give each cluster a domain that is not below another's",
                )


def _dns_owners(cluster: Cluster) -> Owned:
    for index, instance in enumerate(cluster.dns.external_dns):
        path = f"dns.externalDns[{index}].ownerId"
        yield path, f"the owner ID of {instance.name}", instance.owner_id


@over_stacks("stacks-share-dns-owner", "No two stacks share an external-dns owner ID")
def stacks_share_dns_owner(stacks: Stacks) -> Iterator[Finding]:
    """Each would delete the other's records as its own leftovers."""
    yield from _shared(stacks, _dns_owners, "let the owner ID begin with the stack's name")


def _proxmox_names(cluster: Cluster) -> Owned:
    if cluster.proxmox:
        for kind, name in proxmox_names(cluster.name).items():
            yield "name", "made", f"{kind} {name}"
        yield "proxmox.pool", "made", f"pool {cluster.proxmox.pool}"


@over_stacks(
    "stacks-share-proxmox-name",
    "No two stacks of one Proxmox cluster share a role, user, token, pool or image file",
)
def stacks_share_proxmox_name(stacks: Stacks) -> Iterator[Finding]:
    """Destroying one stack would take the other's. All but the pool derive from the name."""
    fix = "let the name carry the stack's"
    yield from _shared(stacks, _proxmox_names, fix, one_region=True)


@over_stacks("stacks-share-datastore", "A datastore that a stack owns is used by no other")
def stacks_share_datastore(stacks: Stacks) -> Iterator[Finding]:
    """Its sweep would free the other's disks."""
    fix = "say `sharedDatastore: true` in both, or make a datastore for each"
    for owner, cluster, user, guest in _pairs(stacks):
        storage = cluster.storage
        if not isinstance(storage, ProxmoxCsi) or storage.shared_datastore:
            continue
        name, where = storage.datastore, _datastores(guest).get(storage.datastore)
        if where and same_proxmox(cluster, guest):
            message = f"{name} is not shared, and {user} uses it ({where})"
            path = "storage.sharedDatastore"
            yield Finding(stack=owner, path=path, value=False, message=message, fix=fix)
            message = f"{name} is {owner}'s own (storage.sharedDatastore: false)"
            yield Finding(stack=user, path=where, value=name, message=message, fix=fix)


def _datastores(cluster: Cluster) -> dict[str, str]:
    """The datastores that a stack uses, each with the key path that says so."""
    used: dict[str, str] = {}
    if cluster.proxmox:
        used[cluster.proxmox.image_datastore] = "proxmox.imageDatastore"
        used[cluster.proxmox.machine_datastore] = "proxmox.machineDatastore"
    if isinstance(cluster.storage, ProxmoxCsi):
        used[cluster.storage.datastore] = "storage.datastore"
    return used
