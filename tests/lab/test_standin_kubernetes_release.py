"""Helm releases through the stand-in: the real helm, a real API server, charts of our own."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from lab.plugins.kubernetes import session
from lab.plugins.kubernetes.release import Release
from provider.rpc import UNKNOWN, PartialFailure, Refused, Secret, operation, plain
from tests.lab import kube_world
from tests.lab.tools_bin import tool

pytestmark = pytest.mark.lab
TOKEN = "kubernetes:helm.sh/v3:Release"
CHART = """apiVersion: v2
name: demo
version: {version}
appVersion: "7"
"""
TEMPLATE = """apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data: {colour: {{ .Values.colour | default "red" | quote }}}
"""
STUCK = """
---
apiVersion: v1
kind: Pod
metadata: {name: stuck}
spec: {containers: [{name: c, image: i}]}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kube_world.Cluster]:
    with kube_world.running(tmp_path_factory.mktemp("cluster")) as running:
        yield running


def chart(folder: Path, version: str = "0.1.0", extra: str = "") -> Path:
    path = folder / "demo"
    (path / "templates").mkdir(parents=True, exist_ok=True)
    (path / "Chart.yaml").write_text(CHART.format(version=version))
    (path / "templates" / "map.yaml").write_text(TEMPLATE + extra)
    return path


class Life:
    """One release through its life."""

    def __init__(self, kubeconfig: str, **config: str) -> None:
        self.session = session.open_session({"kubeconfig": kubeconfig, **config})
        self.resource = Release(lambda: self.session, str(tool("helm")))
        self.inputs: dict[str, Any] = {}
        self.state: dict[str, Any] = {}
        self.id = ""

    def serving(self) -> Any:
        urn = f"urn:pulumi:test::small::{TOKEN}::demo"
        return operation.serving(operation.Operation(urn=urn, type=TOKEN))

    def check(self, news: dict[str, Any]) -> dict[str, Any]:
        with self.serving():
            inputs, failures = self.resource.check(self.inputs, news)
        assert not failures, failures
        return inputs

    def create(self, news: dict[str, Any]) -> "Life":
        inputs = self.check(news)
        with self.serving():
            self.id, self.state = self.resource.create(inputs, False, 0)
        self.inputs = inputs
        return self

    def update(self, news: dict[str, Any]) -> "Life":
        inputs = self.check(news)
        with self.serving():
            self.state = self.resource.update(self.id, self.state, inputs, False, 0)
        self.inputs = inputs
        return self

    def changed(self, news: dict[str, Any]) -> list[str]:
        with self.serving():
            found = self.resource.diff(self.id, self.state, self.inputs, self.check(news), [])
        return sorted(found.detailed)

    def read(self) -> str | None:
        with self.serving():
            found, state, inputs = self.resource.read(self.id, self.state, self.inputs)
        if found:
            self.state, self.inputs = state, inputs
        return found

    def delete(self) -> None:
        with self.serving():
            self.resource.delete(self.id, self.state, 0)


def test_a_release_lives_through_install_upgrade_and_uninstall(
    cluster: kube_world.Cluster, tmp_path: Path
) -> None:
    path = str(chart(tmp_path))
    wanted = {"chart": path, "name": "life", "namespace": "lives", "createNamespace": True}
    life = Life(cluster.kubeconfig).create(wanted)
    assert life.id == "lives/life"
    assert life.state["resourceNames"] == {"ConfigMap/v1": ["life"]}
    assert life.state["status"] == {
        "appVersion": "7",
        "chart": "demo",
        "name": "life",
        "namespace": "lives",
        "revision": 1,
        "status": "deployed",
        "version": "0.1.0",
    }
    assert life.changed(wanted) == []
    chart(tmp_path, "0.2.0")
    blue = {**wanted, "values": {"colour": "blue"}}
    assert life.changed(blue) == ["values.colour", "version"]
    life.update(blue)
    assert life.state["status"]["revision"] == 2
    live = cluster.get("/api/v1/namespaces/lives/configmaps/life").json()
    assert live["data"] == {"colour": "blue"}
    assert life.read() == "lives/life"
    assert life.changed(blue) == []
    life.delete()
    assert life.read() is None


def test_a_hand_made_upgrade_shows_after_a_read(
    cluster: kube_world.Cluster, tmp_path: Path
) -> None:
    wanted = {"chart": str(chart(tmp_path)), "name": "drift", "values": {"colour": "red"}}
    life = Life(cluster.kubeconfig).create(wanted)
    path = str(tmp_path / "demo")
    by_hand = [str(tool("helm")), "upgrade", "drift", path, "--set", "colour=green"]
    config = ["--kubeconfig", str(cluster.folder / "kubeconfig")]
    subprocess.run([*by_hand, *config], check=True, capture_output=True, timeout=60)
    life.read()
    assert life.changed(wanted) == ["values.colour"]
    life.delete()


