"""All machines of a stack: each brought to where it waits to be configured, and configured.

How a machine comes to be there is its stack's step (`steps`): made on a hypervisor, or adopted.
"""

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumiverse_talos as talos
from pulumi import Input, Output, Resource, ResourceOptions

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
    installer_image,
    schematic,
    schematic_id,
)
from components.infrastructure.rollout import TurnsArgs, guard, turns
from components.infrastructure.steps import Ready, Site, Step
from components.naming import child, token
from config import versions
from config.cluster import Cluster
from config.machines import Machine


@dataclass(frozen=True, kw_only=True)
class FleetArgs:
    """The facts, what the layers before give, and the secrets every config is rendered with."""

    cluster: Cluster
    step: Step
    secrets: talos.machine.Secrets
    tailscale_key: Input[str] | None
    view_key: Input[str]


class Fleet(pulumi.ComponentResource):
    """The machines, configured.

    `checked` is there once the ground has been looked at; `founders` are the control planes,
    configured and well, in config order; `made` and `applied` every machine itself and its
    configuration, by its name.
    """

    checked: Output[Any]
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
        expected = schematic_id(args.cluster.talos)
        asked = talos.imagefactory.Schematic(
            child(name, "schematic"), schematic=schematic(args.cluster.talos), opts=self._inside()
        )
        self._installer = installer_image(expected, versions.TALOS, args.step.platform)
        self._bundle = machine_secrets(args.secrets)
        self.checked = args.step.prepare(
            Site(
                name=name,
                parent=self,
                cluster=args.cluster,
                guard=self._guard,
                schematic=asked.id.apply(lambda answered: confirmed(expected, answered)),
                # A certificate is no secret; the output it comes in is, for the keys beside it.
                authority=Output.unsecret(
                    args.secrets.client_configuration.apply(lambda found: found.ca_certificate)
                ),
                client_configuration=args.secrets.client_configuration,
            )
        )
        self.founders, self.made, self.applied = [], {}, {}
        # One after the other: a control plane's turn comes after that of the one before it.
        for machine in args.cluster.machines:
            self.applied[machine.name] = self._configured(machine).applied
        self.register_outputs({})

    def _inside(self) -> ResourceOptions:
        return ResourceOptions(parent=self)

    def _configured(self, machine: Machine) -> ConfiguredMachine:
        """One machine: made, then configured; a control plane when its turn has come."""
        name, config = child(self._name, machine.name), self._rendered(machine)
        if not machine.is_control_plane:
            return self._applied(machine, config, self._args.step.machine(name, machine, None))
        leave = self._turns.before(name, machine, config.text)
        made = self._args.step.machine(name, machine, leave)
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
                checked=self.checked,
                tailscale_key=args.tailscale_key,
            ),
            self,
        )

    def _applied(self, machine: Machine, config: Rendered, made: Ready) -> ConfiguredMachine:
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
