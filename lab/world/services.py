"""Which services a stack's world has: what runs, where it listens, under which names.

The table only; each simulator is a program of its own. Vendors have addresses of the net that RFC
2544 keeps for benchmarks: they exist in no home and not on the internet, and unlike loopback
addresses they can be reached from a machine, through the stack's own gateway.
"""

import sys
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from lab.charts.descriptions import hosts as chart_hosts
from lab.git_setup import host_key_path
from lab.world.certificates import paths
from lab.world.environment import environment, folders
from lab.world.errors import WorldError
from lab.world.facts import Endpoint, GitServer, StackFacts
from lab.world.plan import BRIDGE, HttpProbe, Service, WorldPlan

MACHINES_CONTROL = "127.0.0.1:9900"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a simulator of this tree listens: `python -m lab.NAME` at an address and port."""

    name: str
    address: str
    names: tuple[str, ...]
    port: int = 443

    @property
    def url(self) -> str:
        """Its root as clients spell it."""
        return f"https://{self.names[0]}" + ("" if self.port == 443 else f":{self.port}")


FACTORY = Place(name="factory", address="198.18.1.1", names=("factory.talos.dev",))
CLOUDFLARE = Place(name="cloudflare", address="198.18.1.2", names=("api.cloudflare.com",))
CHARTS = Place(name="charts", address="198.18.1.3", names=chart_hosts())
PROXMOX_ADDRESS = "198.18.1.4"
GIT_ADDRESS = "198.18.1.5"


def world_plan(facts: StackFacts, *, root: Path, shelf: Path, real_charts: Path) -> WorldPlan:
    """Return the world of a stack. `shelf` holds the tools, `real_charts` charts if it exists."""
    state = root / ".lab" / facts.stack
    plan = WorldPlan(
        stack=facts.stack,
        state=state,
        cwd=root,
        addresses=facts.operator,
        gateways=facts.gateways,
        services=services(facts, root=root, state=state, shelf=shelf, real_charts=real_charts),
        folders=folders(state),
    )
    inside = environment(state=state, shelf=shelf, bundle=plan.bundle)
    return plan.with_environment(inside | {"PULUMI_CONFIG_PASSPHRASE": facts.passphrase})


def services(
    facts: StackFacts, *, root: Path, state: Path, shelf: Path, real_charts: Path
) -> tuple[Service, ...]:
    """Return the services in an order that can be kept."""
    charts = ["--crds", str(shelf / "crds")]
    charts += ["--real", str(real_charts)] if real_charts.is_dir() else []
    table = [
        _talossim(state, shelf),
        _simulator(FACTORY, state, "--state", str(state / "factory")),
        _simulator(CHARTS, state, *charts),
    ]
    if facts.cloudflare:
        table.append(_simulator(CLOUDFLARE, state, *_kept(CLOUDFLARE, state)))
    if facts.git:
        table.append(_git(facts.git, root=root, state=state))
    if facts.proxmox:
        table.append(_proxmox(facts.proxmox, state))
    return tuple(table)


def setups(state: Path) -> Path:
    """Return the folder with a document per vendor: what there was before anybody's program."""
    return state / "setup"


def programs_file(state: Path) -> Path:
    """Return the file with the programs that machines run for pods."""
    return state / "programs.json"


def require_setups(plan: WorldPlan) -> None:
    """Refuse a plan whose vendors have nothing to start from."""
    wanted = [
        Path(value)
        for service in plan.services
        for option, value in zip(service.argv, service.argv[1:], strict=False)
        if option == "--setup"
    ]
    absent = [str(path) for path in wanted if not path.is_file()]
    if absent:
        raise WorldError(
            f"{', '.join(absent)} not there: nothing was prepared for this vendor to start from;"
            " lab/preparation.py is where it belongs"
        )


def require_modules(plan: WorldPlan) -> None:
    """Refuse a plan that would start Python modules which this tree does not have."""
    modules = [
        service.argv[2] for service in plan.services if service.argv[:2] == (sys.executable, "-m")
    ]
    absent = [module for module in modules if not _runs(module)]
    if absent:
        raise WorldError(
            f"this tree has no {', '.join(absent)}: the lab of {plan.stack} needs them; restore"
            " them from Git"
        )


def _runs(module: str) -> bool:
    return find_spec(module) is not None and find_spec(f"{module}.__main__") is not None


def _talossim(state: Path, shelf: Path) -> Service:
    return Service(
        name="talossim",
        argv=(
            str(shelf / "talossim"),
            *("--bridge", BRIDGE),
            *("--state", str(state / "talos")),
            *("--bin", str(shelf)),
            *("--control", MACHINES_CONTROL),
            *("--programs", str(programs_file(state))),
            *("--trace", str(state / "logs" / "talossim.calls")),
        ),
        probe=HttpProbe(url=f"http://{MACHINES_CONTROL}/healthz"),
    )


def _proxmox(endpoint: Endpoint, state: Path) -> Service:
    place = Place(
        name="proxmox", address=PROXMOX_ADDRESS, names=(endpoint.name,), port=endpoint.port
    )
    made = _simulator(
        place,
        state,
        *_kept(place, state),
        *("--machines", f"http://{MACHINES_CONTROL}"),
    )
    return replace(made, after=("talossim",))


def _git(server: GitServer, *, root: Path, state: Path) -> Service:
    """Return the Git server: HTTPS for its control API in any case, SSH where the stack uses it."""
    place = Place(name="git", address=GIT_ADDRESS, names=(server.name,))
    ssh = (
        *("--ssh", f"{GIT_ADDRESS}:{server.port}"),
        *("--host-key", str(host_key_path(state))),
        *("--client-key", server.client_key),
    )
    return _simulator(
        place,
        state,
        *("--state", str(state / "git"), "--source", str(root)),
        *("--name", server.repository),
        *(ssh if server.is_ssh else ()),
    )


def _kept(place: Place, state: Path) -> tuple[str, ...]:
    """Return the arguments of a vendor with a past: its state, and what it was like before us."""
    setup = setups(state) / f"{place.name}.json"
    return ("--state", str(state / place.name), "--setup", str(setup))


def _simulator(place: Place, state: Path, *more: str) -> Service:
    pair = paths(state / "certificates", place.name)
    return Service(
        name=place.name,
        argv=(
            *(sys.executable, "-m", f"lab.{place.name}"),
            *("--listen", f"{place.address}:{place.port}"),
            *("--certificate", str(pair.certificate)),
            *("--key", str(pair.key)),
            *("--log", str(state / "logs" / f"{place.name}.requests")),
            *more,
        ),
        probe=HttpProbe(url=f"{place.url}/-/healthz"),
        names=place.names,
        address=place.address,
    )
