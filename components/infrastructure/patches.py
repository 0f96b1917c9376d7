"""A machine's Talos configuration, as documents that go over the generated base.

Pure: facts in, plain dicts out, in the document forms of Talos 1.13 (`.machine.network` is
deprecated since 1.12). Kernel arguments are not here: under systemd-boot they are read from the
image's schematic only. Secrets are not here either, but for the Tailscale key, which a caller adds
with `tailscale`.
"""

from typing import Any

from config.cluster import Cluster
from config.machines import DataDisk, Machine
from config.talos import KUBEPRISM_PORT, Tailscale

Document = dict[str, Any]

# Talos puts this label on every control plane, and MetalLB and Cilium then announce nothing from
# it (siderolabs/talos#9960, metallb#2021): wrong where control planes take workloads.
EXCLUDE_LABEL = "node.kubernetes.io/exclude-from-external-load-balancers"
REGION_LABEL = "topology.kubernetes.io/region"
ZONE_LABEL = "topology.kubernetes.io/zone"
DELETE = {"$patch": "delete"}


def documents(cluster: Cluster, machine: Machine, installer: str) -> list[Document]:
    """Every patch document of one machine; `installer` is the image with the stack's schematic."""
    return [
        base(cluster, machine, installer),
        hostname(machine),
        link(cluster, machine),
        resolver(cluster),
        time_sync(cluster),
        *vips(cluster, machine),
        *volumes(cluster, machine),
        *lldp(cluster),
    ]


def base(cluster: Cluster, machine: Machine, installer: str) -> Document:
    """The v1alpha1 part: what every machine gets, and what only control planes may carry."""
    document: Document = {
        "machine": {
            "certSANs": list(cluster.api_names),
            "install": {"image": installer, **install_disk(machine)},
            "kubelet": {
                "nodeIP": {"validSubnets": list(cluster.network.valid_subnets)},
                "extraMounts": extra_mounts(cluster),
            },
            "nodeLabels": node_labels(cluster, machine),
            "features": {
                "kubePrism": {"enabled": True, "port": KUBEPRISM_PORT},
                "hostDNS": {
                    "enabled": True,
                    "forwardKubeDNSToHost": cluster.talos.host_dns_forwarding,
                },
            },
            "sysctls": dict(cluster.talos.sysctls),
            "kernel": {"modules": [{"name": name} for name in cluster.talos.kernel_modules]},
            "udev": {"rules": list(cluster.talos.udev_rules)},
        },
        "cluster": {
            "network": {
                "cni": {"name": "none"},
                "podSubnets": [str(net) for net in cluster.network.pod_subnets],
                "serviceSubnets": [str(net) for net in cluster.network.service_subnets],
            },
        },
    }
    if machine.is_control_plane:
        document["cluster"] |= control_plane(cluster)
    result: Document = pruned(document)
    return result


def control_plane(cluster: Cluster) -> Document:
    """Keys that only a control plane may carry: in a worker's config Talos refuses them."""
    masks = {
        f"node-cidr-mask-size-ipv{net.version}": str(cluster.network.node_mask(net))
        for net in cluster.network.pod_subnets
    }
    if len(masks) == 1:
        # The controller manager refuses the per-family flags on a single-stack cluster.
        masks = {"node-cidr-mask-size": next(iter(masks.values()))}
    return {
        "allowSchedulingOnControlPlanes": cluster.talos.schedule_on_control_planes,
        "proxy": {"disabled": True},
        "apiServer": {"certSANs": list(cluster.api_names)},
        "controllerManager": {"extraArgs": masks},
        "etcd": {"advertisedSubnets": list(cluster.network.valid_subnets)},
    }


def install_disk(machine: Machine) -> Document:
    """Where Talos installs itself: a VM's only disk, or the disk a host's facts name."""
    if machine.metal is None:
        return {"disk": "/dev/sda"}
    match = machine.metal.install_disk
    selector = {"model": match.model, "serial": match.serial}
    if match.min_size_gib:
        selector["size"] = f">= {match.min_size_gib}GiB"
    return {"diskSelector": {key: value for key, value in selector.items() if value}}


def node_labels(cluster: Cluster, machine: Machine) -> Document:
    """The machine's own, and topology for the storage driver, which no fact overrides.

    A schedulable control plane may also announce addresses.
    """
    labels: Document = dict(machine.labels)
    if machine.vm and cluster.proxmox:
        labels |= {REGION_LABEL: cluster.proxmox.region, ZONE_LABEL: machine.vm.host}
    if machine.is_control_plane and cluster.talos.schedule_on_control_planes:
        labels[EXCLUDE_LABEL] = DELETE
    return labels


def extra_mounts(cluster: Cluster) -> list[Document]:
    """What the kubelet's container must see of the host: Longhorn's user volume."""
    if cluster.storage.kind != "longhorn":
        return []
    path = f"/var/mnt/{cluster.storage.volume}"
    options = ["bind", "rshared", "rw"]
    return [{"destination": path, "type": "bind", "source": path, "options": options}]


def hostname(machine: Machine) -> Document:
    """The machine's own name, instead of one that Talos or DHCP would give it."""
    return {
        "apiVersion": "v1alpha1",
        "kind": "HostnameConfig",
        "hostname": machine.name,
        "auto": "off",
    }


