"""When objects are ready, and what is said of those that are not."""

from typing import Any

import pytest

from lab.plugins.kubernetes import helm, kubeconfig, memory_file, readiness, release, waiting
from lab.plugins.kubernetes.kinds import GroupVersionKind
from lab.plugins.kubernetes.objects import Object
from provider.rpc import UNKNOWN

pytestmark = pytest.mark.unit


def nobody(gvk: GroupVersionKind) -> list[Object]:
    del gvk
    return []


def deployment(*, available: str = "True", revision: str = "1", reason: str = "") -> Object:
    return {
        "metadata": {
            "name": "d",
            "uid": "d1",
            "generation": 1,
            "annotations": {"deployment.kubernetes.io/revision": revision},
        },
        "status": {
            "observedGeneration": 1,
            "conditions": [
                {"type": "Available", "status": available, "reason": "Min", "message": "few"},
                {"type": "Progressing", "status": "True", "reason": reason},
            ],
        },
    }


def replica_set(*, ready: int, wanted: int = 2, revision: str = "1") -> Object:
    return {
        "metadata": {
            "uid": "r1",
            "ownerReferences": [{"uid": "d1"}],
            "annotations": {"deployment.kubernetes.io/revision": revision},
        },
        "spec": {"replicas": wanted},
        "status": {"readyReplicas": ready},
    }


def beside(**by_kind: list[Object]) -> readiness.Neighbours:
    def look(gvk: GroupVersionKind) -> list[Object]:
        return by_kind.get(gvk.kind, [])

    return look


def test_a_deployment_is_ready_with_its_replica_set() -> None:
    sets = beside(ReplicaSet=[replica_set(ready=2)])
    assert readiness.deployment(deployment(), sets, None).ready


def test_a_rollout_waits_for_the_new_replica_set() -> None:
    sets = beside(ReplicaSet=[replica_set(ready=2, revision="2")])
    rolling = readiness.deployment(deployment(revision="2", reason="ReplicaSetUpdated"), sets, None)
    assert not rolling.ready
    done = deployment(revision="2", reason="NewReplicaSetAvailable")
    assert readiness.deployment(done, sets, None).ready


def test_a_deployment_names_the_container_that_holds_it_up() -> None:
    waits = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    pod = {
        "metadata": {"name": "p", "namespace": "n", "ownerReferences": [{"uid": "r1"}]},
        "status": {"containerStatuses": [{"name": "app", "ready": False, "state": waits}]},
    }
    near = beside(ReplicaSet=[replica_set(ready=0)], Pod=[pod])
    reasons = readiness.deployment(deployment(available="False"), near, None).reasons
    assert "Minimum number of live Pods was not attained" in reasons
    assert reasons[-1] == (
        "[Pod n/p]: containers with unready status: [app] -- [ImagePullBackOff] no such image"
    )


def test_a_deployment_waits_for_its_claims() -> None:
    bound = deployment()
    volumes = [{"persistentVolumeClaim": {"claimName": "c"}}]
    bound["spec"] = {"template": {"spec": {"volumes": volumes}}}
    claims = [{"metadata": {"name": "c"}, "status": {"phase": "Pending"}}]
    near = beside(ReplicaSet=[replica_set(ready=2)], PersistentVolumeClaim=claims)
    progress = readiness.deployment(bound, near, None)
    assert not progress.ready
    assert 'Failed to bind PersistentVolumeClaim(s): "c"' in progress.reasons


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ({"observedGeneration": 1}, "Missing .status.desiredNumberScheduled"),
        (
            {
                "observedGeneration": 1,
                "desiredNumberScheduled": 3,
                "currentNumberScheduled": 3,
                "updatedNumberScheduled": 2,
            },
            "Updated: 2/3",
        ),
    ],
)
def test_a_daemon_set_says_what_is_missing(status: dict[str, Any], message: str) -> None:
    progress = readiness.daemon_set({"metadata": {"generation": 1}, "status": status}, nobody, None)
    assert (progress.ready, progress.message) == (False, message)


def test_a_daemon_set_without_nodes_is_ready() -> None:
    status = {"observedGeneration": 1, "desiredNumberScheduled": 0}
    assert readiness.daemon_set(
        {"metadata": {"generation": 1}, "status": status}, nobody, None
    ).ready


def test_a_failed_job_ends_the_wait() -> None:
    failed = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "m"}
    progress = readiness.job({"status": {"conditions": [failed]}}, nobody, None)
    assert progress.failed
    assert progress.reasons == ("[BackoffLimitExceeded] m",)


def test_a_load_balancer_without_address_says_so() -> None:
    service = {"metadata": {"name": "s"}, "spec": {"type": "LoadBalancer"}}
    progress = readiness.service(service, nobody, None)
    assert progress.reasons == (
        "Service was not allocated an IP address; does your cloud provider support this?",
    )


