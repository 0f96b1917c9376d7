"""What the controllers say, and what that means: their real messages, one rule after the other."""

from pathlib import Path

import pytest
import yaml

from provider.flux.findings import findings
from provider.flux.rules import RULES
from provider.flux.world import Evidence, parse
from tests.unit.provider.flux_objects import SYSTEM, broken, read, repository, world_of

pytestmark = pytest.mark.unit

HERE = Path(__file__).parent
SAID = yaml.safe_load((HERE / "flux_said.yaml").read_text())
POD_SECURITY = (
    'Error creating: pods "discovery-x7x2k" is forbidden: violates PodSecurity '
    '"restricted:latest": allowPrivilegeEscalation != false (container "main" must set '
    "securityContext.allowPrivilegeEscalation=false), runAsNonRoot != true"
)


@pytest.mark.parametrize("said", SAID, ids=[f"{one['rule']}-{one['kind']}" for one in SAID])
def test_words_of_a_controller_have_a_meaning_and_a_fix(said: dict[str, str]) -> None:
    it = broken(said["kind"], "it", said["reason"], said["says"].strip())
    first, *_ = findings(world_of(repository(), it), read(it).ref)
    assert first.rule == said["rule"]
    assert said["word"] in f"{first.means} {first.fix}"


def test_every_rule_of_words_has_been_heard() -> None:
    heard = {one["rule"] for one in SAID} | set(BESIDES)
    assert {one.name for one in RULES} == heard


# What workloads and their events say, beside the controllers.
BESIDES = {
    "pod-security": f"Job/auth/discovery: FailedCreate: {POD_SECURITY}",
    "image-pull": 'Pod/auth/discovery-1: Failed: Failed to pull image "ghcr.io/x/y:1.2": not found',
    "volume": "Pod/auth/discovery-1: FailedScheduling: pod has unbound immediate "
    "PersistentVolumeClaims",
    "unschedulable": "Pod/auth/discovery-1: FailedScheduling: 0/3 nodes are available: 3 "
    "Insufficient memory",
    "health-failed": "StatefulSet/auth/db status: 'Failed'",
    "helm-retries": "Failed to install after 4 attempt(s)",
}


@pytest.mark.parametrize("rule", BESIDES)
def test_what_a_workload_says_explains_the_check_that_waits_for_it(rule: str) -> None:
    message = "timeout waiting for: [Job/auth/discovery status: 'InProgress']"
    it = broken("Kustomization", "it", "HealthCheckFailed", message)
    seen = Evidence(ref=parse("Job/auth/discovery"), words=(BESIDES[rule],))
    found = findings(world_of(repository(), it, evidence=(seen,)), read(it).ref)
    assert rule in {one.rule for one in found}


def test_a_release_that_gave_up_says_that_it_will_not_try_again() -> None:
    it = broken(
        "HelmRelease",
        "it",
        "InstallFailed",
        "Helm install failed for release a/b with chart b@1.0.0: boom",
        ("Stalled", "True", "RetriesExceeded", "Failed to install after 4 attempt(s)"),
    )
    (found,) = findings(world_of(it), read(it).ref)
    assert (found.rule, found.final) == ("helm-retries", True)
    assert "4 attempts" in found.means


def test_a_network_that_fails_a_webhook_is_not_taken_for_a_source() -> None:
    words = 'x failed calling webhook "a.b": dial tcp 10.96.1.1:443: connect: connection refused'
    it = broken("Kustomization", "it", "ReconciliationFailed", words)
    assert [one.rule for one in findings(world_of(repository(), it), read(it).ref)] == ["webhook"]


def test_words_that_nobody_knows_are_left_to_the_controller() -> None:
    it = broken("Kustomization", "it", "ReconciliationFailed", "the moon is in the wrong house")
    (found,) = findings(world_of(repository(), it), read(it).ref)
    assert found.rule == "other"
    assert f"kubectl -n {SYSTEM} describe kustomization it" in found.fix


def test_every_rule_of_words_stands_in_the_docs() -> None:
    page = (HERE.parents[2] / "docs" / "flux.md").read_text()
    assert [one.name for one in RULES if f"`{one.name}`" not in page] == []
