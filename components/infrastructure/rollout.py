"""The order in which control planes change: one at a time, and each when the others are well.

Around every control plane stand two turns, one before its machine and one after its configuration;
each control plane's first waits for the second of the one before it. Turns are taken only where
something changes, so a run without changes asks nobody. Machines that are made for the first time
are not held up: there is no cluster yet that could lose them. Workers are none of this.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumiverse_talos as talos
from pulumi import Input, Output, Resource, ResourceOptions

from components import hearth
from components.infrastructure.view import digest
from components.naming import child
from config.cluster import Cluster
from config.machines import Machine


def costly_facts(machine: Machine) -> dict[str, str]:
    """Every fact whose change replaces a machine or cuts it off, in words for a refusal.

    A VM's number and host replace it; a new card or address takes it off the network while it runs.
    Not here is the datastore: Proxmox' provider refuses to move the disk of a machine that is on.
    """
    facts = {
        "MAC address": machine.mac,
        "addresses": ", ".join(str(address) for address in machine.addresses),
    }
    if machine.metal and machine.metal.uuid:
        facts["system UUID"] = machine.metal.uuid
    if machine.vm:
        facts |= {"VMID": str(machine.vm.id), "host": machine.vm.host}
    return facts


def guard(name: str, cluster: Cluster, parent: Resource) -> "Guard":
    """The quorum of a stack's control planes, to be taken from before anything is made."""
    founding = Founding()
    quorum = hearth.Quorum(
        child(name, "quorum"),
        cluster=cluster.name,
        control_planes={item.name: costly_facts(item) for item in cluster.control_planes},
        opts=ResourceOptions(parent=parent, hooks=founding.hooks(child(name, "founding"))),
    )
    return Guard(quorum=quorum, founding=founding)


class Founding:
    """Whether this very run makes the cluster, as told by the engine when it creates the quorum.

    A hook and no gate: nothing is done in it, so nothing is lost when it does not run. Then the run
    counts as one on a standing cluster, which is the careful reading.
    """

    def __init__(self) -> None:
        self.now = False

    def hooks(self, name: str) -> pulumi.ResourceHookBinding:
        """What the engine calls ahead of creating the resource that they are given to."""
        hook = pulumi.ResourceHook(name, self.begin)
        return pulumi.ResourceHookBinding(before_create=[hook])

    def begin(self, _args: pulumi.ResourceHookArgs) -> None:
        """The quorum is not in the state: no run before this one has come as far."""
        self.now = True


@dataclass(frozen=True, kw_only=True)
class Guard:
    """The quorum, and what creating it told."""

    quorum: hearth.Quorum
    founding: Founding

    def passed(self, value: Input[Any]) -> Output[Any]:
        """A value that is known once the plan has been let through."""
        return Output.all(self.quorum.cluster, value).apply(lambda values: values[1])

    def is_founding(self) -> Output[bool]:
        """Whether the cluster is only being made; known once the quorum is there."""
        return self.quorum.urn.apply(lambda _: self.founding.now)

    def unless_founding(self, value: Input[Any]) -> Output[Any]:
        """What to wait for: this on a standing cluster, nothing while it is being founded."""
        return self.quorum.urn.apply(lambda _: [] if self.founding.now else value)


def turns(args: "TurnsArgs") -> "Turns":
    """The turns of a stack's control planes; none is made before it is asked for."""
    return Turns(args)


@dataclass(frozen=True, kw_only=True)
class TurnsArgs:
    """The facts, the guard, the credentials that machines are asked with, and the turns' parent."""

    cluster: Cluster
    guard: Guard
    parent: Resource
    secrets: talos.machine.Secrets
    view_key: Input[str]


class Turns:
    """Makes the turns of control planes, asked for in config order.

    For every control plane: `before`, then its machine with the leave that this gives, then its
    configuration, then `after`.
    """

    def __init__(self, args: TurnsArgs) -> None:
        self._args = args
        self._last: list[Resource] = []

    def trigger(self, machine: Machine, config: Output[str]) -> Output[Mapping[str, str]]:
        """What makes the turns of a machine be taken: its configuration, hashed, and its facts."""
        facts = costly_facts(machine)

        def hashed(values: list[str]) -> dict[str, str]:
            return {"configuration": digest(values[0], values[1].encode()), **facts}

        return Output.unsecret(Output.all(config, self._args.view_key).apply(hashed))

    def before(self, name: str, machine: Machine, config: Output[str]) -> Output[Any]:
        """Leave to change a control plane's machine, which is there once its turn has come."""
        turn = self._turn(
            child(name, "turn"),
            machine,
            config,
            others_only=True,
            opts=ResourceOptions(
                parent=self._args.parent,
                # No value flows from one control plane to the next, only leave to change.
                depends_on=self._args.guard.unless_founding(self._last),
                # True in the run that founds, false ever after: no news to a reader.
                hide_diffs=["founding"],
            ),
        )
        return self._args.guard.unless_founding(turn.urn)

    def after(
        self,
        name: str,
        machine: Machine,
        config: Output[str],
        *,
        made: Resource,
        applied: Resource,
    ) -> hearth.Turn:
        """What the next control plane waits for."""
        turn = self._turn(
            child(name, "back"),
            machine,
            config,
            others_only=False,
            opts=ResourceOptions(
                parent=self._args.parent,
                # It looks whether the machine is back, so the configuration has to be applied.
                depends_on=[applied],
                # A machine made anew with the same facts changes no input here.
                replace_with=[made],
                # True in the run that founds, false ever after: no news to a reader.
                hide_diffs=["founding"],
            ),
        )
        self._last = [turn]
        return turn

    def _turn(
        self,
        name: str,
        machine: Machine,
        config: Output[str],
        *,
        others_only: bool,
        opts: ResourceOptions,
    ) -> hearth.Turn:
        args, deadlines = self._args, self._args.cluster.deadlines
        return hearth.Turn(
            name,
            machine=machine.name,
            others_only=others_only,
            trigger=self.trigger(machine, config),
            control_planes={
                item.name: str(item.addresses[0]) for item in args.cluster.control_planes
            },
            client_configuration=args.secrets.client_configuration,
            founding=args.guard.is_founding(),
            deadline_seconds=deadlines.turn_seconds if others_only else deadlines.back_seconds,
            opts=opts,
        )
