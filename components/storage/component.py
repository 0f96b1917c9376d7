"""The storage layer: a claim on the datastore that outlasts the machines, and the CSI driver.

The claim is its own component because it stands before the infrastructure: resources go in the
reverse order of their making, and volumes can be freed only when no machine holds them any more.
"""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s
from pulumi import Input, Output, ResourceOptions

from components import hearth, kubernetes, namespaces
from components.naming import child, token
from components.storage import csi
from config import versions
from config.cluster import Cluster
from config.proxmox import Proxmox
from config.services import ProxmoxCsi

RELEASE_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class VolumeClaimArgs:
    """The facts of cluster, hosts and datastore."""

    cluster: Cluster
    proxmox: Proxmox
    csi: ProxmoxCsi


class VolumeClaim(pulumi.ComponentResource):
    """Whose volumes lie on the datastore, and what becomes of them at the end."""

    datastore: Output[str]

    def __init__(
        self, name: str, args: VolumeClaimArgs, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__(token("storage", "VolumeClaim"), name, None, opts)
        sweep = hearth.VolumeSweep(
            child(name, "sweep"),
            datastore=args.csi.datastore,
            hosts=hosts_with_machines(args),
            region=args.proxmox.region,
            shared=args.csi.shared_datastore,
            data_on_destroy=args.csi.data_on_destroy.value,
            # Its deletion is what frees data.
            opts=ResourceOptions(parent=self, protect=args.cluster.protected),
        )
        self.datastore = sweep.datastore
        self.register_outputs({"datastore": self.datastore})


def hosts_with_machines(args: VolumeClaimArgs) -> list[str]:
    """Where the driver can have made volumes: it makes them on the host of a pod's machine."""
    used = {machine.vm.host for machine in args.cluster.machines if machine.vm}
    return [host.name for host in args.proxmox.hosts if host.name in used]


@dataclass(frozen=True, kw_only=True)
class StorageArgs:
    """The facts, and the driver's token from the auth layer."""

    cluster: Cluster
    proxmox: Proxmox
    csi: ProxmoxCsi
    token: Input[str]


class Storage(pulumi.ComponentResource):
    """The CSI driver with its StorageClass; the class is the program's, as the driver is."""

    def __init__(self, name: str, args: StorageArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(token("storage", "Storage"), name, None, opts)
        here = ResourceOptions(parent=self)
        namespace = kubernetes.Namespace(
            child(name, "namespace"),
            # The node plugin mounts disks.
            metadata=namespaces.metadata(csi.NAMESPACE, "privileged"),
            opts=here,
        )
        config = Output.secret(args.token).apply(
            lambda value: csi.driver_config(args.cluster.name, args.proxmox, value)
        )
        secret = kubernetes.Secret(
            child(name, "config"),
            metadata={"name": csi.CONFIG_SECRET, "namespace": namespace.metadata["name"]},
            string_data={csi.CONFIG_KEY: config},
            opts=here,
        )
        chart = versions.PROXMOX_CSI
        k8s.helm.v3.Release(
            child(name, "driver"),
            name=chart.name,
            namespace=secret.metadata["namespace"],
            chart=chart.reference,
            version=chart.version,
            values=csi.values(args.cluster, args.proxmox, args.csi),
            timeout=RELEASE_SECONDS,
            opts=here,
        )
        self.register_outputs({})
