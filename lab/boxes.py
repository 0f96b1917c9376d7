"""The boxes of a stack, set up as its owner's hands would.

What the program adopts has to stand there before it runs: every host of the facts on the LAN, a
stick with the stack's own Talos image in it, switched on, waiting in maintenance mode at the
address that the DHCP server keeps for it. A stack without adopted hosts needs nothing of this. It
configures nothing: from maintenance mode on, everything is the program's. `set_up` is for whoever
owns a world; it has `python -m lab.boxes STACK` do the work inside, where the LAN is.
"""

import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_OID, uuid5

import requests

from components.infrastructure.image import boot_image_url, schematic, schematic_id
from config import versions
from config.cluster import Cluster
from config.errors import ConfigError
from config.load import CLUSTER_KEY, load_cluster, read_stack_file
from config.machines import AdoptedHost, DiskMatch, Machine
from lab.world.errors import WorldError
from lab.world.plan import PortProbe
from lab.world.probe import describe, is_ready
from lab.world.running import Running
from lab.world.services import FACTORY, MACHINES_CONTROL

ROOT = Path(__file__).resolve().parents[1]
CONTROL = f"http://{MACHINES_CONTROL}/machines"
TALOS_PORT = 50000
REQUEST_SECONDS = 10
BOOT_SECONDS = 60.0
SLACK_SECONDS = 60.0  # for a process to start, and a machine with other things to do
POLL_SECONDS = 0.1
Spec = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Disk:
    """A disk as the kernel shows it; its size in bytes, as the label on it counts."""

    name: str
    model: str
    transport: str
    size: int

    def spec(self, machine: str) -> Spec:
        """The disk in one machine, in the simulator's words; no two disks share a serial."""
        return {
            "name": self.name,
            "sizeBytes": self.size,
            "model": self.model,
            "serial": f"{machine}-{self.name}".upper(),
            "transport": self.transport,
        }


# What the boxes on the shelf have: a Mac mini's own SSD, and one on a cable.
INTERNAL = Disk(name="sda", model="APPLE SSD SM0256G", transport="sata", size=250_000_000_000)
PORTABLE = Disk(name="sdb", model="Portable SSD T5", transport="usb", size=1_000_204_886_016)
SHELF = (INTERNAL, PORTABLE)


def set_up(running: Running, cluster: Cluster, say: Callable[[str, float], None]) -> None:
    """Have the boxes of a stack stand in a world that is up, and wait for them; WorldError if not.

    `say` is told the stage and its seconds, where there is one.
    """
    if not any(machine.metal for machine in cluster.machines):
        return
    started = time.monotonic()
    argv = [sys.executable, "-m", "lab.boxes", running.stack]
    done = running.run(argv, timeout=BOOT_SECONDS + SLACK_SECONDS)
    if done.returncode != 0:
        raise WorldError(f"the boxes of {running.stack} were not set up: {done.stderr.strip()}")
    say("boxes", time.monotonic() - started)


def boxes(cluster: Cluster) -> list[Spec]:
    """The hosts of the facts as the simulator is told of them.

    Raises WorldError where the facts ask for disks that the lab's boxes do not have.
    """
    adopted = [(machine, machine.metal) for machine in cluster.machines if machine.metal]
    unlike = [line for machine, metal in adopted for line in strange(machine, metal)]
    if unlike:
        have = ", ".join(f"{disk.model} ({disk.size // 10**9} GB)" for disk in SHELF)
        raise WorldError(
            f"the lab's boxes have {have}, and the facts of {cluster.name} want others:\n"
            + "\n".join(f"  {line}" for line in unlike)
            + "\nlab/boxes.py is where a box gets its disks"
        )
    return [box(cluster, machine, metal) for machine, metal in adopted]


def strange(machine: Machine, metal: AdoptedHost) -> Iterable[str]:
    """Selectors of one host that do not match exactly one disk of the shelf."""
    wanted = [("metal.installDisk", metal.install_disk)]
    wanted += [(f"metal.dataDisks {disk.name}", disk.match) for disk in metal.data_disks]
    for where, match in wanted:
        number = sum(matches(match, disk, machine.name) for disk in SHELF)
        if number != 1:
            yield f"{machine.name}: {where} matches {number} of them"


