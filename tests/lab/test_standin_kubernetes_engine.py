"""The kubernetes stand-in under the real engine: a small program through all its commands."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import kube_world
from tests.lab.standin_engine import Stack
from tests.lab.tools_bin import tool

pytestmark = [pytest.mark.lab, pytest.mark.timeout(480)]
PROGRAM = """
import pulumi_kubernetes as k8s
p = k8s.Provider("p", kubeconfig=pulumi.Output.secret(open("kubeconfig").read()), IDENTIFIER)
here = pulumi.ResourceOptions(provider=p)
space = k8s.core.v1.Namespace("space", metadata={"name": "SPACE"}, opts=here)
inside = {"namespace": space.metadata.name}
key = k8s.core.v1.Secret("key", metadata={"name": "key", **inside}, opts=here,
                         string_data={"identity": pulumi.Output.secret("canary-123")})
settings = k8s.core.v1.ConfigMap("settings", metadata=inside, data={"colour": "COLOUR"}, opts=here)
idle = k8s.apps.v1.Deployment("idle", metadata=inside, opts=here, spec={
    "replicas": 0, "selector": {"match_labels": {"a": "b"}},
    "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [
        {"name": "c", "image": "i:1", "resources": {"limits": {"cpu": "0.5"}}}]}}})
demo = k8s.helm.v3.Release("demo", chart="./chart", name="demo", namespace=space.metadata.name,
                           values={"colour": "COLOUR"}, opts=here)
pulumi.export("name", settings.metadata.name)
pulumi.export("revision", demo.status.revision)
"""
CHART = "apiVersion: v2\nname: demo\nversion: 0.1.0\n"
TEMPLATE = """apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data: {colour: {{ .Values.colour }}}
"""


def program(colour: str, identifier: str = "one", space: str = "space") -> str:
    text = PROGRAM.replace("COLOUR", colour).replace("SPACE", space)
    return text.replace("IDENTIFIER", f'cluster_identifier="{identifier}"')


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kube_world.Cluster]:
    with kube_world.running(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture
def stack(cluster: kube_world.Cluster, tmp_path: Path) -> Stack:
    (tmp_path / "chart" / "templates").mkdir(parents=True)
    (tmp_path / "chart" / "Chart.yaml").write_text(CHART)
    (tmp_path / "chart" / "templates" / "map.yaml").write_text(TEMPLATE)
    (tmp_path / "kubeconfig").write_text(cluster.kubeconfig)
    assert tool("helm").is_file()
    return Stack(tmp_path)


def test_a_program_lives_through_all_commands(stack: Stack, cluster: kube_world.Cluster) -> None:
    stack.program(program("red"))
    assert stack.preview().ok().counts == {"to create": 7}
    first = stack.up().ok()
    assert first.counts == {"created": 7}
    assert stack.up().ok().counts == {"unchanged": 7}
    assert stack.refresh().ok().counts == {"unchanged": 7}
    assert stack.up().ok().counts == {"unchanged": 7}

    state = json.dumps(stack.state())
    assert "canary-123" not in state + first.text
    assert "Y2FuYXJ5LTEyMw==" not in state + first.text

    stack.program(program("blue"))
    preview = stack.preview().ok()
    assert preview.counts == {"to update": 1, "to replace": 1, "unchanged": 5}
    assert 'colour: "red" => "blue"' in preview.text
    assert stack.up().ok().counts == {"updated": 1, "replaced": 1, "unchanged": 5}
    assert stack.up().ok().counts == {"unchanged": 7}

    path = "/apis/apps/v1/namespaces/space/deployments/"
    idle = stack.resource("idle")["id"].removeprefix("space/")
    cluster.send("PATCH", path + idle, {"spec": {"replicas": 2}}, "application/merge-patch+json")
    assert "replicas" in stack.run("preview", "--diff", "--refresh").text

    moved = program("blue", "another")
    stack.program(moved)
    assert stack.preview().ok().counts["to replace"] == 6

    stack.program(program("blue"))
    assert stack.destroy().ok().counts == {"deleted": 7}
    assert cluster.get("/api/v1/namespaces/space").status_code == 404


LATE = """
import pulumi_kubernetes as k8s
text = open("kubeconfig").read()
first = k8s.Provider("first", kubeconfig=text, cluster_identifier="one")
seed = k8s.core.v1.ConfigMap("seed", metadata={"name": "SEED"},
                             opts=pulumi.ResourceOptions(provider=first))
late = k8s.Provider("late", kubeconfig=seed.metadata.uid.apply(lambda _: text),
                    cluster_identifier="two")
inside = k8s.core.v1.ConfigMap("inside", data={"a": "b"},
                               opts=pulumi.ResourceOptions(provider=late))
pulumi.export("name", inside.metadata.name)
"""


def test_a_kubeconfig_that_is_not_known_yet_previews_and_replaces_nothing_later(
    stack: Stack,
) -> None:
    stack.program(LATE.replace("SEED", "seed-one"))
    assert stack.preview().ok().counts == {"to create": 5}
    assert stack.up().ok().counts == {"created": 5}
    stack.program(LATE.replace("SEED", "seed-two"))  # replaced: the kubeconfig is unknown again
    preview = stack.preview().ok()
    assert preview.counts["to replace"] == 1, "clusterIdentifier keeps the rest"
    assert stack.up().ok().counts["replaced"] == 1
    assert stack.up().ok().counts == {"unchanged": 5}
    assert stack.destroy().ok().counts == {"deleted": 5}


def test_a_cluster_that_is_gone_is_dropped_by_environment_but_its_release_is_not(
    stack: Stack, cluster: kube_world.Cluster
) -> None:
    stack.program(program("red", space="lost"))
    stack.up().ok()
    [port] = kube_world.free_ports(1)
    gone = kube_world.kubeconfig(f"https://127.0.0.1:{port}", None)
    (stack.folder / "kubeconfig").write_text(gone)
    unreachable = stack.up()
    assert unreachable.status != 0 or unreachable.counts == {"updated": 1, "unchanged": 6}
    refused = stack.destroy()
    assert refused.status != 0
    assert "PULUMI_K8S_DELETE_UNREACHABLE" in refused.text or "Helm Release" in refused.text
    drop = {"PULUMI_K8S_DELETE_UNREACHABLE": "true"}
    half = stack.run("destroy", "--yes", "--skip-preview", env=drop)
    assert "can't delete Helm Release with unreachable cluster" in half.text
    stack.run("refresh", "--yes", "--skip-preview", env=drop).ok()
    stack.run("destroy", "--yes", "--skip-preview", env=drop).ok()
    assert stack.state() == []
    cluster.send("DELETE", "/api/v1/namespaces/lost")
