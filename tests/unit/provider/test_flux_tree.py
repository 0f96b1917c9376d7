"""What waits for what: causes first, rings named, and everything behind them below."""

import pytest

from provider.flux.findings import findings
from provider.flux.objects import Ref, item
from provider.flux.tree import causes, final, lines
from provider.flux.world import Evidence, World, parse
from tests.unit.provider.flux_objects import (
    SYSTEM,
    Json,
    broken,
    failed,
    instance,
    kustomization,
    progressing,
    raw,
    read,
    repository,
    waiting,
    well,
    world_of,
)

pytestmark = pytest.mark.unit

GRAFANA = "timeout waiting for: [Deployment/monitoring/grafana status: 'InProgress']"


def deadlock_of_monitoring() -> list[Json]:
    """Grafana's Service fails, ingress waits for monitoring, logins for ingress."""
    return [
        instance(),
        repository(),
        kustomization(SYSTEM),
        failed("infrastructure-monitoring", "HealthCheckFailed", GRAFANA),
        waiting("infrastructure-ingress-nginx-internal", "infrastructure-monitoring"),
        waiting("infrastructure-authentik", "infrastructure-ingress-nginx-internal"),
        waiting("infrastructure-authentik-outpost-config", "infrastructure-authentik"),
    ]


def rules(world: World) -> dict[str, list[str]]:
    return {ref.name: [one.rule for one in said] for ref, said in causes(world)}


def ref(name: str, kind: str = "Kustomization") -> Ref:
    return Ref(kind, SYSTEM, name)


def test_one_failed_check_is_the_only_cause_and_the_rest_hangs_below_it() -> None:
    world = world_of(*deadlock_of_monitoring())
    assert rules(world) == {"infrastructure-monitoring": ["health-timeout"]}
    told = lines(world)
    assert told[0].startswith("1. Kustomization/flux-system/infrastructure-monitoring")
    assert f"   | {GRAFANA}" in told
    depth = {line.strip(): len(line) - len(line.lstrip()) for line in told}
    chain = ["ingress-nginx-internal", "authentik", "authentik-outpost-config"]
    found = [depth[f"Kustomization/flux-system/infrastructure-{name}"] for name in chain]
    assert found == sorted(set(found))


def test_a_ring_of_dependencies_is_one_cause_with_its_whole_way() -> None:
    world = world_of(repository(), waiting("a", "b"), waiting("b", "c"), waiting("c", "a"))
    ((cause, said),) = causes(world)
    assert cause == ref("a")
    assert [one.rule for one in said] == ["dependency-cycle"]
    way = " -> ".join(f"Kustomization/{SYSTEM}/{name}" for name in ("a", "b", "c", "a"))
    assert way in said[0].means
    assert final(world)


def test_what_waits_for_a_ring_stands_below_it_and_is_no_cause() -> None:
    world = world_of(repository(), waiting("a", "b"), waiting("b", "a"), waiting("d", "a"))
    assert list(rules(world)) == ["a"]
    assert any(line.strip() == f"Kustomization/{SYSTEM}/d" for line in lines(world))


def test_a_kustomization_that_depends_on_itself_is_a_ring() -> None:
    assert rules(world_of(repository(), waiting("a", "a"))) == {"a": ["dependency-cycle"]}


def test_a_health_check_on_what_depends_on_it_is_a_ring() -> None:
    check = {"kind": "Kustomization", "name": "b", "namespace": SYSTEM}
    told = f"timeout waiting for: [Kustomization/{SYSTEM}/b status: 'InProgress']"
    a = failed("a", "HealthCheckFailed", told, healthChecks=[check])
    world = world_of(repository(), a, waiting("b", "a"))
    assert rules(world) == {"a": ["dependency-cycle"]}


def test_a_dependency_that_does_not_exist_is_named_with_the_one_that_was_meant() -> None:
    name = "infrastructure-cert-manager"
    said = f"dependency '{SYSTEM}/infrastructure-certmanager' not found: kustomizations not found"
    it = failed("issuers", "DependencyNotReady", said, depends_on=("infrastructure-certmanager",))
    ((_, found),) = causes(world_of(repository(), kustomization(name), it))
    assert found[0].rule == "dependency-missing"
    assert f"did you mean Kustomization/{SYSTEM}/{name}?" in found[0].means


def test_a_missing_dependency_is_told_beside_another_one_that_is_only_late() -> None:
    late = failed("late", "HealthCheckFailed", GRAFANA)
    it = waiting("it", "late", "gone")
    assert rules(world_of(repository(), late, it)) == {
        "late": ["health-timeout"],
        "it": ["dependency-missing"],
    }


def test_a_suspended_dependency_that_was_never_ready_is_the_cause() -> None:
    asleep = raw("Kustomization", "asleep", {"suspend": True})
    assert rules(world_of(repository(), asleep, waiting("it", "asleep"))) == {
        "it": ["dependency-suspended"]
    }


def test_a_suspended_object_is_not_waited_for() -> None:
    assert causes(world_of(repository(), raw("Kustomization", "asleep", {"suspend": True}))) == []


