"""Physical machines with Talos on a stick, as a TLS handshake and talosctl show them.

Modelled: who answers where (DHCP while blank, its own address once it was given one), what
maintenance mode tells of cards, disks, firmware and image, an incomplete configuration, a reset
with or without leaving etcd. Absent: everything that happens in between.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml

from provider.blank_machine import BlankMachine
from provider.talos_probe import Answer
from provider.talosctl import Credentials, Machine, TalosError, failure
from tests.unit.provider.talos_machines import UNREACHABLE, table

OURS, THEIRS = "our authority", "another authority"
IMAGE = "https://factory.talos.dev/image/abc/v1.13.0/metal-amd64.iso"
APPLE = {"model": "APPLE SSD SM0256G", "serial": "S1K5NYADB", "transport": "sata"}
SAMSUNG = {"model": "Portable SSD T5", "serial": "S49WNP0N1", "transport": "usb"}
GB = 10**9
RESET_REFUSED = (
    "error executing reset: 1 error occurred:\n\t* {}: rpc error: code = Unknown desc = failed to "
    'reset: volume "STATE" is not located\n\n\n'
)


@dataclass(frozen=True)
class Shown(Answer):
    """A handshake whose certificate is just the name of its authority."""

    def is_of(self, authority: str) -> bool:
        """Whether it is this one's."""
        return self.certificate.decode() == authority


@dataclass
class Box:
    """A machine: `at` is where it answers now ("" while it is off), blank without an authority."""

    dhcp: str
    mac: str
    uuid: str = "4c4c4544-0000-0000-0000-000000000001"
    card: str = "enp3s0f0"
    authority: str = ""
    at: str = ""
    version: str = "v1.13.0"
    extensions: dict[str, str] = field(default_factory=lambda: {"lldpd": "1", "schematic": "abc"})
    installed: str = ""
    disks: dict[str, dict[str, Any]] = field(default_factory=dict)
    contents: dict[str, dict[str, Any]] = field(default_factory=dict)
    partitions: list[str] = field(default_factory=list)
    wiped: list[str] = field(default_factory=list)
    asked: list[tuple[str, ...]] = field(default_factory=list)
    etcd: bool = False
    busy: int = 0
    """How many more looks find it as it was before a reset."""
    refuses: str = ""
    deaf: int = 0
    """How many more calls of talosctl fail, although it shakes hands."""

    def __post_init__(self) -> None:
        self.at = self.at or self.dhcp
        self.disks = self.disks or {
            "sda": {**APPLE, "size": 250 * GB},
            "sdb": {**SAMSUNG, "size": 1000 * GB},
        }

    def joined(self, address: str, *, etcd: bool = True) -> None:
        """Make it a machine of our cluster."""
        self.at, self.authority, self.installed, self.etcd = address, OURS, "sda", etcd

    def resource(self, kind: str) -> list[tuple[str, dict[str, Any]]]:
        """Talos' resources of a kind: id and spec."""
        card = {"type": "ether", "kind": "", "hardwareAddr": self.mac.lower()}
        made = {"manufacturer": "Apple Inc.", "productName": "Macmini7,1", "uuid": self.uuid}
        kinds: dict[str, list[tuple[str, dict[str, Any]]]] = {
            "links": [
                ("lo", {"type": "loopback", "kind": "", "hardwareAddr": ""}),
                ("bond0", {"type": "ether", "kind": "bond", "hardwareAddr": "02:00:00:00:00:01"}),
                (self.card, {**card, "permanentAddr": self.mac.lower()}),
            ],
            "disks": [("loop0", {"size": 4096, "readonly": True}), *self.disks.items()],
            "discoveredvolumes": list(self.contents.items()),
            "blockdevices": [("sdb", {}), *((n, {"parent": n[:3]}) for n in self.partitions)],
            "systeminformation": [("systeminformation", made)],
            "extensions": [
                (str(n), {"metadata": {"name": name, "version": version}})
                for n, (name, version) in enumerate(self.extensions.items())
            ],
            "systemdisk": [("system-disk", {"diskID": self.installed})] if self.installed else [],
        }
        return kinds[kind]


