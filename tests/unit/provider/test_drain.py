"""Taking a node out of Kubernetes: what moves, what stays, and what is said of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from provider.drain import Node
from provider.rpc import Refused
from tests.unit.provider.https_server import make_certificate, serving
from tests.unit.provider.kube_api import NO_CNI, KubeApi
from tests.unit.provider.kube_nodes import BUDGET, Cluster
from tests.unit.provider.spoken import Spoken, listening

pytestmark = [pytest.mark.unit, pytest.mark.timeout(10)]

DAEMON = [{"kind": "DaemonSet", "controller": True, "name": "cilium"}]


@dataclass
class Served:
    """A cluster behind real HTTPS, and the node that leaves it."""

    cluster: Cluster
    kubeconfig: str

    def leave(self, patience: float = 5.0, name: str = "worker2") -> Spoken:
        with listening() as spoken:
            Node(name, self.kubeconfig, 0.01).leave(patience, 0.2)
        return spoken


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    cluster, certificate = Cluster(), make_certificate()
    cluster.node("worker1")
    cluster.node("worker2")
    with serving(cluster.handle, certificate, tmp_path, mutual=True) as server:
        yield Served(cluster, KubeApi(server=server, certificate=certificate).kubeconfig())


def test_a_node_is_cordoned_emptied_and_deleted_in_that_order(served: Served) -> None:
    served.cluster.pod("web", "worker2")
    spoken = served.leave()
    assert served.cluster.done == ["cordon worker2", "evict web", "delete worker2"]
    assert set(served.cluster.nodes) == {"worker1"}
    assert spoken.warnings == []


def test_pods_of_other_nodes_stay(served: Served) -> None:
    served.cluster.pod("web", "worker1")
    served.leave()
    assert "web" in served.cluster.pods


def test_what_belongs_to_the_node_itself_is_not_evicted(served: Served) -> None:
    served.cluster.pod("agent", "worker2", ownerReferences=DAEMON)
    served.cluster.pod("static", "worker2", annotations={"kubernetes.io/config.mirror": "x"})
    served.cluster.pod("job", "worker2")
    served.cluster.pods["job"]["status"]["phase"] = "Succeeded"
    served.leave()
    assert set(served.cluster.pods) == {"agent", "static", "job"}


def test_a_budget_is_respected_until_the_deadline_and_then_told(served: Served) -> None:
    served.cluster.pod("database", "worker2")
    served.cluster.guarded = {"database"}
    spoken = served.leave(patience=0.1)
    assert "database" in served.cluster.pods
    assert "worker2" not in served.cluster.nodes
    (warning,) = spoken.warnings
    assert f"apps/database: {BUDGET}" in warning


def test_a_pod_that_is_ending_is_waited_for_and_asked_once(served: Served) -> None:
    served.cluster.pod("slow", "worker2")
    served.cluster.slow = {"slow": 3}
    spoken = served.leave()
    assert served.cluster.done.count("evict slow") == 1
    assert served.cluster.pods == {}
    assert spoken.warnings == []


def test_a_pod_that_does_not_end_is_told_after_the_deadline(served: Served) -> None:
    served.cluster.pod("slow", "worker2", deletionTimestamp="2026-01-01T00:00:00Z")
    (warning,) = served.leave(patience=0.1).warnings
    assert "apps/slow: has not ended yet" in warning


def test_nobody_waits_for_the_kubelet_of_a_node_that_does_not_report(served: Served) -> None:
    served.cluster.node("worker2", NO_CNI)
    served.cluster.pod("slow", "worker2")
    served.cluster.slow = {"slow": 10**6}
    served.cluster.attached = {"pvc-1": "worker2"}
    assert served.leave().warnings == []
    assert "evict slow" in served.cluster.done


def test_a_volume_is_waited_for_until_it_is_detached(served: Served) -> None:
    served.cluster.attached = {"pvc-1": "worker2", "pvc-2": "worker1"}
    (warning,) = served.leave(patience=0.1).warnings
    assert "volume pvc-1: is still attached" in warning
    assert "pvc-2" not in warning


def test_a_node_that_is_not_there_is_success(served: Served) -> None:
    assert served.leave(name="worker9").warnings == []
    assert served.cluster.done == []


def test_an_api_that_answers_late_is_asked_again(served: Served) -> None:
    answers = [(503, {"message": "starting"})] * 3
    served.cluster.fault = lambda _request: answers.pop() if answers else None
    assert served.leave().warnings == []
    assert "worker2" not in served.cluster.nodes


def test_an_api_that_never_answers_keeps_the_machine(served: Served) -> None:
    served.cluster.fault = lambda _request: (503, {"message": "no leader"})
    with pytest.raises(Refused, match="the Node worker2 could not be deleted"):
        served.leave(patience=0.05)
    assert "worker2" in served.cluster.nodes


def test_a_refused_cordon_is_told_with_the_servers_reason(served: Served) -> None:
    served.cluster.fault = lambda request: (
        (403, {"message": "nodes is forbidden"}) if request.method == "PATCH" else None
    )
    with pytest.raises(Refused, match="did not cordon worker2: nodes is forbidden"):
        served.leave()
