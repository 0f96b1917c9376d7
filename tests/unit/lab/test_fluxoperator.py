"""What the stand-in for flux-operator makes of an instance, before anything is applied."""

from typing import Any

import pytest

from lab.fluxoperator import conditions, health
from lab.fluxoperator.distribution import BuildError, resolve
from lab.fluxoperator.instance import Instance, seconds
from lab.fluxoperator.manifests import Build, build
from lab.fluxoperator.operator import pause_after

pytestmark = pytest.mark.unit

SPEC: dict[str, Any] = {
    "distribution": {"version": "2.9.x", "registry": "ghcr.io/fluxcd"},
    "cluster": {"size": "small", "networkPolicy": True, "domain": "cluster.local"},
    "sync": {
        "kind": "GitRepository",
        "url": "ssh://git@git.example/a/b.git",
        "ref": "refs/heads/main",
        "path": "./clusters/one",
        "interval": "5m",
        "pullSecret": "key",
    },
}


def instance(**changes: Any) -> Instance:
    metadata = {"name": "flux", "namespace": "flux-system", "generation": 2}
    return Instance(
        {
            "apiVersion": "fluxcd.controlplane.io/v1",
            "kind": "FluxInstance",
            "metadata": metadata,
            "spec": SPEC | changes,
        }
    )


def made(**changes: Any) -> dict[str, Any]:
    return {
        f"{item['kind']}/{item['metadata']['name']}": item
        for item in build(instance(**changes), []).objects
    }


@pytest.mark.parametrize(
    ("wanted", "version"), [("2.9.x", "v2.9.4"), ("2.x", "v2.9.4"), ("v2.9.1", "v2.9.1")]
)
def test_a_range_of_versions_is_the_newest_that_there_is(wanted: str, version: str) -> None:
    assert resolve(wanted) == version


@pytest.mark.parametrize(
    ("wanted", "said"),
    [("2.10.x", "no match found for semver: 2.10.x"), ("latest", "improper constraint: latest")],
)
def test_a_version_that_there_is_not_cannot_be_built(wanted: str, said: str) -> None:
    with pytest.raises(BuildError, match=said):
        resolve(wanted)


def test_the_sync_becomes_a_source_and_a_root_named_after_the_namespace() -> None:
    objects = made()
    source, root = objects["GitRepository/flux-system"], objects["Kustomization/flux-system"]
    assert source["spec"] == {
        "interval": "5m",
        "ref": {"name": "refs/heads/main"},
        "url": "ssh://git@git.example/a/b.git",
        "secretRef": {"name": "key"},
    }
    assert root["spec"]["path"] == "./clusters/one"
    assert root["spec"]["prune"] is True
    assert root["spec"]["sourceRef"] == {"kind": "GitRepository", "name": "flux-system"}


def test_everything_carries_its_owner_and_cannot_be_pruned_by_a_tree() -> None:
    for item in made().values():
        labels, annotations = item["metadata"]["labels"], item["metadata"]["annotations"]
        assert labels["fluxcd.controlplane.io/name"] == "flux"
        assert labels["app.kubernetes.io/part-of"] == "flux"
        assert labels["app.kubernetes.io/version"] == "v2.9.4"
        assert annotations["kustomize.toolkit.fluxcd.io/prune"] == "Disabled"


def test_accounts_roles_and_deployments_have_the_names_of_fluxs_own_manifests() -> None:
    objects = made()
    for name in ("crd-controller", "cluster-reconciler"):
        assert f"ClusterRoleBinding/{name}-flux-system" in objects
    bound = objects["ClusterRoleBinding/cluster-reconciler-flux-system"]
    assert [who["name"] for who in bound["subjects"]] == ["kustomize-controller", "helm-controller"]
    assert bound["roleRef"]["name"] == "cluster-admin"
    for name in ("source", "kustomize", "helm", "notification"):
        pod = objects[f"Deployment/{name}-controller"]["spec"]["template"]["spec"]
        assert pod["serviceAccountName"] == f"{name}-controller"
        assert pod["containers"][0]["image"].startswith(f"ghcr.io/fluxcd/{name}-controller:v1.")


