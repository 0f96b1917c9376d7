# SPDX-License-Identifier: AGPL-3.0-or-later
"""The documents people hand to the simulator: what the host looks like at first, and faults.

In the vendor's own words, checked by pydantic so that a typing error is a sentence and not a
surprise. It applies nothing.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic.alias_generators import to_camel

# Below it lies all of the API that answers in JSON.
API = "/api2/json"
GIB = 1024**3


class _Document(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True
    )


class Bridge(_Document):
    """A Linux bridge of a node."""

    name: str = "vmbr0"
    cidr: str | None = None
    ports: str = ""
    vlan_aware: bool = False


class Storage(_Document):
    """One entry of storage.cfg."""

    name: str
    type: Literal["dir", "zfspool", "lvmthin"]
    content: list[str] = Field(min_length=1)
    size_gi_b: Annotated[int, Field(gt=0, alias="sizeGiB")] = 100
    path: str | None = None
    pool: str | None = None


class TokenSetup(_Document):
    """An API token that exists at start."""

    id: str
    secret: str
    privsep: bool = True
    comment: str | None = None


class UserSetup(_Document):
    """A user that exists at start."""

    id: str
    password: str | None = None
    comment: str | None = None
    groups: list[str] = []
    tokens: list[TokenSetup] = []


class RoleSetup(_Document):
    """A role that exists at start."""

    id: str
    privileges: list[str]


class AclSetup(_Document):
    """An access control entry that exists at start; one of user, group or token."""

    path: str
    role: str
    user: str | None = None
    group: str | None = None
    token: str | None = None
    propagate: bool = True


class Setup(_Document):
    """A Proxmox VE host as it was before anybody's program touched it."""

    nodes: list[str] = Field(min_length=1)
    version: str = "9.0.10"
    bridges: list[Bridge] = [Bridge()]
    storages: list[Storage] = []
    groups: list[str] = []
    users: list[UserSetup]
    roles: list[RoleSetup] = []
    acl: list[AclSetup] = []
    pools: list[str] = []
    # PVE seconds to real ones: 0 ends every task before its request is answered.
    time_scale: Annotated[float, Field(ge=0)] = 0.0


class Fail(_Document):
    """Answer requests whose path ends with (or whose template is) `path` with an error."""

    kind: Literal["fail"]
    method: str
    path: str
    error: str | None = None
    status: int | None = None
    message: str | None = None
    times: int | None = None


class SlowNetwork(_Document):
    """Seconds added to every answer (times the time scale)."""

    kind: Literal["slow-network"]
    latency: float
    jitter: float = 0.0


class LateAnswer(_Document):
    """Requests of a method, below a path of the API, are carried out at once and answered late.

    Real seconds, whatever the time scale: so that something can happen between deed and answer.
    """

    kind: Literal["late-answer"]
    method: str
    path: str
    seconds: Annotated[float, Field(gt=0)]


class FlakyNetwork(_Document):
    """A share of requests dropped or left unanswered."""

    kind: Literal["flaky-network"]
    drop_rate: float = 0.0
    hang_rate: float = 0.0
    hang_seconds: float = 120
    seed: int | None = None


class QuorumLost(_Document):
    """`/etc/pve` is read-only."""

    kind: Literal["quorum-lost"]


class NodeOffline(_Document):
    """Requests for the node are answered 595."""

    kind: Literal["node-offline"]
    node: str


class StorageOffline(_Document):
    """The storage cannot be activated."""

    kind: Literal["storage-offline"]
    storage: str


class StorageFull(_Document):
    """The storage has no byte left."""

    kind: Literal["storage-full"]
    storage: str


class ConfigLock(_Document):
    """Somebody holds the lock of a guest's configuration file."""

    kind: Literal["config-lock"]
    vmid: int


class GuestLock(_Document):
    """A guest left locked by an interrupted backup, snapshot or migration."""

    kind: Literal["guest-lock"]
    vmid: int
    lock: str = "backup"


class StartError(_Document):
    """The guest's QEMU does not start."""

    kind: Literal["start-error"]
    vmid: int
    message: str = "start failed: QEMU exited with code 1"


class DeafGuest(_Document):
    """The guest ignores ACPI: a shutdown runs into its timeout."""

    kind: Literal["deaf-guest"]
    vmid: int


class RevokeTickets(_Document):
    """Every login ticket is void from now on."""

    kind: Literal["revoke-tickets"]


Fault = Annotated[
    Fail
    | SlowNetwork
    | LateAnswer
    | FlakyNetwork
    | QuorumLost
    | NodeOffline
    | StorageOffline
    | StorageFull
    | ConfigLock
    | GuestLock
    | StartError
    | DeafGuest
    | RevokeTickets,
    Field(discriminator="kind"),
]
FAULT: TypeAdapter[Fault] = TypeAdapter(Fault)