def test_a_source_that_fails_is_the_cause_of_all_that_it_feeds() -> None:
    told = 'couldn\'t find remote ref "refs/heads/mian"'
    source = broken("GitRepository", SYSTEM, "GitOperationFailed", told)
    message = "Source artifact not found, retrying in 5s"
    tree = [failed(name, "ArtifactFailed", message) for name in (SYSTEM, "apps")]
    world = world_of(instance(), source, *tree)
    assert rules(world) == {SYSTEM: ["source-branch"]}
    assert causes(world)[0][0].kind == "GitRepository"


def test_a_release_waits_for_its_chart_and_that_for_its_repository() -> None:
    status = {"helmChart": f"{SYSTEM}/{SYSTEM}-web", "conditions": []}
    chart = raw(
        "HelmChart", f"{SYSTEM}-web", {"sourceRef": {"kind": "HelmRepository", "name": "r"}}
    )
    repository_ = broken("HelmRepository", "r", "Failed", "dial tcp: no such host")
    world = world_of(raw("HelmRelease", "web", {}, status), chart, repository_)
    assert rules(world) == {"r": ["source-unreachable"]}


def test_an_oci_repository_of_charts_has_no_status_and_needs_none() -> None:
    assert world_of(raw("HelmRepository", "r", {"type": "oci"})).unready == {}


def test_a_kustomization_waits_for_the_release_that_its_health_check_names() -> None:
    told = (
        "failed early due to stalled resources: [HelmRelease/monitoring/grafana status: 'Failed']"
    )
    release = raw("HelmRelease", "grafana", namespace="monitoring")
    release["status"] = broken("HelmRelease", "x", "InstallFailed", "Helm install failed: boom")[
        "status"
    ]
    world = world_of(repository(), release, failed("monitoring", "HealthCheckFailed", told))
    assert rules(world) == {"grafana": ["helm-failed"]}


def test_what_a_kustomization_is_still_checking_is_what_it_waits_for() -> None:
    entries = [{"id": f"{SYSTEM}_web_helm.toolkit.fluxcd.io_HelmRelease", "v": "v2"}]
    outer = progressing("Kustomization", "apps", "Running health checks for revision x")
    outer["spec"]["wait"] = True
    outer["status"]["inventory"] = {"entries": entries}
    world = world_of(repository(), outer, progressing("HelmRelease", "web", "Running 'install'"))
    assert world.waits[ref("apps")] == (ref("web", "HelmRelease"),)


def test_controllers_that_do_not_run_are_why_nothing_was_looked_at() -> None:
    down = {"metadata": {"name": "kustomize-controller", "namespace": SYSTEM}, "status": {}}
    from provider.flux.objects import deployment

    fresh = item("Kustomization", raw("Kustomization", "apps"))
    items = [fresh, deployment(down)]
    world = World(items={one.ref: one for one in items})
    assert rules(world) == {"kustomize-controller": ["controller-not-ready"]}
    assert world.waits[fresh.ref] == (Ref("Deployment", SYSTEM, "kustomize-controller"),)


def test_the_words_of_a_refused_pod_stand_below_the_check_that_waits_for_it() -> None:
    words = (
        'Job/auth/x: FailedCreate: pods "x-1" is forbidden: violates PodSecurity "restricted:v1"'
    )
    told = "timeout waiting for: [Job/auth/x status: 'InProgress']"
    seen = Evidence(ref=parse("Job/auth/x"), words=(words,))
    world = world_of(repository(), failed("auth", "HealthCheckFailed", told), evidence=(seen,))
    assert f"   | {words}" in lines(world)
    assert any("[pod-security]" in line for line in lines(world))


def test_all_causes_are_told_at_once() -> None:
    world = world_of(
        repository(),
        failed("one", "BuildFailed", "kustomize build failed: no"),
        failed("two", "HealthCheckFailed", "[Job/a/b status: 'Failed']"),
        waiting("three", "one"),
    )
    assert rules(world) == {"one": ["build"], "two": ["job-failed"]}
    assert final(world)


def test_waiting_is_of_use_while_one_cause_may_still_pass() -> None:
    world = world_of(
        repository(),
        failed("one", "BuildFailed", "kustomize build failed: no"),
        failed("two", "HealthCheckFailed", GRAFANA),
    )
    assert not final(world)
    assert not final(world_of(repository()))


def test_long_words_are_cut_and_say_so() -> None:
    said = "\n".join(f"line {number}" for number in range(20))
    told = lines(world_of(repository(), failed("it", "ReconciliationFailed", said)))
    assert "   | ... and 13 lines more" in told
    assert len(told) < 20


def test_ids_of_an_inventory_are_read_as_flux_writes_them() -> None:
    ids = [
        "_cluster-admin__web_rbac.authorization.k8s.io_ClusterRoleBinding",
        "monitoring_grafana_apps_Deployment",
        "a_b__Service",
    ]
    made = well("Kustomization", "it", inventory={"entries": [{"id": one} for one in ids]})
    assert read(made).inventory == (
        Ref("ClusterRoleBinding", "", "cluster-admin:web"),
        Ref("Deployment", "monitoring", "grafana"),
        Ref("Service", "a", "b"),
    )


def test_what_was_ready_before_its_last_change_is_not_ready_now() -> None:
    made = kustomization("it")
    made["metadata"]["generation"] = 2
    world = world_of(repository(), made)
    assert [one.rule for one in findings(world, ref("it"))] == ["not-yet-looked-at"]