def test_a_service_with_a_selector_waits_for_pending_endpoints() -> None:
    service = {"metadata": {"name": "s"}, "spec": {"selector": {"a": "b"}}}
    pending = {"metadata": {"name": "s"}, "subsets": [{"notReadyAddresses": [{}]}]}
    assert not readiness.service(service, beside(Endpoints=[pending]), None).ready
    assert readiness.service(service, beside(Endpoints=[{"metadata": {"name": "s"}}]), None).ready


def test_a_claim_that_binds_late_is_ready_when_pending() -> None:
    claim = {"spec": {"storageClassName": "late"}, "status": {"phase": "Pending"}}
    late = {"metadata": {"name": "late"}, "volumeBindingMode": "WaitForFirstConsumer"}
    assert readiness.claim(claim, beside(StorageClass=[late]), None).ready
    assert not readiness.claim(claim, nobody, None).ready


def test_a_stateful_set_waits_for_one_revision() -> None:
    status = {
        "observedGeneration": 2,
        "replicas": 1,
        "readyReplicas": 1,
        "currentReplicas": 1,
        "currentRevision": "a",
        "updateRevision": "b",
    }
    obj = {"metadata": {"generation": 2}, "spec": {"replicas": 1}, "status": status}
    progress = readiness.stateful_set(obj, nobody, None)
    assert not progress.ready
    assert "failed to advance from revision" in progress.reasons[0]
    status["updateRevision"] = "a"
    assert readiness.stateful_set(obj, nobody, None).ready


CONDITIONS = {"status": {"phase": "Up", "conditions": [{"type": "Ready", "status": "True"}]}}


@pytest.mark.parametrize(
    ("expression", "ready"),
    [
        ("condition=Ready", True),
        ("condition=Ready=False", False),
        ("jsonpath={.status.phase}", True),
        ("jsonpath={.status.phase}=Up", True),
        ("jsonpath={.status.phase}=Down", False),
        ('jsonpath={.status.conditions[?(@.type=="Ready")].status}=True', True),
        ("jsonpath={.status.conditions[0].type}=Ready", True),
        ("jsonpath={.status.nothing}", False),
    ],
)
def test_wait_for_takes_conditions_and_paths(expression: str, ready: bool) -> None:
    assert waiting.custom(expression)(CONDITIONS, nobody, None).ready is ready


@pytest.mark.parametrize("expression", ["Ready", "jsonpath={.a[}"])
def test_a_malformed_wait_for_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"prefix|unrecognized"):
        waiting.custom(expression)


def test_skip_await_waits_for_nothing() -> None:
    skipping = {"metadata": {"annotations": {"pulumi.com/skipAwait": "true"}}}
    live = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}}
    assert waiting.checks_for(skipping, live) == []
    assert waiting.checks_for({}, live) == [readiness.deployment]


def test_helm_gets_the_switches_that_the_release_asks_for() -> None:
    install = helm.flags("install", {"createNamespace": True, "atomic": True, "waitForJobs": True})
    assert install == ["--atomic", "--wait", "--wait-for-jobs", "--create-namespace"]
    upgrade = helm.flags("upgrade", {"skipAwait": True, "waitForJobs": True, "maxHistory": 3})
    assert upgrade == ["--history-max", "3"]


def test_a_manifests_objects_are_listed_by_kind_and_version() -> None:
    manifest = """
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b, namespace: n}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: a}
---
# nothing here
"""
    assert release.resource_names(manifest) == {
        "ConfigMap/v1": ["n/b"],
        "DaemonSet.apps/apps/v1": ["a"],
    }


def test_a_kubeconfig_without_its_context_is_refused_by_name() -> None:
    with pytest.raises(kubeconfig.KubeconfigError, match='context "prod" does not exist'):
        kubeconfig.connect({"contexts": []}, context="prod")


def test_a_memory_file_is_read_like_any_other_until_it_is_closed() -> None:
    with memory_file.MemoryFile(b"canary" * 1000) as file:
        path = file.path
        assert path.read_bytes() == b"canary" * 1000
        assert path.read_bytes() == b"canary" * 1000
    assert not path.exists()


def test_credentials_do_not_show_in_a_clusters_repr() -> None:
    cluster = kubeconfig.Cluster("https://a", token="canary-token", key=b"canary-key")
    assert "canary" not in repr(cluster)


def test_a_release_with_values_that_are_not_known_yet_keeps_them_unknown() -> None:
    shaped = release._shaped({"name": UNKNOWN, "values": {"a": UNKNOWN}, "repositoryOpts": UNKNOWN})
    assert shaped["name"] is UNKNOWN
    assert shaped["values"] == {"a": UNKNOWN}
    assert shaped["repositoryOpts"] is UNKNOWN
    assert shaped["atomic"] is False