def link(cluster: Cluster, machine: Machine) -> Document:
    """The static addresses and default routes of the machine's network card."""
    addresses = []
    for address in machine.addresses:
        net = cluster.network.subnet_of(address)
        mask = net.prefixlen if net else address.max_prefixlen
        addresses.append({"address": f"{address}/{mask}"})
    return {
        "apiVersion": "v1alpha1",
        "kind": "LinkConfig",
        "name": interface(machine),
        "up": True,
        "addresses": addresses,
        "routes": [{"gateway": str(gateway)} for gateway in cluster.network.gateways],
    }


def interface(machine: Machine) -> str:
    """The network card's name; Talos' nocloud images of 1.13 call a VM's first card eth0."""
    return machine.interface or "eth0"


def resolver(cluster: Cluster) -> Document:
    """Name servers and search domains."""
    document: Document = {
        "apiVersion": "v1alpha1",
        "kind": "ResolverConfig",
        "nameservers": [{"address": str(server)} for server in cluster.network.nameservers],
    }
    if cluster.network.search_domains:
        document["searchDomains"] = {"domains": list(cluster.network.search_domains)}
    return document


def time_sync(cluster: Cluster) -> Document:
    """Time servers; certificates are refused by a machine whose clock is wrong."""
    return {
        "apiVersion": "v1alpha1",
        "kind": "TimeSyncConfig",
        "ntp": {"servers": list(cluster.network.time_servers)},
    }


def vips(cluster: Cluster, machine: Machine) -> list[Document]:
    """The API's shared addresses, which control planes pass between them."""
    if not machine.is_control_plane:
        return []
    kind = {"apiVersion": "v1alpha1", "kind": "Layer2VIPConfig"}
    return [kind | {"name": str(vip), "link": interface(machine)} for vip in cluster.network.vips]


def volumes(cluster: Cluster, machine: Machine) -> list[Document]:
    """Encryption of the system partitions, and one user volume per data disk."""
    found: list[Document] = []
    if cluster.talos.encrypt_system_disks:
        encryption = {"provider": "luks2", "keys": [{"slot": 0, "nodeID": {}}]}
        found += [
            {
                "apiVersion": "v1alpha1",
                "kind": "VolumeConfig",
                "name": name,
                "encryption": encryption,
            }
            for name in ("STATE", "EPHEMERAL")
        ]
    disks = machine.metal.data_disks if machine.metal else ()
    return found + [user_volume(disk) for disk in disks]


def user_volume(disk: DataDisk) -> Document:
    """A data disk as a Talos UserVolume, mounted at /var/mnt/<name>; never under EPHEMERAL."""
    terms = ["!system_disk"]
    if disk.match.model:
        terms.append(f'glob("{disk.match.model}", disk.model)')
    if disk.match.serial:
        terms.append(f'disk.serial == "{disk.match.serial}"')
    if disk.match.min_size_gib:
        terms.append(f"disk.size >= {disk.match.min_size_gib}u * GiB")
    return {
        "apiVersion": "v1alpha1",
        "kind": "UserVolumeConfig",
        "name": disk.name,
        "provisioning": {"diskSelector": {"match": " && ".join(terms)}, "minSize": "10GiB"},
        "filesystem": {"type": "xfs"},
    }


def lldp(cluster: Cluster) -> list[Document]:
    """LLDPD's settings; a machine that lost them lost its network at the next restart."""
    if cluster.talos.lldp is None:
        return []
    lines = [
        "configure lldp portidsubtype ifname",
        "unconfigure lldp management-addresses-advertisements",
        "unconfigure lldp capabilities-advertisements",
        f'configure system description "{cluster.talos.lldp.description}"',
    ]
    files = [{"content": "\n".join(lines) + "\n", "mountPath": "/usr/local/etc/lldpd/lldpd.conf"}]
    return [extension_service("lldpd", {"configFiles": files})]


def tailscale(settings: Tailscale, hostname: str, auth_key: str) -> Document:
    """The Tailscale extension on a control plane.

    Its state directory outlives a boot, so a machine that has joined ignores the key, and dropping
    the key restarts nothing. Routes of the tailnet are never accepted: the VIP must not end up in
    the tunnel.
    """
    environment = [
        f"TS_AUTHKEY={auth_key}",
        f"TS_HOSTNAME={hostname}",
        f"TS_ROUTES={','.join(str(net) for net in settings.advertise_routes)}",
        "TS_AUTH_ONCE=true",
        "TS_STATE_DIR=/var/lib/tailscale",
        "TS_ACCEPT_DNS=false",
    ]
    arguments = [f"--advertise-tags={','.join(settings.tags)}", "--accept-routes=false"]
    if settings.login_server:
        arguments.append(f"--login-server={settings.login_server}")
    environment.append(f"TS_EXTRA_ARGS={' '.join(arguments)}")
    return extension_service("tailscale", {"environment": environment})


def extension_service(name: str, body: Document) -> Document:
    """An extension's own configuration document."""
    return {"apiVersion": "v1alpha1", "kind": "ExtensionServiceConfig", "name": name, **body}


def pruned(value: Any) -> Any:
    """Without empty maps and lists, which in a patch only make noise."""
    if isinstance(value, dict):
        kept = {key: pruned(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in ({}, [], None)}
    return value
