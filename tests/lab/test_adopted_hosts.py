"""Physical machines through the real talosctl: looked at, adopted, made a cluster, given back."""

import json
import re
import shlex
import sys
from base64 import b64decode
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from provider.adopted_host import AdoptedHost
from provider.blank_machine import BlankMachine
from provider.host_preflight import HostPreflight
from provider.host_probe import hardware, installed_on, system
from provider.rpc import Refused
from provider.talos_probe import Answer
from provider.talosctl import Credentials, Machine, TalosError
from tests.lab.talos_fixtures import KUBERNETES, VERSION, House, house
from tests.lab.tools_bin import tool
from tests.lab.waiting import wait_until

pytestmark = pytest.mark.lab

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("mini01", "mini02")
CARD = "enp3s0f0"
GIB = 1024**3
IMAGE = "https://factory.talos.dev/image/none/v1.13.0/metal-amd64.iso"
APPLE = {"name": "sda", "sizeBytes": 250 * 10**9, "model": "APPLE SSD SM0256G", "transport": "sata"}
SAMSUNG = {"name": "sdb", "sizeBytes": 10**12, "model": "Portable SSD T5", "transport": "usb"}
PATCH = """
machine: {install: {diskSelector: {model: "APPLE*"}, image: "ghcr.io/siderolabs/installer:v1.13.0"}}
cluster: {network: {cni: {name: none}}, proxy: {disabled: true}}
---
apiVersion: v1alpha1
kind: UserVolumeConfig
name: data
provisioning:
  diskSelector: {match: '!system_disk && glob("Portable SSD T5*", disk.model)'}
  minSize: 10GiB
"""
FOREIGN = {"label": "", "filesystem": "vfat"}


def host(name: str, **changed: Any) -> dict[str, Any]:
    """The facts of a box."""
    number = int(name[-1])
    given = {
        "machine": name,
        "address": f"10.0.1.{number}",
        "maintenanceAddress": f"10.0.5.{number}",
        "mac": f"68:5B:35:00:00:0{number}",
        "interface": CARD,
        "installDisk": {"model": "APPLE*"},
        "dataDisks": [{"name": "data", "match": {"model": "Portable SSD T5*", "minSizeGib": 900}}],
    }
    return given | changed


def network(name: str) -> str:
    """The documents that give a box its name and address."""
    link = {"apiVersion": "v1alpha1", "kind": "LinkConfig", "name": CARD, "up": True}
    addresses = [{"address": f"{host(name)['address']}/16"}]
    named = {"apiVersion": "v1alpha1", "kind": "HostnameConfig", "hostname": name, "auto": "off"}
    return yaml.safe_dump_all([named, link | {"addresses": addresses}])


