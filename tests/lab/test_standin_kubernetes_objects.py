"""The stand-in's object resource against a real API server, without an engine in between."""

import dataclasses
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab.plugins.kubernetes import kinds, session
from lab.plugins.kubernetes.resource import KubernetesObject
from provider.rpc import Diff, PartialFailure, Refused, Secret, operation, plain
from tests.lab import kube_world

pytestmark = pytest.mark.lab
NAMESPACES = "/api/v1/namespaces"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kube_world.Cluster]:
    with kube_world.running(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@dataclass
class Made:
    """One resource through its life, as the engine would lead it."""

    resource: KubernetesObject
    token: str
    id: str = ""
    inputs: Any = None
    state: Any = None

    def serving(self) -> Any:
        urn = f"urn:pulumi:test::small::{self.token}::thing"
        return operation.serving(operation.Operation(urn=urn, type=self.token))

    def check(self, news: dict[str, Any]) -> Any:
        with self.serving():
            return self.resource.check(self.inputs or {}, news)[0]

    def create(self, news: dict[str, Any], *, preview: bool = False, timeout: float = 20) -> "Made":
        inputs = self.check(news)
        with self.serving():
            self.id, self.state = self.resource.create(inputs, preview, timeout)
        self.inputs = inputs
        return self

    def diff(self, news: dict[str, Any]) -> Diff:
        inputs = self.check(news)
        with self.serving():
            return self.resource.diff(self.id, self.state, self.inputs, inputs, [])

    def update(self, news: dict[str, Any]) -> "Made":
        inputs = self.check(news)
        with self.serving():
            self.state = self.resource.update(self.id, self.state, inputs, False, 20)
        self.inputs = inputs
        return self

    def read(self) -> str | None:
        with self.serving():
            found, state, inputs = self.resource.read(self.id, self.state, self.inputs)
        if found:
            self.state, self.inputs = state, inputs
        return found

    def delete(self, timeout: float = 20) -> None:
        with self.serving():
            self.resource.delete(self.id, self.state, timeout)


def thing(cluster: kube_world.Cluster, kind: str = "core/v1:ConfigMap", **config: object) -> Made:
    opened = session.open_session({"kubeconfig": cluster.kubeconfig, **config})
    assert opened.client, opened.unreachable
    return Made(KubernetesObject(lambda: opened), f"kubernetes:{kind}")


def config_map(name: str, data: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, **metadata},
        "data": data or {"a": "1"},
    }


def test_an_object_lives_in_the_default_namespace_when_none_is_named(
    cluster: kube_world.Cluster,
) -> None:
    made = thing(cluster).create(config_map("plain"))
    assert made.id == "default/plain"
    assert not made.diff(config_map("plain")).changed
    made.delete()
    assert made.read() is None


def test_an_existing_object_is_an_error_unless_upserting(cluster: kube_world.Cluster) -> None:
    thing(cluster).create(config_map("twice"))
    with pytest.raises(Refused, match='configmaps "twice" already exists') as refused:
        thing(cluster).create(config_map("twice"))
    assert "set upsertExistingObjects on the provider" in str(refused.value)
    adopted = thing(cluster, upsertExistingObjects="true", enablePatchForce="true")
    assert plain(adopted.create(config_map("twice", {"a": "2"})).state)["data"] == {"a": "2"}


def test_drift_shows_after_a_read_and_is_undone_by_an_update(cluster: kube_world.Cluster) -> None:
    made = thing(cluster, enableConfigMapMutable="true").create(config_map("drift", {"a": "1"}))
    path = f"{NAMESPACES}/default/configmaps/drift"
    patch = {"data": {"a": "by hand", "other": "kept"}}
    cluster.send("PATCH", path, patch, "application/merge-patch+json")
    assert made.read() == "default/drift"
    assert list(made.diff(config_map("drift", {"a": "1"})).detailed) == ["data.a"]
    with pytest.raises(PartialFailure, match="field conflict detected"):
        made.update(config_map("drift", {"a": "1"}))
    forced = config_map("drift", {"a": "1"}, annotations={"pulumi.com/patchForce": "true"})
    assert plain(made.update(forced).state)["data"] == {"a": "1", "other": "kept"}


