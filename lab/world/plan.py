"""What a world consists of, as values: addresses, names, services, environment.

A plan crosses into the namespaces as a JSON file, so it holds data only. It knows no vendor and no
stack; `lab.world.services` fills it in.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

MARK = "HEARTH_LAB"  # every process of a lab carries its lab's id in this variable
BRIDGE = "br0"
SUPERVISOR = "lab.world.supervisor"  # the module that is PID 1 of a lab


@dataclass(frozen=True, kw_only=True)
class HttpProbe:
    """Ready when a GET answers 200. HTTPS is checked against the lab's own authority."""

    url: str
    kind: Literal["http"] = "http"


@dataclass(frozen=True, kw_only=True)
class PortProbe:
    """Ready when a TCP connection is accepted."""

    host: str
    port: int
    kind: Literal["port"] = "port"


@dataclass(frozen=True, kw_only=True)
class FileProbe:
    """Ready when a file exists."""

    path: Path
    kind: Literal["file"] = "file"


Probe = HttpProbe | PortProbe | FileProbe


@dataclass(frozen=True, kw_only=True)
class Service:
    """One supervised process: started when those in `after` are ready, ready by `probe`.

    `deadline` (seconds) counts from its start; `names` are DNS names it serves at `address`.
    """

    name: str
    argv: tuple[str, ...]
    probe: Probe
    after: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    deadline: float = 60.0
    names: tuple[str, ...] = ()
    address: str | None = None


@dataclass(frozen=True, kw_only=True)
class WorldPlan:
    """A whole world.

    `addresses` are the operator's on the bridge, with prefix lengths; `gateways` are the LAN's, on
    the bridge too; `environment` is what services and shells see; `cwd` is where they start;
    `folders` exist when the first one does.
    `covers` are files of ours and the files they are mounted over, inside only. `deadline`
    (seconds) is for all of it to be ready.
    """

    stack: str
    state: Path
    cwd: Path
    addresses: tuple[str, ...]
    services: tuple[Service, ...]
    environment: dict[str, str] = field(default_factory=dict)
    folders: tuple[Path, ...] = ()
    covers: tuple[tuple[Path, Path], ...] = ()
    gateways: tuple[str, ...] = ()
    deadline: float = 300.0

    def __post_init__(self) -> None:
        """Refuse an order that cannot be kept."""
        known: set[str] = set()
        for service in self.services:
            if service.name in known:
                raise ValueError(f"two services are called {service.name}")
            late = sorted(set(service.after) - known)
            if late:
                raise ValueError(
                    f"{service.name} comes after {', '.join(late)}, which no earlier service is"
                )
            known.add(service.name)

    def with_environment(self, environment: Mapping[str, str]) -> "WorldPlan":
        """Return the same world with another environment."""
        return replace(self, environment=dict(environment))

    @property
    def hosts(self) -> dict[str, str]:
        """Which name leads to which address of the lab."""
        return {
            name: service.address
            for service in self.services
            for name in service.names
            if service.address
        }

    @property
    def internet(self) -> tuple[str, ...]:
        """The addresses of services that machines on the LAN reach through a gateway."""
        found = {service.address for service in self.services if service.address}
        return tuple(sorted(text for text in found if not ip_address(text).is_loopback))

    @property
    def logs(self) -> Path:
        """Where every process writes what it says."""
        return self.state / "logs"

    @property
    def scratch(self) -> Path:
        """Where every process gets a temporary folder of its own."""
        return self.state / "tmp"

    @property
    def files(self) -> Path:
        """Files that take the place of the system's inside the namespaces."""
        return self.state / "etc"

    @property
    def certificates(self) -> Path:
        """The lab's authority, its bundle and a certificate per service."""
        return self.state / "certificates"

    @property
    def bundle(self) -> Path:
        """The system's trusted authorities and the lab's own."""
        return self.certificates / "bundle.crt"


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    fresh.rename(path)


_ADAPTER = TypeAdapter(WorldPlan)


def write_plan(plan: WorldPlan, path: Path) -> None:
    """Save a plan for the process that will carry it out."""
    write_private(path, _ADAPTER.dump_json(plan, indent=2))


def read_plan(path: Path) -> WorldPlan:
    """Load a plan saved by `write_plan`."""
    return _ADAPTER.validate_json(path.read_bytes())
