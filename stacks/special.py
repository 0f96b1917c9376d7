"""What one cluster does its own way; everything else is the same for all and stands in `cluster`.

`test_cluster` and `home_ops` are the two ways there are so far. Which one a stack takes follows
from where its machines come from.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi import ProviderResource, ResourceOptions

from components import hearth
from components.infrastructure import Infrastructure
from components.infrastructure.steps import Step
from config.cluster import Cluster
from config.identity import Identity
from stacks.keys import StackKeys
from stacks.zone import Zone


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that a stack is made from: the facts, the identity's public halves, the secrets."""

    cluster: Cluster
    identity: Identity
    keys: StackKeys


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What the machines stand on.

    `providers` reach what is outside of the cluster.
    """

    hearth: hearth.Provider
    step: Step
    providers: Sequence[ProviderResource] = ()


class Special(ABC):
    """One cluster's own way, asked in the order of the layers."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts

    @abstractmethod
    def ground(self) -> Ground:
        """The auth layer, and how machines come to be."""

    def storage(self, inside: ResourceOptions) -> None:
        """What volumes need in the cluster, where the program brings it."""
        del inside

    def names(
        self, ground: Ground, infrastructure: Infrastructure, networked: ResourceOptions
    ) -> Zone | None:
        """The DNS layer: the zone that the cluster serves itself, where it serves one."""
        del ground, infrastructure, networked
        return None


def special(facts: Facts) -> Special:
    """The way of a stack. Only its own vendors' SDKs are loaded: each costs every run seconds."""
    cluster = facts.cluster
    made = [machine.name for machine in cluster.machines if machine.vm]
    adopted = [machine.name for machine in cluster.machines if machine.metal]
    if made and adopted:
        raise pulumi.RunError(
            f"{cluster.name}: {', '.join(made)} are to be made and {', '.join(adopted)} to be "
            "adopted, and a stack does one or the other so far; see docs/scope.md"
        )
    if cluster.proxmox is not None:
        from stacks.test_cluster import OnProxmox  # noqa: PLC0415 (loads Proxmox' SDK)

        return OnProxmox(facts, cluster.proxmox)
    from stacks.home_ops import OnHosts  # noqa: PLC0415 (loads what only physical hosts need)

    return OnHosts(facts)