@dataclass
class Boxes:
    """All boxes of a network; tests write into it. `looks` counts handshakes by address."""

    boxes: list[Box]
    looks: dict[str, int] = field(default_factory=dict)
    on_look: Callable[[str], None] = lambda _address: None

    def box_at(self, address: str) -> Box | None:
        """Who has the address."""
        return next((box for box in self.boxes if box.at == address), None)

    def look(self, address: str) -> Answer | str:
        """A handshake."""
        self.looks[address] = self.looks.get(address, 0) + 1
        self.on_look(address)
        box = self.box_at(address)
        if box is None:
            return "no route to host"
        if box.busy > 0:
            box.busy -= 1
            if box.busy == 0:
                box.at, box.authority = box.dhcp, ""
        name = box.authority.encode()
        return Shown(certificate=name, wants_certificate=bool(name))

    def blank(self, address: str) -> BlankMachine:
        """A client without credentials."""
        return Unnamed(address, boxes=self)

    def reach(self, address: str, credentials: Credentials) -> Machine:
        """A client with credentials."""
        return Named(address, credentials, boxes=self)

    def answer(self, address: str, arguments: tuple[str, ...], *, insecure: bool) -> str:
        """What talosctl prints; raises what it fails with."""
        box = self.box_at(address)
        if box is None or box.deaf:
            if box is not None:
                box.deaf -= 1
            raise failure(address, UNREACHABLE.format(address))
        box.asked.append(arguments)
        if insecure == bool(box.authority):
            raise TalosError(f"{address}: certificate required", "Unavailable")
        match arguments:
            case ("get", kind, "--output", "json"):
                return "".join(
                    json.dumps({"metadata": {"id": id_}, "node": address, "spec": spec}, indent=4)
                    + "\n"
                    for id_, spec in box.resource(kind)
                )
            case ("version", "--json"):
                if not box.version:
                    raise failure(address, "rpc error: code = Unimplemented desc = not implemented")
                return json.dumps({"version": {"tag": box.version}})
            case ("ls", _):
                return "NODE   NAME\nx      .\n" + ("x      member\n" if box.etcd else "")
            case ("etcd", *_) if not box.etcd:
                raise TalosError(f"{address}: etcd does not answer", "DeadlineExceeded")
            case ("etcd", "status"):
                heads = ("MEMBER", "LEADER", "RAFT INDEX", "RAFT TERM")
                more = ("RAFT APPLIED INDEX", "LEARNER", "ERRORS")
                return table((*heads, *more), (box.mac, "0", "9", "2", "9", "false", ""))
            case ("etcd", "members"):
                rows = [
                    (member.mac, "", f"https://{member.at}:2380", "", "false")
                    for member in self.boxes
                    if member.etcd
                ]
                return table(("ID", "HOSTNAME", "PEER URLS", "CLIENT URLS", "LEARNER"), *rows)
            case ("reset", *how):
                return self.reset(box, how)
        raise AssertionError(arguments)

    def reset(self, box: Box, how: list[str]) -> str:
        """Begin a reset."""
        if box.refuses:
            raise failure(box.at, box.refuses.format(box.at))
        if "--graceful=true" in how:
            box.etcd = False
        box.wiped += [how[n + 1] for n, word in enumerate(how) if word == "--user-disks-to-wipe"]
        box.busy = 2
        return ""

    def apply(self, address: str, configuration: str) -> None:
        """An incomplete configuration: the link's own address, if the link is there."""
        box = self.box_at(address)
        assert box is not None
        box.asked.append(("apply-config",))
        if box.refuses:
            raise failure(address, box.refuses)
        for document in yaml.safe_load_all(configuration):
            if document["kind"] == "LinkConfig" and document["name"] == box.card:
                box.at = document["addresses"][0]["address"].split("/")[0]


@dataclass(frozen=True, slots=True)
class Unnamed(BlankMachine):
    """A blank machine whose talosctl is played."""

    boxes: Boxes = field(default_factory=lambda: Boxes([]))

    def run(self, *arguments: str, timeout: float = 0.0) -> str:
        """Answer as talosctl would."""
        del timeout
        return self.boxes.answer(self.address, arguments, insecure=True)

    def apply(self, configuration: str, timeout: float = 0.0) -> None:
        """Take a configuration."""
        del timeout
        self.boxes.apply(self.address, configuration)


@dataclass(frozen=True, slots=True)
class Named(Machine):
    """A configured machine whose talosctl is played."""

    boxes: Boxes = field(default_factory=lambda: Boxes([]))

    def run(self, *arguments: str, timeout: float = 0.0) -> str:
        """Answer as talosctl would."""
        del timeout
        return self.boxes.answer(self.address, arguments, insecure=False)


def facts(number: int, **changed: Any) -> dict[str, Any]:
    """What a stack says of a box: mini01 and so on."""
    given = {
        "machine": f"mini0{number}",
        "address": f"172.29.51.1{number}",
        "maintenanceAddress": f"172.29.51.10{number}",
        "mac": f"68:5B:35:00:00:0{number}",
        "uuid": None,
        "installDisk": {"model": "APPLE*"},
        "dataDisks": [
            {"name": "longhorn-ssd", "match": {"model": "Portable SSD T5*", "minSizeGib": 900}}
        ],
    }
    return given | changed


def boxes(count: int = 3) -> Boxes:
    """As many boxes as they should be, blank and switched on."""
    found = [facts(number) for number in range(1, count + 1)]
    return Boxes([Box(item["maintenanceAddress"], item["mac"]) for item in found])


def network(host: dict[str, Any], link: str = "enp3s0f0") -> str:
    """The documents that give a box its name and address."""
    return yaml.safe_dump_all(
        [
            {"apiVersion": "v1alpha1", "kind": "HostnameConfig", "hostname": host["machine"]},
            {
                "apiVersion": "v1alpha1",
                "kind": "LinkConfig",
                "name": link,
                "addresses": [{"address": f"{host['address']}/24"}],
            },
        ]
    )
