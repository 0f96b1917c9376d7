"""The Proxmox side: there exactly when a machine is a VM, hosts known, datastores told apart."""

from collections.abc import Iterator
from difflib import get_close_matches

from config.cluster import Cluster
from config.naming import CLUSTER_NAME_MAX
from config.rules.model import Finding, over_cluster
from config.services import ProxmoxCsi

# Proxmox' own default names of block storage, which holds no files and hence no image to import.
BLOCK_DATASTORES = ("local-lvm", "local-zfs")


@over_cluster("proxmox-section", "The proxmox section is there exactly when a machine is a VM")
def proxmox_section(cluster: Cluster) -> Iterator[Finding]:
    """VMs need a hypervisor; a hypervisor without VMs would only cost a credential."""
    made = [machine.name for machine in cluster.machines if machine.vm]
    if made and cluster.proxmox is None:
        yield Finding(
            path="proxmox",
            value=None,
            message=f"there is no proxmox section, and {', '.join(made)} are VMs",
            fix="add `proxmox:` with endpoint, region, hosts, pool and datastores",
        )
    elif cluster.proxmox is not None and not made:
        yield Finding(
            path="proxmox",
            value=cluster.proxmox.endpoint,
            message=f"{cluster.proxmox.endpoint} is configured, and no machine is a VM",
            fix="drop the section, or give a machine `vm`",
        )


@over_cluster("vm-host-known", "A VM's host is one of proxmox.hosts")
def vm_host_known(cluster: Cluster) -> Iterator[Finding]:
    """The bridge it is plugged into is looked up there."""
    if cluster.proxmox is None:
        return
    known = [host.name for host in cluster.proxmox.hosts]
    for index, machine in enumerate(cluster.machines):
        if machine.vm and machine.vm.host not in known:
            near = get_close_matches(machine.vm.host, known, n=1)
            fix = f"did you mean {near[0]}?" if near else "add the host to proxmox.hosts"
            yield Finding(
                path=f"machines[{index}].vm.host",
                value=machine.vm.host,
                message=f"{machine.vm.host} is not in proxmox.hosts ({', '.join(known)})",
                fix=fix,
            )


@over_cluster("unique-host", "Proxmox hosts have names of their own")
def unique_host(cluster: Cluster) -> Iterator[Finding]:
    """A VM's bridge is looked up by its host's name."""
    seen: dict[str, int] = {}
    for index, host in enumerate(cluster.proxmox.hosts if cluster.proxmox else ()):
        first = seen.setdefault(host.name, index)
        if first != index:
            yield Finding(
                path=f"proxmox.hosts[{index}].name",
                value=host.name,
                message=f"{host.name} is also the name of hosts[{first}]",
                fix="keep one entry per host",
            )


@over_cluster("image-datastore", "The image datastore can hold files")
def image_datastore(cluster: Cluster) -> Iterator[Finding]:
    """Only file storage (directory, NFS, CIFS, CephFS) carries the content type Import."""
    proxmox = cluster.proxmox
    if proxmox and proxmox.image_datastore in BLOCK_DATASTORES:
        same = proxmox.image_datastore == proxmox.machine_datastore
        also = ", where the machines' disks lie (proxmox.machineDatastore)" if same else ""
        yield Finding(
            path="proxmox.imageDatastore",
            value=proxmox.image_datastore,
            message=f"{proxmox.image_datastore} is block storage{also}; it holds no image files",
            fix="name file storage with the content type Import, such as `local`",
        )


@over_cluster("csi-needs-proxmox", "Storage of kind proxmoxCsi needs Proxmox machines")
def csi_needs_proxmox(cluster: Cluster) -> Iterator[Finding]:
    """The driver attaches disks to VMs of one Proxmox cluster; boxes have no such socket."""
    if not isinstance(cluster.storage, ProxmoxCsi):
        return
    boxes = [machine.name for machine in cluster.machines if machine.metal and not machine.vm]
    if boxes:
        yield Finding(
            path="storage.kind",
            value=cluster.storage.kind,
            message=f"proxmoxCsi attaches disks to VMs, and {', '.join(boxes)} are metal",
            fix="use `kind: longhorn`, or make these machines VMs",
        )


@over_cluster("owned-datastore", "A datastore that is not shared holds the cluster's volumes only")
def owned_datastore(cluster: Cluster) -> Iterator[Finding]:
    """A sweep frees what lies there; machine disks and images must not."""
    storage, proxmox = cluster.storage, cluster.proxmox
    if not isinstance(storage, ProxmoxCsi) or storage.shared_datastore or proxmox is None:
        return
    others = {
        "machineDatastore": proxmox.machine_datastore,
        "imageDatastore": proxmox.image_datastore,
    }
    for key, name in others.items():
        if name == storage.datastore:
            yield Finding(
                path="storage.datastore",
                value=storage.datastore,
                message=f"{storage.datastore} is also proxmox.{key}, and sharedDatastore is false",
                fix="say `sharedDatastore: true`, or give the volumes a datastore of their own",
            )


@over_cluster("name-length", f"The cluster's name has at most {CLUSTER_NAME_MAX} signs")
def name_length(cluster: Cluster) -> Iterator[Finding]:
    """Cilium refuses a longer one, and the derived Proxmox names would not fit either."""
    if len(cluster.name) > CLUSTER_NAME_MAX:
        yield Finding(
            path="name",
            value=cluster.name,
            message=f"{cluster.name} has {len(cluster.name)} signs; "
            f"Cilium's cluster name ends at {CLUSTER_NAME_MAX}",
            fix="shorten it, and the stack's name with it",
        )
