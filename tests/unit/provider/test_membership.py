"""Membership: joining is waited for, leaving is done in an order that loses nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provider.membership import Membership
from provider.rpc import UNKNOWN, PartialFailure, Refused, Secret
from tests.unit.provider.https_server import make_certificate, serving
from tests.unit.provider.kube_api import KubeApi
from tests.unit.provider.kube_nodes import Cluster
from tests.unit.provider.spoken import listening
from tests.unit.provider.talos_machines import Machines

pytestmark = [pytest.mark.unit, pytest.mark.timeout(10)]

CP1, CP2, CP3, WORKER = "10.0.1.1", "10.0.1.2", "10.0.1.3", "10.0.2.1"
CLIENT = {"caCertificate": "ca", "clientCertificate": "crt", "clientKey": "the-key"}


class World:
    """A cluster of three control planes and a worker, and its memberships."""

    def __init__(self, kubeconfig: str, cluster: Cluster) -> None:
        self.cluster = cluster
        self.machines = Machines().founded(CP1, CP2, CP3)
        for name in ("cp1", "cp2", "cp3", "worker1"):
            cluster.node(name)
        self.kubeconfig = kubeconfig
        self.membership = Membership(self.machines.reach, 0.01)

    def inputs(self, name: str, address: str) -> dict[str, Any]:
        return {
            "machine": name,
            "address": address,
            "controlPlane": name.startswith("cp"),
            "controlPlanes": [CP1, CP2, CP3],
            "clientConfiguration": Secret(CLIENT),
            "kubeconfig": Secret(self.kubeconfig),
            "drainSeconds": 1,
            "deadlineSeconds": 0.2,
        }


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    cluster, certificate = Cluster(), make_certificate()
    with serving(cluster.handle, certificate, tmp_path, mutual=True) as server:
        yield World(KubeApi(server=server, certificate=certificate).kubeconfig(), cluster)


def test_a_worker_has_joined_once_its_node_is_there(world: World) -> None:
    inputs = world.inputs("worker1", WORKER)
    assert world.membership.create(inputs, False, 0.0) == ("worker1", {**inputs, "joined": True})
    assert world.machines.calls == []


def test_a_control_plane_has_joined_once_it_votes(world: World) -> None:
    inputs = world.inputs("cp1", CP1)
    assert world.membership.create(inputs, False, 0.0)[1]["joined"]
    assert world.machines.changing() == []


@pytest.mark.parametrize(
    ("learner", "words"), [(True, "as a learner so far"), (None, "no member of etcd yet")]
)
def test_a_learner_has_not_joined(world: World, learner: bool | None, words: str) -> None:
    (key,) = [id_ for id_, (name, _, _) in world.machines.listed.items() if name == "cp1"]
    if learner:
        world.machines.listed[key] = ("cp1", CP1, True)
    else:
        del world.machines.listed[key]
    with pytest.raises(PartialFailure, match=words):
        world.membership.create(world.inputs("cp1", CP1), False, 0.0)


def test_a_machine_that_does_not_join_is_kept_because_it_has_to_leave(world: World) -> None:
    del world.cluster.nodes["worker1"]
    inputs = world.inputs("worker1", WORKER)
    with pytest.raises(PartialFailure, match="worker1 has not joined") as caught:
        world.membership.create(inputs, False, 0.0)
    assert caught.value.id == "worker1"
    assert caught.value.state == {**inputs, "joined": False}
    assert "no Node of its name" in str(caught.value)
    world.cluster.node("worker1")
    assert world.membership.update("worker1", caught.value.state, inputs, False, 0.0)["joined"]


def test_an_update_of_a_member_asks_nobody(world: World) -> None:
    inputs = world.inputs("cp1", CP1)
    fewer = {**inputs, "controlPlanes": [CP1]}
    olds = {**inputs, "joined": True}
    world.cluster.nodes.clear()
    updated = world.membership.update("cp1", olds, fewer, False, 0.0)
    assert updated == {**fewer, "joined": True}
    assert world.machines.calls == []


def test_a_preview_asks_nobody(world: World) -> None:
    inputs = world.inputs("cp1", CP1)
    assert world.membership.create(inputs, True, 0.0) == ("", {**inputs, "joined": UNKNOWN})
    assert world.machines.calls == []


def test_a_worker_leaves_kubernetes_and_etcd_is_not_asked(world: World) -> None:
    world.cluster.pod("web", "worker1")
    world.membership.delete("worker1", world.inputs("worker1", WORKER), 0.0)
    assert world.cluster.done == ["cordon worker1", "evict web", "delete worker1"]
    assert world.machines.calls == []


def test_a_control_plane_leaves_kubernetes_and_then_etcd(world: World) -> None:
    world.membership.delete("cp1", world.inputs("cp1", CP1), 0.0)
    assert world.cluster.done == ["cordon cp1", "delete cp1"]
    assert {name for name, _, _ in world.machines.listed.values()} == {"cp2", "cp3"}


def test_nothing_is_touched_when_etcd_would_lose_its_quorum(world: World) -> None:
    world.machines.down = {CP3}
    with pytest.raises(Refused, match="cp1 cannot leave etcd"):
        world.membership.delete("cp1", world.inputs("cp1", CP1), 0.0)
    assert world.cluster.done == []
    assert world.machines.changing() == []


def test_leaving_again_after_it_was_interrupted_is_success(world: World) -> None:
    inputs = world.inputs("cp1", CP1)
    world.membership.delete("cp1", inputs, 0.0)
    before = world.machines.changing()
    world.membership.delete("cp1", inputs, 0.0)
    assert world.machines.changing() == before


def test_credentials_are_never_spoken(world: World) -> None:
    world.machines.down = {CP1}
    with listening() as spoken:
        world.membership.delete("cp1", world.inputs("cp1", CP1), 0.0)
    assert "the-key" not in spoken.everything
    assert "cp1 leaves etcd" in spoken.everything