def test_only_the_components_that_are_wanted_are_made() -> None:
    objects = made(components=["source-controller", "kustomize-controller"])
    kinds = [name for name in objects if name.startswith(("Deployment/", "Service/"))]
    assert kinds == [
        "Service/source-controller",
        "Deployment/source-controller",
        "Deployment/kustomize-controller",
    ]
    with pytest.raises(BuildError, match="invalid component: magic"):
        made(components=["magic"])


def test_an_instance_without_network_policies_gets_none() -> None:
    assert not any(name.startswith("NetworkPolicy/") for name in made(cluster={"networkPolicy": 0}))


def test_the_revision_changes_with_what_is_made_and_with_nothing_else() -> None:
    def revision(**changes: Any) -> str:
        found: Build = build(instance(**changes), [])
        return found.revision

    assert revision() == revision()
    assert revision() != revision(components=["source-controller"])
    assert revision().startswith("v2.9.4@sha256:")


def test_an_entry_of_the_inventory_leads_back_to_its_object() -> None:
    objects = build(instance(), []).objects
    for entry, item in zip(conditions.inventory(objects), objects, strict=True):
        metadata = item["metadata"]
        place = (item["apiVersion"], item["kind"], metadata.get("namespace"), metadata["name"])
        assert conditions.reference(entry) == place


@pytest.mark.parametrize(
    ("text", "expected"),
    [("5m", 300.0), ("1h30m", 5400.0), ("500ms", 0.5), (None, 7.0), ("soon", 7.0), ("5m!", 7.0)],
)
def test_durations_are_read_as_go_writes_them(text: str | None, expected: float) -> None:
    assert seconds(text, 7.0) == expected


def test_a_deployment_is_healthy_when_what_is_wanted_now_is_available() -> None:
    item: dict[str, Any] = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "x", "generation": 2},
        "spec": {"replicas": 1},
        "status": {
            "observedGeneration": 2,
            "replicas": 1,
            "updatedReplicas": 1,
            "availableReplicas": 1,
        },
    }
    assert health.is_healthy(item)
    for change in ({"observedGeneration": 1}, {"availableReplicas": 0}, {"replicas": 2}):
        assert not health.is_healthy({**item, "status": item["status"] | change})


def test_attempts_come_at_doubling_pauses_up_to_a_limit() -> None:
    assert [pause_after(n, limit=900) for n in (1, 2, 3, 4)] == [1, 2, 4, 8]
    assert pause_after(99, limit=900) == 900


def test_patches_change_the_objects_they_are_meant_for_and_no_others() -> None:
    operations = (
        '[{"op": "replace", "path": "/spec/prune", "value": false},'
        ' {"op": "add", "path": "/spec/deletionPolicy", "value": "Orphan"}]'
    )
    target = {"kind": "Kustomization", "name": "flux-system"}
    merge = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: all}\nspec: {replicas: 2}\n"
    patches = [
        {"target": target, "patch": operations},
        {"target": {"kind": "Deployment", "name": "(helm|source)-controller"}, "patch": merge},
    ]
    plain, changed = made(), made(kustomize={"patches": patches})
    root = changed["Kustomization/flux-system"]["spec"]
    assert (root["prune"], root["deletionPolicy"]) == (False, "Orphan")
    assert changed["Deployment/helm-controller"]["spec"]["replicas"] == 2
    touched = [name for name, item in changed.items() if item != plain[name]]
    assert touched == [
        "Deployment/source-controller",
        "Deployment/helm-controller",
        "Kustomization/flux-system",
    ]


@pytest.mark.parametrize(
    "patch",
    [
        '[{"op": "replace", "path": "/spec/absent", "value": 1}]',
        '[{"op": "remove", "path": "/spec/absent/deeper"}]',
        "[",
    ],
)
def test_a_patch_that_does_not_apply_is_said_and_nothing_is_built(patch: str) -> None:
    target = {"kind": "Kustomization"}
    with pytest.raises(BuildError, match=r"no path /spec/absent|failed to parse"):
        made(kustomize={"patches": [{"target": target, "patch": patch}]})
