"""Our client over the real talosctl; who founds and leaves through it, on simulated machines."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from provider.control_planes import ETCD_DATA
from provider.etcd_seat import Seat
from provider.founding import Bootstrap
from provider.rpc import Refused
from provider.talosctl import Credentials, Machine, TalosError
from tests.lab.talos_fixtures import KUBERNETES, VERSION, House, house
from tests.lab.tools_bin import tool
from tests.lab.waiting import wait_until

pytestmark = pytest.mark.lab

CONTROL_PLANES = {"cp1": "10.0.1.1", "cp2": "10.0.1.2"}
NOWHERE = "10.0.9.9"
PATCH = "cluster: {network: {cni: {name: none}}, proxy: {disabled: true}}\n"


@dataclass
class Clients:
    """The house, and clients that reach into it as an operator on its bridge would."""

    home: House
    client: dict[str, str]

    def reach(self, address: str, credentials: Credentials | None = None) -> Machine:
        return Machine(
            address, credentials or Credentials.of(self.client), str(self.home.folder / "talosctl")
        )

    def seat(self, name: str) -> Seat:
        others = [self.reach(at) for other, at in CONTROL_PLANES.items() if other != name]
        return Seat(name, self.reach(CONTROL_PLANES[name]), others)

    def voters(self, address: str = CONTROL_PLANES["cp1"]) -> set[str]:
        return {item.name for item in self.reach(address).members() if not item.learner}


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    with house(tmp_path_factory.mktemp("client")) as home:
        for number, (name, address) in enumerate(CONTROL_PLANES.items(), start=1):
            home.build(f"atlas/{name}", address, f"BC:24:11:00:02:{number:02}")
        (home.folder / "patch.yaml").write_text(PATCH, encoding="utf-8")
        home.talosctl(
            *("gen", "config", "client", "https://10.0.1.1:6443", "--config-patch", "@patch.yaml"),
            *("--kubernetes-version", KUBERNETES),
        )
        inside = shlex.join(home.inside([str(tool("talosctl"))]))
        wrapper = home.folder / "talosctl"
        wrapper.write_text(f'#!/bin/sh\nexec {inside} "$@"\n', encoding="utf-8")
        wrapper.chmod(0o755)
        made = Clients(home, client_of(home))
        for name, address in CONTROL_PLANES.items():
            wait_until(lambda a=address: in_maintenance(home, a), "maintenance mode")  # type: ignore[misc]
            hostname = f"apiVersion: v1alpha1\nkind: HostnameConfig\nhostname: {name}\nauto: off\n"
            home.talosctl(
                *("apply-config", "--insecure", "-n", address, "-f", "controlplane.yaml"),
                *("-p", hostname),
            )
        yield made


def in_maintenance(home: House, address: str) -> bool:
    return home.talosctl("get", "disks", "--insecure", "-n", address, check=False).returncode == 0


def client_of(home: House) -> dict[str, str]:
    document: Any = yaml.safe_load((home.folder / "talosconfig").read_text(encoding="utf-8"))
    found = document["contexts"][document["context"]]
    return {
        "caCertificate": found["ca"],
        "clientCertificate": found["crt"],
        "clientKey": found["key"],
    }


def waits_to_join(machine: Machine) -> bool:
    try:
        return machine.names_in(ETCD_DATA) == set()
    except TalosError:
        return False


def test_a_control_plane_that_waits_to_join_is_told_from_one_that_is_silent(
    clients: Clients,
) -> None:
    for address in CONTROL_PLANES.values():
        machine = clients.reach(address)
        wait_until(lambda m=machine: waits_to_join(m), "an empty data directory")  # type: ignore[misc]
        with pytest.raises(TalosError) as caught:
            machine.members()
        assert caught.value.unanswered
        etcd = machine.service("etcd")
        assert etcd is not None
        assert etcd.state == "Preparing"
    with pytest.raises(TalosError, match=NOWHERE) as silent:
        clients.reach(NOWHERE).names_in(ETCD_DATA, 8.0)
    assert silent.value.unanswered


def test_a_cluster_is_founded_once_by_the_resource_that_a_program_has(clients: Clients) -> None:
    inputs = {
        "controlPlanes": list(CONTROL_PLANES.values()),
        "clientConfiguration": clients.client,
        "deadlineSeconds": 60,
    }
    assert Bootstrap(clients.reach).create(inputs, False, 0.0)[0] == "etcd"
    wait_until(lambda: clients.voters() == set(CONTROL_PLANES), "two voting members", 60)
    before = {item.name: item.id for item in clients.reach("10.0.1.1").members()}
    reversed_order = {**inputs, "controlPlanes": ["10.0.1.2", "10.0.1.1"]}
    Bootstrap(clients.reach).create(reversed_order, False, 0.0)
    assert {item.name: item.id for item in clients.reach("10.0.1.2").members()} == before
    with pytest.raises(TalosError) as caught:
        clients.reach("10.0.1.2").bootstrap()
    assert caught.value.code == "AlreadyExists"


def test_what_talosctl_prints_is_read(clients: Clients) -> None:
    machine = clients.reach("10.0.1.1")
    assert machine.version() == VERSION
    assert machine.names_in(ETCD_DATA) == {"member"}
    status = machine.etcd_status()
    (mine,) = [item for item in machine.members() if item.name == "cp1"]
    assert status.member == mine.id
    assert status.leads
    assert status.raft_applied_index > 0
    assert mine.peer_urls == ("https://10.0.1.1:2380",)
    assert mine.client_urls == ("https://10.0.1.1:2379",)
    assert machine.service("nobody") is None


def test_a_member_that_nobody_has_is_not_found(clients: Clients) -> None:
    with pytest.raises(TalosError, match="not found") as caught:
        clients.reach("10.0.1.1").remove_member("00000000000000ff")
    assert caught.value.code == "NotFound"


def test_a_leader_hands_over_and_leaves_and_the_last_one_stays(clients: Clients) -> None:
    clients.reach("10.0.1.2").forfeit_leadership()
    assert clients.reach("10.0.1.1").etcd_status().leads
    clients.seat("cp1").give_up(60.0)
    assert clients.voters("10.0.1.2") == {"cp2"}
    left = clients.reach("10.0.1.1")
    wait_until(lambda: left.names_in(ETCD_DATA) == set(), "cp1 to put its data away", 60.0)
    with pytest.raises(Refused, match="cp2 is the last member of etcd"):
        clients.seat("cp2").give_up(60.0)