def matches(match: DiskMatch, disk: Disk, machine: str) -> bool:
    """Whether a selector of the facts means a disk of the shelf."""
    return match.matches(disk.model, disk.spec(machine)["serial"], disk.size)


def box(cluster: Cluster, machine: Machine, metal: AdoptedHost) -> Spec:
    """One host: its card, its disks, the stick in it, and what DHCP will tell it."""
    address = metal.maintenance_address
    network = cluster.network
    subnet = next(net for net in network.node_subnets if address in net)
    return {
        "id": machine.name,
        "label": f"box {machine.name}",
        # No fact has to name it; it must be the same whenever the box is set up.
        "uuid": metal.uuid or str(uuid5(NAMESPACE_OID, machine.mac)),
        "macs": [machine.mac],
        "interfaces": [machine.interface or "eth0"],
        "platform": "metal",
        "image": image(cluster),
        "addresses": [f"{address}/{subnet.prefixlen}"],
        "gateways": [str(item) for item in network.gateways if item.version == address.version],
        "nameservers": [str(item) for item in network.nameservers],
        "disks": [disk.spec(machine.name) for disk in SHELF],
    }


def image(cluster: Cluster) -> Spec:
    """The image on the stick."""
    return {"version": versions.TALOS, "schematic": schematic_id(cluster.talos)}


def make_stick(cluster: Cluster) -> None:
    """Get the stack's image, as docs/hosts.md tells its owner to: the factory makes it on demand.

    Raises WorldError when the factory has none.
    """
    known = schematic_id(cluster.talos)
    try:
        url = f"{FACTORY.url}/schematics"
        text = schematic(cluster.talos)
        requests.post(url, data=text, timeout=REQUEST_SECONDS).raise_for_status()
        iso = boot_image_url(known, versions.TALOS)
        requests.get(iso, timeout=REQUEST_SECONDS).raise_for_status()
    except requests.RequestException as error:
        raise WorldError(f"the image factory has no image for a stick: {error}") from None


def path(name: str, what: str = "") -> str:
    """Where the simulator has a box, or a switch of it."""
    return f"{CONTROL}/{quote(name, safe='')}{what}"


def ask(method: str, url: str, body: Spec | None = None) -> Any:
    """A call of the simulator's control API; WorldError has what it answered."""
    try:
        answer = requests.request(method, url, json=body, timeout=REQUEST_SECONDS)
    except requests.RequestException as error:
        raise WorldError(f"the machine simulator does not answer: {error}") from None
    if not answer.ok:
        raise WorldError(f"{method} {url} answered {answer.status_code}: {answer.text.strip()}")
    return answer.json() if answer.text.strip() else None


def put(specs: Iterable[Spec]) -> list[str]:
    """Set boxes up and switch them on; the addresses at which these will wait, blank.

    One that stands there already, from an earlier start of the world, is left as it is: it may be
    a cluster's by now, and answer elsewhere.
    """
    there = {item["id"] for item in ask("GET", CONTROL)}
    new = [spec for spec in specs if spec["id"] not in there]
    for spec in new:
        ask("POST", CONTROL, spec)
        ask("POST", path(spec["id"], "/power"), {"to": "on"})
    return [address.partition("/")[0] for spec in new for address in spec["addresses"]]


def await_answers(addresses: Iterable[str], seconds: float = BOOT_SECONDS) -> None:
    """Wait until Talos accepts connections at all of these addresses."""
    deadline = time.monotonic() + seconds
    probes = [PortProbe(host=address, port=TALOS_PORT) for address in addresses]
    while probes := [probe for probe in probes if not is_ready(probe, Path())]:
        if time.monotonic() > deadline:
            missing = ", ".join(describe(probe) for probe in probes)
            raise WorldError(
                f"the boxes have been on for {seconds:.0f} s, and nobody accepts {missing}; "
                "logs/talossim.log in the lab's folder says what they do"
            )
        time.sleep(POLL_SECONDS)


def main(argv: list[str]) -> int:
    """Set up the boxes of the stack that is named, and wait for them."""
    try:
        found = read_stack_file(ROOT / f"Pulumi.{argv[0]}.yaml")
        cluster = load_cluster(found.config.get(CLUSTER_KEY), argv[0])
        make_stick(cluster)
        await_answers(put(boxes(cluster)))
    except (WorldError, ConfigError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
