"""A machine that is made: one Proxmox VE virtual machine, booted into Talos' maintenance mode.

Everything after it (configuration, bootstrap, gates) is the same for a machine that was adopted.
Addresses come from the facts; the guest agent is never asked for them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_proxmoxve as pve
from pulumi import Input, Output, ResourceOptions

from components import hearth
from components.infrastructure.steps import held
from components.naming import child, token
from config.cluster import Cluster
from config.machines import Machine
from config.proxmox import Host
from config.talos import Extension

# A fresh VM's image is copied from the datastore's import folder; PVE allows one hour.
CREATE_SECONDS = 1800
AGENT_TIMEOUT = "1m"
# A machine's only disk of its own; whatever else hangs on it is the storage driver's.
OWN_DISK = "scsi0"
DISK_OPTIONS: dict[str, Any] = {
    "file_format": "raw",
    "discard": "on",
    "iothread": True,
    "ssd": True,
}


@dataclass(frozen=True, kw_only=True)
class VirtualMachineArgs:
    """The machine's facts, its host, and what the layers before give: pool, image, datastore.

    `leave` is there once this machine may change, if it has to wait for another one's change.
    `authority` is the cluster's, by which its own machines are told from others.
    """

    cluster: Cluster
    machine: Machine
    host: Host
    pool: Input[str]
    image: Input[str]
    datastore: Input[str]
    authority: Input[str]
    leave: Output[Any] | None = None


class VirtualMachine(pulumi.ComponentResource):
    """One VM; `address` is where its maintenance mode answers, known once it does."""

    address: Output[str]
    resource: pve.VmLegacy

    def __init__(
        self, name: str, args: VirtualMachineArgs, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__(token("infrastructure", "VirtualMachine"), name, None, opts)
        machine, vm = args.machine, args.machine.vm
        if vm is None:
            raise ValueError(f"{machine.name} has no `vm` section")
        self.resource = pve.VmLegacy(
            name,
            vm_id=vm.id,
            name=held(machine.name, args.leave),
            node_name=vm.host,
            pool_id=args.pool,
            description=f"Talos machine of the cluster {args.cluster.name}",
            tags=sorted([args.cluster.name, "talos", machine.role.talos]),
            machine="q35",
            bios="seabios",
            # The provider's defaults (qemu64, i440fx, 512 MiB) do not boot Talos.
            operating_system={"type": "l26"},
            cpu={"cores": vm.cores, "type": "host"},
            memory={"dedicated": vm.memory_mib},
            # The storage driver attaches disks to this controller only.
            scsi_hardware="virtio-scsi-single",
            disks=[system_disk(args)],
            boot_orders=[OWN_DISK],
            network_devices=[network_device(args)],
            initialization=initialization(args),
            agent=agent(args.cluster),
            on_boot=True,
            started=True,
            # Stopping hard needs no agent and cannot hang; Talos survives a power cut.
            stop_on_destroy=True,
            # The provider would reboot all control planes at once.
            reboot_after_update=False,
            # What the storage driver attached is no part of `disks`: the provider reads only the
            # disks of its state, so no `ignore_changes` is needed, and Proxmox VE frees with a
            # machine only what is named after it. But a change of the own disk would take those
            # off (bpg/terraform-provider-proxmox 0.111, `vmUpdate`): preflight refuses it.
            delete_unreferenced_disks_on_destroy=False,
            purge_on_destroy=True,
            timeout_create=CREATE_SECONDS,
            opts=ResourceOptions(
                parent=self,
                # Its successor has the same addresses, card and (unless that is what changes) ID:
                # side by side they would take each other's traffic.
                delete_before_replace=True,
                # Neither a destroy nor a change that replaces takes a protected stack's machines.
                protect=args.cluster.protected,
                ignore_changes=[
                    # Read back as an empty object for ever (pulumi-proxmoxve#664).
                    "disks[0].speed",
                    # Imported once; a newer image is for machines made later.
                    "disks[0].importFrom",
                ],
            ),
        )
        self.address = self._answering(name, args).address
        self.register_outputs({"address": self.address})

    def _answering(self, name: str, args: VirtualMachineArgs) -> hearth.MachineAnswers:
        """Talos answers, and it is no other cluster's machine."""
        address = str(args.machine.addresses[0])
        return hearth.MachineAnswers(
            child(name, "answers"),
            machine=args.machine.name,
            address=self.resource.vm_id.apply(lambda _: address),
            authority=args.authority,
            deadline_seconds=args.cluster.deadlines.machine_seconds,
            hint=(
                f"The console of VM {args.machine.vm.id if args.machine.vm else ''} on "
                f"{args.host.name} shows whether Talos runs, and with which address. Compare "
                "bridge, VLAN, gateways and addresses of the stack's facts with your network; "
                "then run `pulumi up` again."
            ),
            # A machine that was made anew has to boot first.
            opts=ResourceOptions(parent=self, replace_with=[self.resource]),
        )


def system_disk(args: VirtualMachineArgs) -> pve.VmLegacyDiskArgs:
    """The only disk of our own: the Talos image, grown to the size the facts give."""
    vm = args.machine.vm
    return pve.VmLegacyDiskArgs(
        interface=OWN_DISK,
        datastore_id=args.datastore,
        import_from=args.image,
        size=vm.disk_gib if vm else None,
        **DISK_OPTIONS,
    )


def described(machines: Iterable[Machine], datastore: str) -> list[dict[str, Any]]:
    """The machines as preflight has to know them: whatever of them changes is checked for."""
    disk = {"interface": OWN_DISK, "datastore": datastore, "options": DISK_OPTIONS}
    return [
        {
            "name": machine.name,
            "id": machine.vm.id,
            "host": machine.vm.host,
            "address": str(machine.addresses[0]),
            "cores": machine.vm.cores,
            "memory_mib": machine.vm.memory_mib,
            "disk": disk | {"size_gib": machine.vm.disk_gib},
        }
        for machine in machines
        if machine.vm
    ]


def network_device(args: VirtualMachineArgs) -> pve.VmLegacyNetworkDeviceArgs:
    """One card on the host's bridge, with the MAC address of the facts."""
    return pve.VmLegacyNetworkDeviceArgs(
        bridge=args.host.bridge,
        model="virtio",
        mac_address=args.machine.mac,
        vlan_id=args.cluster.network.vlan,
    )


def initialization(args: VirtualMachineArgs) -> pve.VmLegacyInitializationArgs:
    """The cloud-init drive: in maintenance mode it is all that gives the machine its address."""
    network = args.cluster.network
    config: dict[str, dict[str, str]] = {}
    for address in args.machine.addresses:
        net = network.subnet_of(address)
        family = {"address": f"{address}/{net.prefixlen if net else address.max_prefixlen}"}
        gateway = next((item for item in network.gateways if item.version == address.version), None)
        if gateway:
            family["gateway"] = str(gateway)
        config[f"ipv{address.version}"] = family
    return pve.VmLegacyInitializationArgs(
        datastore_id=args.datastore,
        interface="ide2",
        type="nocloud",
        ip_configs=[config],
        dns={"servers": [str(server) for server in network.nameservers]},
    )


def agent(cluster: Cluster) -> pve.VmLegacyAgentArgs:
    """The guest agent, where the image carries it: for clean shutdowns, never for addresses."""
    enabled = Extension.QEMU_GUEST_AGENT in cluster.talos.extensions
    return pve.VmLegacyAgentArgs(
        enabled=enabled, timeout=AGENT_TIMEOUT, wait_for_ip={"disabled": True}
    )
