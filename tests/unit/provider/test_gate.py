"""Gates against a real HTTPS server: they wait, they say for what, and they leave nothing."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provider.dns_probe import job, job_name
from provider.gate import CONDITIONS, Gate
from provider.rpc import UNKNOWN, Cancelled, Refused, Secret, has_unknown
from provider.rpc.operation import Operation, serving
from tests.unit.provider.https_server import Answer, Request
from tests.unit.provider.kube_api import NO_CNI, READY, KubeApi, kube_api

pytestmark = pytest.mark.unit

POLL_SECONDS = 0.02  # the API server is a thread of ours
NODES = ["cp1", "worker1"]


@pytest.fixture
def api(tmp_path: Path) -> Iterator[KubeApi]:
    with kube_api(tmp_path) as running:
        running.nodes = dict.fromkeys(NODES, READY)
        yield running


def inputs(api: KubeApi, condition: str, **more: Any) -> dict[str, Any]:
    return {
        "condition": condition,
        "kubeconfig": Secret(api.kubeconfig()),
        "apiServers": [api.server.url],
        "nodes": NODES,
        "deadlineSeconds": 0,
        **more,
    }


def open_gate(given: dict[str, Any], timeout: float = 0.0) -> dict[str, Any]:
    identity, outputs = Gate(POLL_SECONDS).create(given, False, timeout)
    assert identity == given["condition"]
    return outputs


def refusal(given: dict[str, Any], timeout: float = 0.0) -> str:
    with pytest.raises(Refused) as refused:
        open_gate(given, timeout)
    return str(refused.value)


def nobody_listens() -> str:
    """The URL of a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"https://127.0.0.1:{probe.getsockname()[1]}"


def becomes(change: Any, after: int) -> Any:
    """A fault that is none: from the `after`-th request on the world is changed."""
    seen = iter(range(1000))

    def fault(_request: Request) -> None:
        if next(seen) == after:
            change()

    return fault


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_gate_opens_at_once_where_its_condition_holds(api: KubeApi, condition: str) -> None:
    given = inputs(api, condition, deadlineSeconds=5)
    assert open_gate(given) == given


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_preview_asks_nobody(api: KubeApi, condition: str) -> None:
    given = inputs(api, condition, nodes=UNKNOWN)
    identity, outputs = Gate().create(given, True, 0.0)
    assert identity == ""
    assert outputs == given
    assert api.server.requests == []


def test_the_kubeconfig_stays_secret_in_the_outputs(api: KubeApi) -> None:
    plain = {**inputs(api, "nodesReady"), "kubeconfig": "text"}
    assert Gate().sealed(plain)["kubeconfig"] == Secret("text")


def test_an_unknown_condition_is_a_failure_of_that_input(api: KubeApi) -> None:
    _, failures = Gate().check({}, inputs(api, "moonInTheSeventhHouse"))
    (failure,) = failures
    assert failure.property == "condition"
    assert "nodesReady" in failure.reason


def test_missing_inputs_are_told_together() -> None:
    _, failures = Gate().check({}, {})
    assert [failure.property for failure in failures] == [
        "condition",
        "kubeconfig",
        "deadlineSeconds",
    ]


def test_inputs_that_a_preview_does_not_know_pass_the_check() -> None:
    given = {"condition": UNKNOWN, "kubeconfig": UNKNOWN, "deadlineSeconds": 1}
    assert Gate().check({}, given) == (given, [])


def test_a_gate_waits_until_its_condition_holds(api: KubeApi) -> None:
    api.nodes = {"cp1": READY}
    api.fault = becomes(lambda: api.nodes.update(worker1=READY), after=1)
    open_gate(inputs(api, "nodesReady", deadlineSeconds=8))
    assert len(api.server.requests) == 2


def test_an_api_server_that_nobody_runs_is_named_with_the_reason(api: KubeApi) -> None:
    dead = nobody_listens()
    given = inputs(api, "apiServersReady", apiServers=[api.server.url, dead])
    message = refusal(given)
    assert "every API server ready" in message
    assert dead in message
    assert "refused" in message.lower()
    assert f"  {api.server.url}:" not in message


def test_an_api_server_that_is_not_ready_yet_is_named_with_its_status(api: KubeApi) -> None:
    api.ready = (500, "[-]etcd failed")
    assert f"{api.server.url}: HTTP 500 from /readyz" in refusal(inputs(api, "apiServersReady"))


def test_an_api_server_that_refuses_the_admin_is_not_ready(api: KubeApi) -> None:
    api.ready = (401, {"message": "Unauthorized"})
    assert "HTTP 401" in refusal(inputs(api, "apiServersReady"))