@dataclass
class Site:
    """The house, and our resources reaching into it as an operator on its bridge would."""

    home: House
    client: dict[str, str]

    @property
    def program(self) -> str:
        return str(self.home.folder / "talosctl")

    def look(self, address: str) -> Answer | str:
        """A handshake from inside."""
        argv = ("env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "tests.lab.look_inside")
        told = json.loads(self.home.run(*argv, address).stdout)
        if "silence" in told:
            return str(told["silence"])
        certificate = b64decode(told["certificate"])
        return Answer(certificate=certificate, wants_certificate=told["wants"])

    def blank(self, address: str) -> BlankMachine:
        return BlankMachine(address, self.program)

    def reach(self, address: str, credentials: Credentials | None = None) -> Machine:
        return Machine(address, credentials or Credentials.of(self.client), self.program)

    def preflight(self, hosts: Sequence[dict[str, Any]]) -> str:
        resource = HostPreflight(self.look, self.blank, 0.2)
        wanted = {
            "hosts": list(hosts),
            "talosVersion": VERSION,
            "schematic": "",
            "extensions": [],
            "image": IMAGE,
            "authority": self.client["caCertificate"],
            "deadlineSeconds": 60,
        }
        return resource.create(wanted, False, 0.0)[0]

    @property
    def adopted(self) -> AdoptedHost:
        return AdoptedHost(self.look, self.reach, self.blank, 0.2, {})

    def inputs(self, name: str, **changed: Any) -> dict[str, Any]:
        given = host(name) | {
            "network": network(name),
            "authority": self.client["caCertificate"],
            "clientConfiguration": self.client,
            "controlPlanes": [host(other)["address"] for other in NAMES],
            "dataOnDestroy": "keep",
            "deadlineSeconds": 90,
        }
        return given | changed

    def voters(self, address: str) -> set[str]:
        try:
            return {item.name for item in self.reach(address).members() if not item.learner}
        except TalosError:
            return set()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with house(tmp_path_factory.mktemp("hosts")) as home:
        for name in NAMES:
            facts = host(name)
            home.build(
                *(name, facts["maintenanceAddress"], facts["mac"]),
                platform="metal",
                interfaces=[CARD],
                disks=[APPLE | {"serial": f"A{name}"}, SAMSUNG | {"serial": f"S{name}"}],
            )
        (home.folder / "patch.yaml").write_text(PATCH, encoding="utf-8")
        home.talosctl(
            *("gen", "config", "hosts", "https://10.0.1.1:6443", "--config-patch", "@patch.yaml"),
            *("--kubernetes-version", KUBERNETES),
        )
        inside = shlex.join(home.inside([str(tool("talosctl"))]))
        wrapper = home.folder / "talosctl"
        wrapper.write_text(f'#!/bin/sh\nexec {inside} "$@"\n', encoding="utf-8")
        wrapper.chmod(0o755)
        document: Any = yaml.safe_load((home.folder / "talosconfig").read_text(encoding="utf-8"))
        found = document["contexts"][document["context"]]
        names = {"caCertificate": "ca", "clientCertificate": "crt", "clientKey": "key"}
        yield Site(home, {name: found[key] for name, key in names.items()})


def test_what_a_blank_box_says_of_itself_is_read(site: Site) -> None:
    facts = host("mini01")
    wait_until(lambda: isinstance(site.look(facts["maintenanceAddress"]), Answer), "an answer")
    box = hardware(site.blank(facts["maintenanceAddress"]))
    assert [(card.macs, card.names) for card in box.cards] == [((facts["mac"].lower(),), (CARD,))]
    assert [(disk.name, disk.model, disk.serial, disk.transport) for disk in box.disks] == [
        ("sda", "APPLE SSD SM0256G", "Amini01", "sata"),
        ("sdb", "Portable SSD T5", "Smini01", "usb"),
    ]
    assert box.disks[1].size == 10**12
    assert box.uuid == site.home.machine("mini01")["uuid"]
    running = system(site.blank(facts["maintenanceAddress"]))
    assert (running.version, running.schematic, running.installed_on) == (VERSION, "", "")


def test_all_that_is_wrong_with_boxes_is_told_before_anything_is_applied(site: Site) -> None:
    wrong = host("mini01", mac="68:5B:35:00:00:99", installDisk={"model": "Samsung*"})
    twice = [*host("mini02")["dataDisks"], {"name": "more", "match": {"serial": "Smini02"}}]
    with pytest.raises(Refused) as refused:
        site.preflight([wrong, host("mini02", dataDisks=twice)])
    message = str(refused.value)
    assert "its cards are 68:5B:35:00:00:01 (enp3s0f0)" in message
    assert "no disk matches metal.installDisk (model Samsung*); it has sda (APPLE" in message
    assert "metal.dataDisks more (serial Smini02) means the same disk as data: sdb" in message
    assert site.preflight([host(name) for name in NAMES]) == "passed"
    for name in NAMES:
        assert site.home.machine(name)["stage"] == "maintenance"


def test_a_data_disk_that_holds_something_else_is_told_and_wiped_as_the_error_says(
    site: Site,
) -> None:
    facts = host("mini03")
    foreign = SAMSUNG | {"volumes": [FOREIGN]}
    site.home.build(
        *("mini03", facts["maintenanceAddress"], facts["mac"]),
        platform="metal",
        interfaces=[CARD],
        disks=[APPLE, foreign],
    )
    wait_until(lambda: isinstance(site.look(facts["maintenanceAddress"]), Answer), "an answer")
    with pytest.raises(Refused, match="holds vfat: Talos makes no volume there") as refused:
        site.preflight([facts])
    (command,) = re.findall(r"`talosctl (wipe [^`]+)`", str(refused.value))
    site.home.talosctl(*command.split())
    assert site.preflight([facts]) == "passed"


def test_boxes_answer_blank_at_their_own_addresses_once_they_are_adopted(site: Site) -> None:
    for name in NAMES:
        assert site.adopted.create(site.inputs(name), False, 0.0)[0] == name
        at_home = site.look(host(name)["address"])
        assert isinstance(at_home, Answer)
        assert at_home.is_blank
        assert site.home.machine(name)["stage"] == "maintenance"
    # The run was interrupted, and starts again.
    assert site.preflight([host(name) for name in NAMES]) == "passed"
    site.adopted.create(site.inputs("mini01"), False, 0.0)


def test_a_box_that_is_configured_passes_and_another_in_its_place_does_not(site: Site) -> None:
    for name in NAMES:
        (site.home.folder / f"{name}.yaml").write_text(network(name), encoding="utf-8")
        site.home.talosctl(
            *("apply-config", "--insecure", "-n", host(name)["address"]),
            *("-f", "controlplane.yaml", "-p", f"@{name}.yaml"),
        )
    own = site.reach(host("mini01")["address"])
    wait_until(lambda: installed(own) == "sda", "the installed system", 60)
    assert site.preflight([host(name) for name in NAMES]) == "passed"
    site.adopted.create(site.inputs("mini01"), False, 0.0)
    with pytest.raises(Refused, match="is of this cluster already"):
        site.adopted.create(site.inputs("mini01", mac="68:5B:35:00:00:99"), False, 0.0)


def installed(machine: Machine) -> str:
    try:
        return installed_on(machine)
    except TalosError:
        return ""


def test_a_cluster_is_given_back_one_box_after_the_other_and_its_data_stays(site: Site) -> None:
    founder = site.reach(host("mini01")["address"])
    wait_until(lambda: founded(founder), "a founder that takes the order", 60)
    wait_until(lambda: site.voters("10.0.1.1") == set(NAMES), "two voting members", 90)
    wait_until(lambda: all(data(site, name) for name in NAMES), "volumes of data", 60)
    before = [data(site, name) for name in NAMES]
    resource = site.adopted
    with ThreadPoolExecutor() as pool:
        gone = [
            pool.submit(resource.delete, name, site.inputs(name, dataOnDestroy=fate), 0.0)
            for name, fate in zip(NAMES, ("keep", "sweep"), strict=True)
        ]
        for future in gone:
            future.result()
    for name in NAMES:
        found = site.home.machine(name)
        assert found["stage"] == "maintenance"
        assert found["currentAddresses"] == [f"{host(name)['maintenanceAddress']}/16"]
        running = system(site.blank(host(name)["maintenanceAddress"]))
        assert running.installed_on == "sda"
    assert [data(site, name) for name in NAMES] == [before[0], []]
    # Blank already: nothing to do, and what is installed is what the stack wants.
    resource.delete("mini01", site.inputs("mini01"), 0.0)
    assert site.preflight([host(name) for name in NAMES]) == "passed"


def data(site: Site, name: str) -> list[str]:
    """What lies on a box's data disk: a volume that was made anew has another UUID."""
    return [volume["uuid"] for volume in site.home.machine(name)["disks"][1]["volumes"]]


def founded(machine: Machine) -> bool:
    try:
        machine.bootstrap()
    except TalosError as error:
        return error.code == "AlreadyExists"
    return True


def test_a_box_that_is_off_is_no_box_that_was_given_back(site: Site) -> None:
    site.home.order("mini02", "power", {"to": "off"})
    with pytest.raises(Refused, match="HEARTH_LOST_MACHINES=mini02"):
        site.adopted.delete("mini02", site.inputs("mini02", deadlineSeconds=1), 0.0)
