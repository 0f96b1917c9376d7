"""The one fork of the program: a machine that is made, or a host that is adopted.

A step brings a machine to where Talos answers at its production address and waits to be configured.
Everything before it and after it is the same for both; which of them a stack takes is said in
`stacks/`. No vendor is named here.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import pulumi
from pulumi import Input, Output, Resource, ResourceOptions

from components.infrastructure.rollout import Guard
from config.cluster import Cluster
from config.machines import Machine


@dataclass(frozen=True, kw_only=True)
class Site:
    """What a step builds on.

    `name` begins the names of what it makes, `parent` holds it. `guard` lets the plan through,
    `schematic` is the image factory's id once it has been asked, `authority` is the cluster's, by
    which its own machines are told from others; `client_configuration` lets them be asked.
    """

    name: str
    parent: Resource
    cluster: Cluster
    guard: Guard
    schematic: Output[str]
    authority: Output[str]
    client_configuration: Output[Any]

    def inside(self) -> ResourceOptions:
        """Options of a resource that needs none but its parent."""
        return ResourceOptions(parent=self.parent)


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A machine that waits to be configured: the resource that is its life, and its address."""

    resource: pulumi.CustomResource
    address: Input[str]


class Step(Protocol):
    """How the machines of a stack come to be."""

    @property
    def platform(self) -> str:
        """Talos' word for what its image runs on; the installer is made for it."""

    def prepare(self, site: Site) -> Output[Any]:
        """What all machines need: checks of the ground, which the output waits for, and images."""

    def machine(self, name: str, machine: Machine, leave: Output[Any] | None) -> Ready:
        """One machine; with `leave`, it changes once that is there."""


async def held(value: str, leave: Output[Any] | None) -> str:
    """A value that is given out once `leave` is there; the engine sees no dependency in it.

    One that it remembers would make a destroy take control planes one by one, and a machine made
    anew would look along it for what else to replace.
    """
    if leave is not None:
        await leave.future()
    return value
