"""The watch over Flux against a real HTTPS server: it waits, it gives up, it suspends."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provider.convergence import SUSPENDED_FOR, Convergence
from provider.flux.objects import SUSPENDED_BY
from provider.rpc import UNKNOWN, Cancelled, Refused, Secret, is_secret
from provider.rpc.operation import Engine, Operation, serving
from tests.unit.provider.flux_api import FluxApi, flux_api
from tests.unit.provider.flux_objects import (
    REVISION,
    SYSTEM,
    failed,
    instance,
    kustomization,
    repository,
    waiting,
    well,
)
from tests.unit.provider.https_server import Answer, Request

pytestmark = [pytest.mark.unit, pytest.mark.timeout(60)]


@pytest.fixture
def api(tmp_path: Path) -> Iterator[FluxApi]:
    with flux_api(tmp_path) as running:
        running.objects = [instance(), repository(), kustomization(SYSTEM), kustomization("apps")]
        yield running


class Screen(Engine):
    """What the user would see."""

    def __init__(self) -> None:
        super().__init__(None)
        self.said: list[str] = []

    def log(self, severity: Any, message: str, urn: str, *, ephemeral: bool = False) -> None:
        del severity, urn, ephemeral
        self.said.append(message)


def inputs(api: FluxApi, **more: Any) -> dict[str, Any]:
    return {
        "kubeconfig": Secret(api.kubeconfig()),
        "namespace": SYSTEM,
        "instance": "flux",
        "stallSeconds": 3600,
        "deadlineSeconds": 3600,
        **more,
    }


def watched(given: dict[str, Any]) -> list[str]:
    """Create it; what was said meanwhile."""
    screen = Screen()
    with serving(Operation(engine=screen)):
        assert Convergence(0.02, 3600).create(given, False, 0.0)[0] == f"{SYSTEM}/flux"
    return screen.said


def refusal(given: dict[str, Any], sure: float = 3600) -> str:
    with pytest.raises(Refused) as refused:
        Convergence(0.02, sure).create(given, False, 0.0)
    return str(refused.value)


def deleted(given: dict[str, Any], timeout: float = 0.0) -> list[str]:
    screen = Screen()
    with serving(Operation(engine=screen)):
        Convergence().delete("x", given, timeout)
    return screen.said


def nobody_listens() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"https://127.0.0.1:{probe.getsockname()[1]}"


def after(api: FluxApi, requests: int, change: Any) -> None:
    """Change the world after so many lists of Kustomizations."""
    seen = iter(range(10_000))

    def fault(request: Request) -> Answer | None:
        if request.path.endswith("/kustomizations") and next(seen) == requests:
            change()
        return None

    api.fault = fault


def test_a_cluster_that_is_as_git_says_is_converged_at_once(api: FluxApi) -> None:
    (said,) = watched(inputs(api))
    assert "2 of 2 Kustomizations are Ready" in said


def test_a_preview_asks_nobody(api: FluxApi) -> None:
    given = inputs(api, kubeconfig=UNKNOWN)
    assert Convergence().create(given, True, 0.0) == ("", given)
    assert api.server.requests == []


def test_the_kubeconfig_is_a_secret_of_the_state() -> None:
    assert is_secret(Convergence().sealed({"kubeconfig": "text"})["kubeconfig"])


def test_it_waits_through_every_stage_and_says_which(api: FluxApi) -> None:
    whole, api.objects = api.objects, []
    api.unknown = {"Kustomization", "GitRepository"}

    def grow() -> None:
        api.unknown = set()
        api.objects = whole[: len(api.objects) + 1]
        after(api, 1, grow)

    after(api, 1, grow)
    said = watched(inputs(api))
    assert [line.partition(":")[2].strip()[:14] for line in said[:-1]] == [
        "no FluxInstanc",
        "the source of ",
    ]
    assert said[-1].startswith("Flux has converged")


def test_a_kustomization_at_an_older_revision_is_waited_for(api: FluxApi) -> None:
    api.named("apps")["status"]["lastAppliedRevision"] = "refs/heads/main@sha1:old"
    after(api, 3, lambda: api.named("apps")["status"].update(lastAppliedRevision=REVISION))
    said = watched(inputs(api))
    assert f"waiting for Kustomization/{SYSTEM}/apps" in said[0]


def test_nothing_that_gets_on_is_the_end_with_the_tree(api: FluxApi) -> None:
    api.objects += [
        failed("bad", "HealthCheckFailed", "timeout waiting for: [Job/a/b status: 'InProgress']"),
        waiting("behind", "bad"),
    ]
    message = refusal(inputs(api, stallSeconds=0.2))
    assert "nothing has got on for" in message
    assert f"1. Kustomization/{SYSTEM}/bad" in message
    assert f"Kustomization/{SYSTEM}/behind" in message
    assert message.endswith("shows the same at any time.")


def test_the_objects_own_words_and_events_stand_in_the_tree(api: FluxApi) -> None:
    words = "timeout waiting for: [Deployment/web/site status: 'InProgress']"
    api.objects.append(failed("bad", "HealthCheckFailed", words))
    condition = {"type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": "too late"}
    where = "/apis/apps/v1/namespaces/web/deployments/site"
    api.others[where] = {"status": {"conditions": [condition]}}
    event = {
        "involvedObject": {"kind": "Pod", "namespace": "web", "name": "site-5d-x"},
        "reason": "Failed",
        "message": 'Failed to pull image "nginx:nope"',
    }
    api.others["/api/v1/events"] = {"items": [event]}
    message = refusal(inputs(api, stallSeconds=0.1))
    assert "Deployment/web/site: ProgressDeadlineExceeded: too late" in message
    assert "[image-pull]" in message


def test_what_does_not_pass_by_itself_is_not_waited_for(api: FluxApi) -> None:
    api.objects += [waiting("a", "b"), waiting("b", "a")]
    message = refusal(inputs(api), sure=0.1)
    assert "no cause of it passes by itself" in message
    assert "[dependency-cycle]" in message


def test_a_retry_that_fails_in_the_same_way_is_no_getting_on(api: FluxApi) -> None:
    tries = iter(range(10_000))

    def retried(request: Request) -> Answer | None:
        if request.path.endswith("/kustomizations"):
            took = f"health check failed after {next(tries)}.5s: timeout waiting for: [Job/a/b]"
            api.objects[-1] = failed("bad", "HealthCheckFailed", took)
        return None

    api.objects.append(failed("bad", "HealthCheckFailed", "x"))
    api.fault = retried
    assert "nothing has got on" in refusal(inputs(api, stallSeconds=0.2))


def test_the_deadline_is_the_end_however_much_happens(api: FluxApi) -> None:
    tries = iter(range(10_000))

    def busy(request: Request) -> Answer | None:
        if request.path.endswith("/kustomizations"):
            api.objects[-1] = failed("bad", "ReconciliationFailed", f"reason-{'x' * next(tries)}")
        return None

    api.objects.append(failed("bad", "ReconciliationFailed", "x"))
    api.fault = busy
    message = refusal(inputs(api, stallSeconds=3600, deadlineSeconds=0.3))
    assert "the deadline of 0 s is over" in message


def test_an_api_that_is_away_for_a_moment_is_waited_for(api: FluxApi) -> None:
    answers: Iterator[Answer | None] = iter([(503, "busy"), (429, {"message": "slow"}), None])
    api.fault = lambda _request: next(answers, None)
    said = watched(inputs(api))
    assert said[0].startswith("Flux: the Kubernetes API does not answer")


def test_an_api_that_stays_away_is_named_at_the_deadline(api: FluxApi) -> None:
    away = Secret(api.kubeconfig(nobody_listens()))
    message = refusal(inputs(api, kubeconfig=away, deadlineSeconds=0.1))
    assert "the Kubernetes API does not answer" in message


def test_a_cancel_ends_the_watch(api: FluxApi) -> None:
    api.objects.append(waiting("a", "b"))
    cancelled = threading.Event()
    after(api, 2, cancelled.set)
    with serving(Operation(cancelled=cancelled)), pytest.raises(Cancelled):
        Convergence(0.02).create(inputs(api), False, 0.0)


def test_one_look_lists_each_kind_once(api: FluxApi) -> None:
    watched(inputs(api))
    paths = api.server.asked("GET")
    assert len(paths) == len(set(paths)) <= 9


def test_what_is_known_not_to_become_ready_is_not_waited_for(api: FluxApi) -> None:
    api.objects.append(failed("later", "HealthCheckFailed", "x"))
    expected = {f"Kustomization/{SYSTEM}/later": "its tunnel has no token in the lab"}
    assert watched(inputs(api, expected=expected))


def test_somebodys_suspension_is_kept_and_told(api: FluxApi) -> None:
    api.named("apps")["spec"]["suspend"] = True
    (said,) = watched(inputs(api))
    assert said.endswith(f"suspended, so not waited for: Kustomization/{SYSTEM}/apps")
    assert api.suspended() == ["apps"]


def test_a_destroy_suspends_all_of_flux_the_root_first(api: FluxApi) -> None:
    api.objects += [well("HelmRelease", "web"), kustomization("0-first")]
    said = deleted(inputs(api))
    assert api.suspended() == [SYSTEM, "apps", "web", "0-first"]
    changed = [path.rpartition("/")[2] for path in api.server.asked("PATCH")]
    assert changed == [SYSTEM, "0-first", "apps", "web"]
    assert api.named("apps")["metadata"]["annotations"] == {SUSPENDED_BY: SUSPENDED_FOR}
    assert "4 Kustomizations and HelmReleases" in said[0]


def test_a_destroy_names_volumes_and_load_balancers(api: FluxApi) -> None:
    volume = {
        "metadata": {"name": "pvc-1"},
        "spec": {
            "capacity": {"storage": "10Gi"},
            "claimRef": {"namespace": "db", "name": "data"},
            "persistentVolumeReclaimPolicy": "Retain",
        },
    }
    service = {
        "metadata": {"namespace": "ingress", "name": "web"},
        "spec": {"type": "LoadBalancer"},
        "status": {"loadBalancer": {"ingress": [{"ip": "10.0.3.2"}]}},
    }
    api.others["/api/v1/persistentvolumes"] = {"items": [volume]}
    api.others["/api/v1/services"] = {"items": [service, {"metadata": {}, "spec": {}}]}
    (said,) = deleted(inputs(api))
    assert "PersistentVolume pvc-1 10Gi (db/data, Retain)" in said
    assert "LoadBalancer ingress/web 10.0.3.2" in said


def test_the_next_create_takes_our_suspension_back_and_no_other(api: FluxApi) -> None:
    api.named("apps")["spec"]["suspend"] = True
    deleted(inputs(api))
    assert api.suspended() == [SYSTEM, "apps"]

    def reconciled() -> None:
        root = api.named(SYSTEM)
        root["status"]["conditions"][0]["observedGeneration"] = root["metadata"]["generation"]

    after(api, 4, reconciled)
    said = watched(inputs(api))
    assert api.suspended() == ["apps"]
    assert api.named(SYSTEM)["metadata"]["annotations"] == {}
    # It was asleep when it was read: only what its controller says afterwards counts.
    assert said[0].startswith("Flux: the root")


def test_a_dead_api_is_a_warning_and_soon(api: FluxApi) -> None:
    began = time.monotonic()
    (said,) = deleted(inputs(api, kubeconfig=Secret(api.kubeconfig(nobody_listens()))))
    assert "Flux was not suspended" in said
    assert time.monotonic() - began < 10


def test_an_api_that_never_ends_its_answers_is_given_up(api: FluxApi) -> None:
    ended = threading.Event()

    def hangs(_request: Request) -> Answer | None:
        ended.wait(10)
        return None

    api.fault = hangs
    began = time.monotonic()
    try:
        (said,) = deleted(inputs(api), timeout=0.3)
    finally:
        ended.set()
    assert "Flux was not suspended" in said
    assert time.monotonic() - began < 5


def test_a_cluster_without_flux_is_left_as_it_is(api: FluxApi) -> None:
    api.objects, api.unknown = [], {"Kustomization", "HelmRelease", "FluxInstance"}
    (said,) = deleted(inputs(api))
    assert said.startswith("Flux is suspended: 0")
    assert api.server.asked("PATCH") == []


def test_an_api_that_refuses_the_suspension_is_a_warning(api: FluxApi) -> None:
    api.fault = lambda request: (403, {"message": "no"}) if request.method == "PATCH" else None
    (said,) = deleted(inputs(api))
    assert "refused to change" in said


def test_an_update_watches_again_and_another_kubeconfig_does_not(api: FluxApi) -> None:
    olds = inputs(api, trigger="a")
    made = Convergence(0.02)
    assert made.update("x", olds, inputs(api, trigger="b"), False, 0.0)["trigger"] == "b"
    assert api.server.requests
    api.server.requests.clear()
    news = {**olds, "kubeconfig": Secret("another")}
    assert made.update("x", olds, news, False, 0.0) == news
    assert made.update("x", olds, inputs(api, trigger="b"), True, 0.0)["trigger"] == "b"
    assert api.server.requests == []


def test_nothing_ever_replaces_it(api: FluxApi) -> None:
    olds = inputs(api)
    news = {**olds, "namespace": "other", "instance": "x", "trigger": 1}
    found = Convergence().diff("x", olds, olds, news, ())
    assert found.changed
    assert found.replaces == ()


def test_missing_inputs_are_told_together() -> None:
    _, failures = Convergence().check({}, {})
    assert [one.property for one in failures] == list(Convergence.required)