def test_every_api_server_is_asked_itself_and_not_the_clusters_endpoint(api: KubeApi) -> None:
    given = inputs(api, "apiServersReady", kubeconfig=api.kubeconfig(nobody_listens()))
    open_gate(given)
    assert api.server.asked("GET") == ["/readyz"]


def test_a_server_with_anothers_certificate_is_not_ready(api: KubeApi, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with kube_api(tmp_path / "other") as stranger:
        given = inputs(api, "apiServersReady", apiServers=[stranger.server.url])
        assert "certificate" in refusal(given).lower()
        assert stranger.server.requests == []


def test_machines_that_have_not_registered_are_named(api: KubeApi) -> None:
    del api.nodes["worker1"]
    message = refusal(inputs(api, "nodesRegistered"))
    assert "worker1: no Node of that name yet" in message
    assert "cp1" not in message


def test_a_node_without_network_has_registered_all_the_same(api: KubeApi) -> None:
    api.nodes = dict.fromkeys(NODES, NO_CNI)
    open_gate(inputs(api, "nodesRegistered"))


def test_nodes_that_are_not_ready_are_named_with_their_kubelets_reason(api: KubeApi) -> None:
    api.nodes["worker1"] = NO_CNI
    assert "worker1: cni plugin not initialized" in refusal(inputs(api, "nodesReady"))


def test_a_node_whose_kubelet_is_silent_is_not_ready(api: KubeApi) -> None:
    api.nodes = {"cp1": []}
    message = refusal(inputs(api, "nodesReady"))
    assert "cp1: its kubelet has not reported yet" in message
    assert "worker1: no such Node" in message


def test_an_api_that_does_not_answer_is_something_missing(api: KubeApi) -> None:
    given = inputs(api, "nodesReady", kubeconfig=api.kubeconfig(nobody_listens()))
    assert "the Kubernetes API: " in refusal(given)


def test_an_api_that_is_overloaded_is_asked_again(api: KubeApi) -> None:
    answers: Iterator[Answer | None] = iter([(503, "busy"), (429, {"message": "slow down"}), None])
    api.fault = lambda _request: next(answers, None)
    open_gate(inputs(api, "nodesReady", deadlineSeconds=8))


def test_the_hint_is_the_last_line_of_a_refusal(api: KubeApi) -> None:
    api.nodes = {}
    message = refusal(inputs(api, "nodesReady", hint="look at the switch"))
    assert message.splitlines()[-1] == "look at the switch"


def test_without_a_hint_the_way_on_is_told(api: KubeApi) -> None:
    api.nodes = {}
    assert "`pulumi up` again" in refusal(inputs(api, "nodesReady"))


def test_the_programs_timeout_wins_over_the_deadline(api: KubeApi) -> None:
    api.nodes = {}
    started = time.monotonic()
    message = refusal(inputs(api, "nodesReady", deadlineSeconds=3600), timeout=0.05)
    assert "waited 0 s" in message
    assert time.monotonic() - started < 5


def test_a_cancel_ends_the_wait(api: KubeApi) -> None:
    api.nodes = {}
    cancelled = threading.Event()
    api.fault = becomes(cancelled.set, after=0)
    with serving(Operation(cancelled=cancelled)), pytest.raises(Cancelled):
        open_gate(inputs(api, "nodesReady", deadlineSeconds=3600))


def test_an_update_waits_again_and_keeps_the_new_inputs(api: KubeApi) -> None:
    news = inputs(api, "nodesReady", trigger=2)
    olds = inputs(api, "nodesReady", trigger=1)
    assert Gate().update("nodesReady", olds, news, False, 0.0) == news
    assert api.server.asked("GET") == ["/api/v1/nodes"]
    api.nodes = {}
    with pytest.raises(Refused, match="cp1: no such Node"):
        Gate().update("nodesReady", olds, news, False, 0.0)


def test_an_update_in_a_preview_asks_nobody(api: KubeApi) -> None:
    news = inputs(api, "nodesReady", trigger=UNKNOWN)
    assert has_unknown(Gate().update("nodesReady", {}, news, True, 0.0))
    assert api.server.requests == []


def test_a_deleted_gate_asks_nobody(api: KubeApi) -> None:
    Gate().delete("nodesReady", inputs(api, "nodesReady"), 0.0)
    assert api.server.requests == []


@pytest.mark.parametrize("text", ["", "just words", "a: [b", "clusters: []"])
def test_what_is_no_kubeconfig_is_refused_without_being_quoted(api: KubeApi, text: str) -> None:
    message = refusal(inputs(api, "nodesReady", kubeconfig=text, deadlineSeconds=3600))
    assert "is not a kubeconfig" in message
    assert not text or text not in message


def test_a_kubeconfig_without_current_context_is_refused(api: KubeApi) -> None:
    text = api.kubeconfig().replace("current-context: admin@test\n", "")
    message = refusal(inputs(api, "nodesReady", kubeconfig=text, deadlineSeconds=3600))
    assert "current context" in message


def test_probes_run_on_every_node_and_are_taken_away(api: KubeApi) -> None:
    open_gate(inputs(api, "clusterDnsAnswers", deadlineSeconds=8))
    assert api.started == {"cp1": 1, "worker1": 1}
    assert api.jobs == {}


def test_a_probe_that_failed_is_started_anew(api: KubeApi) -> None:
    api.outcome = lambda _node, before: "succeeded" if before else "failed"
    open_gate(inputs(api, "clusterDnsAnswers", deadlineSeconds=8))
    assert api.started == {"cp1": 2, "worker1": 2}


def test_a_node_from_which_no_name_resolves_is_named(api: KubeApi) -> None:
    api.outcome = lambda node, _before: "succeeded" if node == "cp1" else "failed"
    message = refusal(inputs(api, "clusterDnsAnswers", deadlineSeconds=1))
    assert "  worker1: " in message
    assert "  cp1: " not in message


def test_a_probe_that_was_left_behind_is_not_in_the_way(api: KubeApi) -> None:
    api.jobs = {job_name("cp1"): {"status": {"active": 1}}}
    message = refusal(inputs(api, "clusterDnsAnswers"))
    assert "cp1: the probe has not finished" in message


def test_a_probe_that_the_api_refuses_for_good_ends_the_wait(api: KubeApi) -> None:
    denied: Answer = (403, {"message": "jobs.batch is forbidden"})
    api.fault = lambda request: denied if request.method == "POST" else None
    message = refusal(inputs(api, "clusterDnsAnswers", deadlineSeconds=3600))
    assert "jobs.batch is forbidden" in message


def test_a_probe_that_a_broken_proxy_refuses_is_tried_again(api: KubeApi) -> None:
    answers: Iterator[Answer | None] = iter([(502, "<html>bad gateway</html>")])
    api.fault = lambda request: next(answers, None) if request.method == "POST" else None
    open_gate(inputs(api, "clusterDnsAnswers", deadlineSeconds=8))


def test_a_refusal_that_is_no_kubernetes_status_is_told_as_it_is(api: KubeApi) -> None:
    api.fault = lambda request: (400, "<html>") if request.method == "POST" else None
    assert "HTTP 400 <html>" in refusal(inputs(api, "clusterDnsAnswers", deadlineSeconds=3600))


def test_a_probe_is_pinned_harmless_and_short_lived() -> None:
    made = job(job_name("cp1"), "cp1")["spec"]
    pod = made["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["nodeName"] == "cp1"
    assert pod["tolerations"] == [{"operator": "Exists"}]
    assert container["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert made["activeDeadlineSeconds"] <= 60
    assert made["ttlSecondsAfterFinished"] <= 600


def test_a_probes_name_fits_whatever_its_node_is_called() -> None:
    names = {job_name("n" * 253), job_name("cp1"), job_name("cp2")}
    assert len(names) == 3
    assert all(len(name) <= 63 for name in names)


def looked_at(given: dict[str, Any]) -> bool:
    """Whether an unchanged gate has something to do."""
    return Gate(0.01, 0.05).diff("x", given, given, given, ()).changed


def test_an_api_that_answers_is_no_change_and_one_that_went_away_is(api: KubeApi) -> None:
    given = inputs(api, "apiServersReady")
    assert not looked_at(given)
    away = Secret(api.kubeconfig(nobody_listens()))
    assert looked_at({**given, "kubeconfig": away})
    assert not looked_at({**given, "condition": "nodesReady", "kubeconfig": away})
    assert looked_at({**given, "kubeconfig": UNKNOWN})


def test_an_api_that_is_not_ready_but_answers_is_the_vendors_matter(api: KubeApi) -> None:
    api.ready = (500, "[-]etcd failed")
    assert not looked_at(inputs(api, "apiServersReady"))


def test_an_api_that_went_away_is_waited_for_and_then_told_with_a_way_out(api: KubeApi) -> None:
    away = api.kubeconfig(nobody_listens())
    given = inputs(api, "apiServersReady", kubeconfig=Secret(away))
    with pytest.raises(Refused) as refused:
        Gate(0.01).update("x", given, given, False, 0.05)
    message = str(refused.value)
    assert "the Kubernetes API has been away for 0 s" in message
    assert "nothing in the cluster was touched" in message
    assert message.endswith("run `pulumi up` again.")


def test_an_api_that_is_back_opens_the_gate_though_one_server_is_not(api: KubeApi) -> None:
    given = inputs(api, "apiServersReady", apiServers=[nobody_listens()], nodes=[])
    assert Gate(0.01).update("x", given, given, False, 0.0) == given
