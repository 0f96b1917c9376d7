"""All machines of a stack: preflight, image, and every machine made and configured.

The fork between a machine that is made and one that is adopted lies here and nowhere else.
"""

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_proxmoxve as pve
import pulumiverse_talos as talos
from pulumi import Input, Output, Resource, ResourceOptions

from components import hearth
from components.infrastructure.configuration import (
    ConfiguredMachine,
    ConfiguredMachineArgs,
    Rendered,
    RenderedArgs,
    machine_secrets,
    rendered,
)
from components.infrastructure.image import (
    confirmed,
    disk_image_url,
    installer_image,
    schematic,
    schematic_id,
)
from components.infrastructure.machines import VirtualMachine, VirtualMachineArgs, described
from components.infrastructure.rollout import TurnsArgs, guard, turns
from components.naming import child, token
from config import naming, versions
from config.cluster import Cluster
from config.machines import Machine
from config.proxmox import Proxmox
from config.services import DataOnDestroy


@dataclass(frozen=True, kw_only=True)
class FleetArgs:
    """The facts, what the layers before give, and the secrets every config is rendered with."""

    cluster: Cluster
    proxmox: Proxmox
    pool: Input[str]
    datastore: Input[str] | None
    secrets: talos.machine.Secrets
    tailscale_key: Input[str] | None
    view_key: Input[str]


class Fleet(pulumi.ComponentResource):
    """The machines, configured.

    `founders` are the control planes, configured and well, in config order; `made` and `applied`
    every machine itself and its configuration, by its name.
    """

    founders: list[Resource]
    made: dict[str, Resource]
    applied: dict[str, Resource]

    def __init__(self, name: str, args: FleetArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(token("infrastructure", "Fleet"), name, None, opts)
        self._name, self._args = name, args
        self._guard = guard(name, args.cluster, self)
        self._turns = turns(
            TurnsArgs(
                cluster=args.cluster,
                guard=self._guard,
                parent=self,
                secrets=args.secrets,
                view_key=args.view_key,
            )
        )
        self._schematic = talos.imagefactory.Schematic(
            child(name, "schematic"), schematic=schematic(args.cluster.talos), opts=self._inside()
        )
        expected = schematic_id(args.cluster.talos)
        self._schematic_id = self._schematic.id.apply(
            lambda answered: confirmed(expected, answered)
        )
        self._installer = installer_image(expected, versions.TALOS, "nocloud")
        self._bundle = machine_secrets(args.secrets)
        self._preflight = hearth.Preflight(
            child(name, "preflight"),
            hosts=[{"name": host.name, "bridge": host.bridge} for host in args.proxmox.hosts],
            image_datastore=args.proxmox.image_datastore,
            machine_datastore=args.proxmox.machine_datastore,
            volume_datastore=volume_datastore(args.cluster),
            frees_volumes=frees_volumes(args.cluster),
            # Everything below takes a value from the preflight, so it comes after the quorum too.
            pool=self._guard.passed(args.proxmox.pool),
            machines=described(args.cluster.machines, args.proxmox.machine_datastore),
            opts=self._inside(),
        )
        # A certificate is no secret; the output it comes in is, for the keys beside it.
        self._authority = Output.unsecret(
            args.secrets.client_configuration.apply(lambda found: found.ca_certificate)
        )
        self._images = {host.name: self._image(host.name) for host in args.proxmox.hosts}
        self.founders, self.made, self.applied = [], {}, {}
        # One after the other: a control plane's turn comes after that of the one before it.
        for machine in args.cluster.machines:
            self.applied[machine.name] = self._configured(machine).applied
        self.register_outputs({})

    def _inside(self) -> ResourceOptions:
        return ResourceOptions(parent=self)

    def _image(self, host: str) -> Output[str]:
        """The stack's Talos image on one host: files are per host unless a datastore is shared."""
        stack = self._args.cluster.name
        file = pve.download.File(
            child(self._name, "image", host),
            node_name=host,
            datastore_id=self._preflight.image_datastore,
            content_type="import",
            url=self._schematic_id.apply(lambda found: disk_image_url(found, versions.TALOS)),
            file_name=self._schematic_id.apply(
                lambda found: naming.image_file(stack, versions.TALOS, found)
            ),
            # True compares sizes with the URL at every refresh and replaces on a difference.
            overwrite=False,
            opts=self._inside(),
        )
        identifier: Output[str] = file.id
        return identifier

    def _configured(self, machine: Machine) -> ConfiguredMachine:
        """One machine: made, then configured; a control plane when its turn has come."""
        name, config = child(self._name, machine.name), self._rendered(machine)
        if not machine.is_control_plane:
            return self._applied(machine, config, self._made(machine))
        made = self._made(machine, self._turns.before(name, machine, config.text))
        configured = self._applied(machine, config, made)
        back = self._turns.after(
            name, machine, config.text, made=made.resource, applied=configured.applied
        )
        self.founders.append(back)
        return configured

    def _rendered(self, machine: Machine) -> Rendered:
        """A machine's configuration, which is there before the machine."""
        args = self._args
        return rendered(
            RenderedArgs(
                cluster=args.cluster,
                machine=machine,
                installer=self._installer,
                secrets=self._bundle,
                tailscale_key=args.tailscale_key,
            ),
            self,
        )

    def _applied(
        self, machine: Machine, config: Rendered, made: VirtualMachine
    ) -> ConfiguredMachine:
        """A machine that is there, given its configuration."""
        self.made[machine.name] = made.resource
        return ConfiguredMachine(
            child(self._name, machine.name),
            ConfiguredMachineArgs(
                machine=machine,
                address=made.address,
                made=[made.resource],
                configuration=config,
                secrets=self._args.secrets,
                view_key=self._args.view_key,
            ),
            opts=self._inside(),
        )

    def _made(self, machine: Machine, leave: Output[Any] | None = None) -> VirtualMachine:
        """A virtual machine on its host, made or changed once it has leave to."""
        host = self._args.proxmox.host(machine.vm.host) if machine.vm else None
        if host is None:
            raise ValueError(f"{machine.name} stands on no host of this stack")
        # The claim on the volumes' datastore comes first, so that it is released last: volumes can
        # be freed only when no machine holds them any more.
        claimed = Output.all(self._preflight.machine_datastore, self._args.datastore)
        return VirtualMachine(
            child(self._name, machine.name),
            VirtualMachineArgs(
                cluster=self._args.cluster,
                machine=machine,
                host=host,
                pool=self._args.pool,
                image=self._images[host.name],
                datastore=claimed.apply(lambda values: values[0]),
                authority=self._authority,
                leave=leave,
            ),
            opts=self._inside(),
        )


def volume_datastore(cluster: Cluster) -> str | None:
    """The datastore volumes go to, when Proxmox keeps them."""
    return cluster.storage.datastore if cluster.storage.kind == "proxmoxCsi" else None


def frees_volumes(cluster: Cluster) -> bool:
    """Whether a destroy frees volumes on that datastore; on a shared one it only lists them."""
    storage = cluster.storage
    return (
        storage.kind == "proxmoxCsi"
        and storage.data_on_destroy is DataOnDestroy.SWEEP
        and not storage.shared_datastore
    )