def test_secret_values_stay_secret(cluster: kube_world.Cluster, tmp_path: Path) -> None:
    values = {"colour": Secret("canary")}
    life = Life(cluster.kubeconfig).create(
        {"chart": str(chart(tmp_path)), "name": "hidden", "values": values}
    )
    assert isinstance(life.state["values"]["colour"], Secret)
    assert isinstance(life.state["__inputs"], Secret)
    life.delete()


def test_a_name_is_made_up_and_kept(cluster: kube_world.Cluster, tmp_path: Path) -> None:
    life = Life(cluster.kubeconfig)
    life.inputs = life.check({"chart": str(chart(tmp_path))})
    assert life.inputs["name"].startswith("demo-")
    assert life.check({"chart": str(chart(tmp_path))})["name"] == life.inputs["name"]


def test_a_release_that_does_not_become_ready_is_kept(
    cluster: kube_world.Cluster, tmp_path: Path
) -> None:
    wanted = {"chart": str(chart(tmp_path, extra=STUCK)), "name": "failing", "timeout": 1}
    life = Life(cluster.kubeconfig)
    with pytest.raises(PartialFailure) as failed:
        life.create(wanted)
    assert failed.value.id == "default/failing"
    assert failed.value.state["status"]["status"] == "failed"
    assert 'Helm release "default/failing" was created, but failed' in failed.value.reasons[0]
    life.state, life.inputs = failed.value.state, wanted
    life.delete()


def test_an_atomic_release_leaves_nothing_behind(
    cluster: kube_world.Cluster, tmp_path: Path
) -> None:
    path = str(chart(tmp_path, extra=STUCK))
    life = Life(cluster.kubeconfig)
    with pytest.raises(Refused, match="failed"):
        life.create({"chart": path, "name": "atomic", "timeout": 1, "atomic": True})
    assert cluster.get("/api/v1/namespaces/default/configmaps/atomic").status_code == 404


def test_a_name_in_use_is_refused_and_the_other_release_survives(
    cluster: kube_world.Cluster, tmp_path: Path
) -> None:
    wanted = {"chart": str(chart(tmp_path)), "name": "taken"}
    first = Life(cluster.kubeconfig).create(wanted)
    with pytest.raises(Refused, match="cannot re-use a name that is still in use"):
        Life(cluster.kubeconfig).create(wanted)
    assert first.read()
    first.delete()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_version_constraint_comes_to_a_version_of_the_repository(
    cluster: kube_world.Cluster, tmp_path: Path
) -> None:
    shelf = tmp_path / "shelf"
    for version in ("0.1.0", "0.1.7", "0.2.0"):
        package = [str(tool("helm")), "package", str(chart(tmp_path, version)), "-d", str(shelf)]
        subprocess.run(package, check=True, capture_output=True, timeout=60)
    index = [str(tool("helm")), "repo", "index", str(shelf)]
    subprocess.run(index, check=True, capture_output=True, timeout=60)
    with served(shelf) as url:
        for options in ({"repo": url}, {"repo": url, "username": "u", "password": Secret("p")}):
            wanted = {"chart": "demo", "version": "0.1.x", "repositoryOpts": options}
            checked = Life(cluster.kubeconfig).check(wanted)
            assert checked["version"] == "0.1.7"


def test_a_chart_that_is_not_there_fails_the_check(cluster: kube_world.Cluster) -> None:
    life = Life(cluster.kubeconfig)
    with life.serving():
        _, failures = life.resource.check({}, {"chart": "./nowhere"})
    assert failures[0].property == "chart"
    assert failures[0].reason == (
        'path "./nowhere" not found; check the chart name and repository configuration.'
    )


def test_a_preview_says_what_only_helm_will_know(
    cluster: kube_world.Cluster, tmp_path: Path
) -> None:
    life = Life(cluster.kubeconfig)
    inputs = life.check({"chart": str(chart(tmp_path))})
    with life.serving():
        _, planned = life.resource.create(inputs, True, 0)
    assert planned["status"] is UNKNOWN


def test_an_unreachable_cluster_is_an_error_even_where_objects_are_dropped(tmp_path: Path) -> None:
    [port] = kube_world.free_ports(1)
    config = kube_world.kubeconfig(f"https://127.0.0.1:{port}", None)
    life = Life(config, deleteUnreachable="true")
    wanted = {"chart": str(chart(tmp_path)), "name": "far", "namespace": "n"}
    with pytest.raises(Refused, match=r"^can't create Helm Release with unreachable cluster: "):
        life.create(wanted)
    life.id, life.inputs, life.state = "n/far", wanted, plain(wanted)
    with pytest.raises(Refused, match=r"^can't delete Helm Release with unreachable"):
        life.delete()
    assert life.read() is None, "only a refresh heeds deleteUnreachable"
