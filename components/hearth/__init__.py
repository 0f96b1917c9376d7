"""The program's side of our own provider: one class per resource of `provider/`.

Thin on purpose: names and types of inputs and outputs, nothing that thinks.
"""

from components.hearth.cloudflare import CloudflarePreflight, RecordSweep, TunnelConnections
from components.hearth.cluster import (
    Anchor,
    Bootstrap,
    Condition,
    Gate,
    Membership,
    Quorum,
    Turn,
)
from components.hearth.flux import Convergence
from components.hearth.hosts import AdoptedHost, HostPreflight
from components.hearth.machines import MachineAnswers, Preflight
from components.hearth.outside import Delegation, VolumeSweep
from components.hearth.provider import Provider
from components.hearth.wire import camel, snake, talos_client

__all__ = [
    "AdoptedHost",
    "Anchor",
    "Bootstrap",
    "CloudflarePreflight",
    "Condition",
    "Convergence",
    "Delegation",
    "Gate",
    "HostPreflight",
    "MachineAnswers",
    "Membership",
    "Preflight",
    "Provider",
    "Quorum",
    "RecordSweep",
    "TunnelConnections",
    "Turn",
    "VolumeSweep",
    "camel",
    "snake",
    "talos_client",
]
