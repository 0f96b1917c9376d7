"""What the report says of Flux's objects, out of objects as Flux writes them."""

from typing import Any

import pytest

from lab.scenarios.flux_state import chart_of, differing, left_over, parsed, spoken, verdict

pytestmark = pytest.mark.unit


def kustomization(name: str, status: str, *, generation: int = 1, **spec: Any) -> dict[str, Any]:
    ready = {"type": "Ready", "status": status, "reason": "R", "message": f"{name} says {status}"}
    return {
        "metadata": {"namespace": "flux-system", "name": name, "generation": generation},
        "spec": spec,
        "status": {
            "observedGeneration": 1,
            "lastAppliedRevision": "main@sha1:1",
            "conditions": [{"type": "Healthy", "status": "True"}, ready],
        },
    }


def test_a_verdict_is_fluxs_own_ready_condition() -> None:
    assert verdict(kustomization("dns", "False")) == {
        "name": "flux-system/dns",
        "status": "False",
        "reason": "R",
        "message": "dns says False",
        "revision": "main@sha1:1",
        "suspended": False,
    }


def test_a_verdict_on_an_older_spec_is_none() -> None:
    assert verdict(kustomization("dns", "True", generation=2))["status"] == "Unknown"
    fresh = {"metadata": {"namespace": "a", "name": "b", "generation": 1}}
    assert verdict(fresh)["message"] == "not looked at yet"


def test_what_is_left_has_its_reason() -> None:
    items = [
        kustomization("good", "True"),
        kustomization("bad", "False"),
        kustomization("asleep", "True", suspend=True),
    ]
    verdicts = [verdict(item) for item in items]
    assert left_over(verdicts) == [
        "flux-system/bad: bad says False",
        "flux-system/asleep: suspended",
    ]
    assert spoken({"kustomizations": verdicts}) == "2 of 3 Kustomizations Ready"
    assert spoken({"kustomizations": []}) == spoken(None) == "no Kustomizations"


def test_a_releases_chart_is_the_one_that_runs() -> None:
    release = {
        "spec": {"chart": {"spec": {"chart": "cert-manager", "version": "1.x"}}},
        "status": {"history": [{"chartName": "cert-manager", "chartVersion": "v1.2.3+abc"}]},
    }
    expected = {"chart": "cert-manager", "version": "v1.2.3+abc", "origin": "lab"}
    assert chart_of(release, {"cert-manager v1.2.3": "lab"}) == expected
    assert chart_of({"spec": {}}, {})["origin"] == "unknown"


def test_a_controller_of_another_version_than_its_image_is_named() -> None:
    state = {"components": [{"name": "a", "tag": "v1.2.0"}, {"name": "b", "tag": "v1.0.0"}]}
    tools = {"a": {"version": "1.1.0"}, "b": {"version": "1.0.0"}}
    assert differing(state, tools) == ["a: image v1.2.0, in the lab 1.1.0"]


def test_requests_are_counted_by_verb_and_kind() -> None:
    metrics = (
        "# HELP apiserver_request_total Counter of requests\n"
        'apiserver_request_total{code="200",group="",resource="pods",verb="LIST"} 3\n'
        'apiserver_request_total{code="200",group="apps",resource="jobs",verb="GET"} 1.5e+01\n'
        'apiserver_request_total{code="0",verb="GET"} 2\n'
        'another_total{verb="GET"} 7\n'
    )
    assert list(parsed(metrics)) == [
        ("LIST pods", 3.0),
        ("GET apps/jobs", 15.0),
        ("GET others", 2.0),
    ]