def test_what_we_no_longer_name_is_removed_and_what_others_own_stays(
    cluster: kube_world.Cluster,
) -> None:
    made = thing(cluster, enableConfigMapMutable="true").create(
        config_map("own", {"a": "1", "b": "2"})
    )
    path = f"{NAMESPACES}/default/configmaps/own"
    cluster.send("PATCH", path, {"data": {"c": "3"}}, "application/merge-patch+json")
    made.update(config_map("own", {"a": "1"}))
    assert cluster.get(path).json()["data"] == {"a": "1", "c": "3"}


def test_a_preview_is_a_dry_run(cluster: kube_world.Cluster) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "dry"},
        "spec": {"ports": [{"port": 80}]},
    }
    planned = thing(cluster, "core/v1:Service").create(service, preview=True)
    assert planned.id == ""
    assert planned.state["spec"]["type"] == "ClusterIP", "the server's own default"
    assert cluster.get(f"{NAMESPACES}/default/services/dry").status_code == 404


def test_a_preview_in_a_namespace_to_come_echoes_the_inputs(cluster: kube_world.Cluster) -> None:
    planned = thing(cluster).create(config_map("later", namespace="to-come"), preview=True)
    assert "uid" not in planned.state["metadata"]


def test_a_create_waits_for_its_namespace(cluster: kube_world.Cluster) -> None:
    def make_namespace() -> None:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "coming"}}
        cluster.send("POST", NAMESPACES, body)

    timer = threading.Timer(0.5, make_namespace)
    timer.start()
    made = thing(cluster).create(config_map("early", namespace="coming"))
    timer.join()
    assert made.id == "coming/early"


def test_a_secret_is_sealed_and_its_change_replaces(cluster: kube_world.Cluster) -> None:
    def secret(value: str) -> dict[str, Any]:
        data = {"password": Secret(value)}
        meta = {"name": "sealed"}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": data}

    made = thing(cluster, "core/v1:Secret").create(secret("canary"))
    assert isinstance(made.state["data"], Secret)
    assert isinstance(made.state["__inputs"]["data"], Secret)
    assert made.read()
    assert not made.diff(secret("canary")).changed
    changed = made.diff(secret("other"))
    assert changed.replaces == ("data.password",)
    assert changed.delete_before_replace, "the name is given, so two cannot exist"


def test_a_custom_resource_goes_with_its_definition(cluster: kube_world.Cluster) -> None:
    schema = {"type": "object", "x_kubernetes_preserve_unknown_fields": True}
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "boats.example.org"},
        "spec": {
            "group": "example.org",
            "names": {"kind": "Boat", "plural": "boats"},
            "scope": "Cluster",
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }
    kind = "apiextensions.k8s.io/v1:CustomResourceDefinition"
    definition = thing(cluster, kind).create(crd)
    assert definition.read()
    assert not definition.diff(crd).changed
    body = {
        "apiVersion": "example.org/v1",
        "kind": "Boat",
        "metadata": {"name": "b"},
        "spec": {"l": 3},
    }
    boat = thing(cluster, "example.org/v1:Boat").create(body)
    assert boat.id == "b"
    assert not boat.diff(body).changed
    boat.update({**body, "spec": {"l": 4}})
    assert plain(boat.state)["spec"] == {"l": 4}
    definition.delete()
    assert boat.read() is None
    boat.delete()


def test_a_patch_owns_its_fields_and_gives_them_up(cluster: kube_world.Cluster) -> None:
    patch = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "kube-public", "labels": {"zone": "lab"}},
    }
    made = thing(cluster, "core/v1:NamespacePatch").create(patch)
    path = f"{NAMESPACES}/kube-public"
    assert cluster.get(path).json()["metadata"]["labels"]["zone"] == "lab"
    assert not made.diff(patch).changed
    made.delete()
    left = cluster.get(path).json()
    assert "zone" not in left["metadata"]["labels"]


def test_a_patch_needs_a_name(cluster: kube_world.Cluster) -> None:
    patch = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"labels": {"a": "b"}}}
    with pytest.raises(Refused, match=r"require the `.metadata.name` field"):
        thing(cluster, "core/v1:NamespacePatch").create(patch)


def test_a_workload_that_does_not_start_is_kept_with_its_reasons(
    cluster: kube_world.Cluster,
) -> None:
    labels = {"app": "stuck"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "stuck", "annotations": {"pulumi.com/timeoutSeconds": "2"}},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": pod},
    }
    made = thing(cluster, "apps/v1:Deployment")
    with pytest.raises(PartialFailure) as failed:
        made.create(deployment, timeout=0)
    assert failed.value.id == "default/stuck"
    assert "'stuck' timed out waiting to be Ready" in failed.value.reasons[0]
    assert "Minimum number of live Pods was not attained" in failed.value.reasons
    made.id, made.state, made.inputs = failed.value.id, failed.value.state, deployment
    with pytest.raises(PartialFailure, match="failed to initialize"):
        made.read()
    made.delete()


def test_wait_for_waits_for_what_it_names(cluster: kube_world.Cluster) -> None:
    path = f"{NAMESPACES}/default/configmaps/awaited"

    def finish() -> None:
        cluster.send("PATCH", path, {"data": {"done": "yes"}}, "application/merge-patch+json")

    timer = threading.Timer(0.5, finish)
    timer.start()
    wanted = {"pulumi.com/waitFor": "jsonpath={.data.done}=yes"}
    made = thing(cluster).create(config_map("awaited", annotations=wanted))
    timer.join()
    assert plain(made.state)["data"]["done"] == "yes"


def test_a_delete_that_a_finalizer_holds_up_fails_and_keeps_the_object(
    cluster: kube_world.Cluster,
) -> None:
    made = thing(cluster).create(config_map("held", finalizers=["example.org/hold"]))
    with pytest.raises(PartialFailure, match="timed out waiting for the condition"):
        made.delete(timeout=1)
    path = f"{NAMESPACES}/default/configmaps/held"
    patch = {"metadata": {"finalizers": None}}
    cluster.send("PATCH", path, patch, "application/merge-patch+json")
    made.delete()


def test_an_import_reads_inputs_from_the_live_object(cluster: kube_world.Cluster) -> None:
    thing(cluster).create(config_map("found", {"a": "1"}))
    imported = thing(cluster)
    imported.id, imported.state, imported.inputs = "default/found", {}, {}
    assert imported.read() == "default/found"
    assert imported.inputs["data"] == {"a": "1"}
    assert not {"uid", "managedFields"} & set(imported.inputs["metadata"])
    assert not imported.diff(config_map("found", {"a": "1"})).replaces


def test_lists_are_refused(cluster: kube_world.Cluster) -> None:
    with pytest.raises(Refused, match="list resources exist for compatibility"):
        thing(cluster, "core/v1:SecretList").check({"kind": "SecretList"})


def unreachable(tmp_path: Path, **config: object) -> Made:
    [port] = kube_world.free_ports(1)
    text = kube_world.kubeconfig(f"https://127.0.0.1:{port}", None)
    del tmp_path
    opened = session.open_session({"kubeconfig": text, **config})
    made = Made(KubernetesObject(lambda: opened), "kubernetes:core/v1:ConfigMap")
    made.id, made.inputs = "default/x", config_map("x")
    made.state = config_map("x")
    return made


def test_an_unreachable_cluster_fails_every_change_in_the_vendors_words(tmp_path: Path) -> None:
    made = unreachable(tmp_path)
    refused = r"^configured Kubernetes cluster is unreachable: unable to load schema information "
    with pytest.raises(Refused, match=refused + r".*connect: connection refused$"):
        made.create(config_map("x"))
    with pytest.raises(Refused, match="PULUMI_K8S_DELETE_UNREACHABLE"):
        made.delete()
    with pytest.raises(Refused, match="failed to read resource state due to unreachable cluster"):
        made.read()
    assert made.create(config_map("x"), preview=True).state["data"] == {"a": "1"}


def test_an_api_server_that_goes_away_is_told_of_as_such(cluster: kube_world.Cluster) -> None:
    opened = session.open_session({"kubeconfig": cluster.kubeconfig})
    assert opened.client
    assert opened.client.exists(kinds.of_object("v1", "ConfigMap"))
    [port] = kube_world.free_ports(1)
    gone = dataclasses.replace(opened.client.cluster, server=f"https://127.0.0.1:{port}")
    opened.client.cluster = gone
    made = Made(KubernetesObject(lambda: opened), "kubernetes:core/v1:ConfigMap")
    made.id, made.inputs = "default/x", config_map("x")
    made.state = config_map("x")
    with pytest.raises(Refused, match=r"was not successfully created .*: connection refused$"):
        made.create(config_map("x"))
    with pytest.raises(Refused, match=r"dial tcp .* connect: connection refused$"):
        made.delete()


def test_unreachable_objects_are_dropped_when_told_to(tmp_path: Path) -> None:
    made = unreachable(tmp_path, deleteUnreachable="true")
    made.delete()
    assert made.read() is None
