"""Getting on: what is a change, what is work, and when Flux has done all that it was told."""

import pytest

from provider.flux.progress import Watch, behind, counted, stage
from tests.unit.provider.flux_objects import (
    SYSTEM,
    Json,
    broken,
    failed,
    instance,
    kustomization,
    progressing,
    raw,
    repository,
    waiting,
    world_of,
)

pytestmark = pytest.mark.unit

NO_PATH = "kustomization path not found: stat /tmp/k-1/gitops/cluster: no such file or directory"


def whole() -> list[Json]:
    return [instance(), repository(), kustomization(SYSTEM), kustomization("apps")]


def stage_of(*objects: Json) -> str:
    return stage(world_of(*objects), SYSTEM, "flux").name


def test_a_cluster_comes_through_its_stages_in_their_order() -> None:
    flux, source, root, apps = whole()
    assert stage_of() == "operator"
    assert stage_of(raw("FluxInstance", "flux")) == "operator"
    assert stage_of(progressing("FluxInstance", "flux", "Reconciliation in progress")) == (
        "controllers"
    )
    assert stage_of(flux) == "source"
    assert stage_of(flux, root) == "source"
    assert stage_of(flux, root, broken("GitRepository", SYSTEM, "X", "y")) == "source"
    assert stage_of(flux, source, failed(SYSTEM, "BuildFailed", "x")) == "root"
    assert stage_of(flux, source, root, waiting("apps", "x")) == "tree"
    assert stage_of(flux, source, root, apps) == "done"


def test_a_live_line_counts_and_names_what_is_waited_for() -> None:
    objects = [*whole(), *(waiting(f"k{number}", "x") for number in range(6))]
    words = stage(world_of(*objects), SYSTEM, "flux").words
    assert words.startswith("2 of 8 Kustomizations are Ready; waiting for Kustomization/")
    assert words.endswith("and 2 more")


def test_releases_are_counted_where_there_are_any() -> None:
    release = progressing("HelmRelease", "web", "Running 'install' action")
    assert "0 of 1 HelmReleases" in counted(world_of(*whole(), release))
    assert "HelmRelease" not in counted(world_of(*whole()))


def test_an_older_revision_is_not_what_git_says() -> None:
    objects = whole()
    objects[3]["status"]["lastAppliedRevision"] = "refs/heads/main@sha1:older"
    assert [ref.name for ref in behind(world_of(*objects))] == ["apps"]
    assert stage_of(*objects) == "tree"


def test_a_new_state_is_a_change_and_the_same_again_is_none() -> None:
    watch = Watch(changed=0)
    watch.look(world_of(*whole()), 10)
    assert watch.changed == 10
    watch.look(world_of(*whole()), 20)
    assert watch.changed == 10


def test_a_retry_with_other_durations_is_the_same_state() -> None:
    watch = Watch(changed=0)
    for now, took in ((1, "30.01s"), (2, "1m0.5s"), (3, "29.9s")):
        told = f"health check failed after {took}: timeout waiting for: [Job/a/b]"
        watch.look(world_of(*whole(), failed("bad", "HealthCheckFailed", told)), now)
    assert watch.changed == 1


def test_a_server_that_hangs_up_is_the_same_state_however_that_is_told() -> None:
    watch = Watch(changed=0)
    told = ("EOF", "read tcp 10.0.2.2:41234->198.18.1.5:22: read: connection reset by peer")
    for now, words in enumerate((*told, *told), 1):
        away = broken("GitRepository", SYSTEM, "GitOperationFailed", f"handshake failed: {words}")
        watch.look(world_of(*whole()[2:], away), now)
    assert watch.changed == 1


def test_work_that_is_done_for_the_first_time_holds_the_end_off() -> None:
    watch = Watch(changed=0)
    busy = world_of(*whole(), progressing("HelmRelease", "web", "Running 'install' action"))
    for now in (1, 100, 200):
        watch.look(busy, now)
    assert watch.changed == 200


def test_work_that_has_failed_before_does_not() -> None:
    watch = Watch(changed=0)
    busy = world_of(*whole(), progressing("HelmRelease", "web", "Running 'upgrade' action"))
    watch.look(world_of(*whole(), broken("HelmRelease", "web", "InstallFailed", "boom")), 1)
    for now in (2, 100, 200):
        watch.look(busy, now)
    assert watch.changed == 2


def test_waiting_for_others_is_no_failure() -> None:
    watch = Watch(changed=0)
    watch.look(world_of(*whole(), waiting("late", "x")), 1)
    for now in (2, 100):
        watch.look(world_of(*whole(), progressing("Kustomization", "late", "Running checks")), now)
    assert watch.changed == 100


def test_a_change_of_what_is_asked_for_makes_its_work_the_first_again() -> None:
    watch = Watch(changed=0)
    watch.look(world_of(*whole(), broken("HelmRelease", "web", "InstallFailed", "boom")), 1)
    busy = progressing("HelmRelease", "web", "Running 'upgrade' action")
    busy["metadata"]["generation"] = 2
    for now in (2, 100):
        watch.look(world_of(*whole(), busy), now)
    assert watch.changed == 100


def test_an_instance_that_only_waits_for_a_root_that_failed_is_not_at_work() -> None:
    watch = Watch(changed=0)
    busy = progressing("FluxInstance", "flux", "Reconciliation in progress")
    world = world_of(busy, repository(), failed(SYSTEM, "ArtifactFailed", NO_PATH))
    for now in (1, 2, 100):
        watch.look(world, now)
    assert watch.changed == 1


def test_an_instance_whose_roots_source_failed_is_not_at_work() -> None:
    watch = Watch(changed=0)
    busy = progressing("FluxInstance", "flux", "Reconciliation in progress")
    away = broken("GitRepository", SYSTEM, "GitOperationFailed", "connection reset by peer")
    world = world_of(busy, away, failed(SYSTEM, "SourceNotReady", "Source is not ready"))
    for now in (1, 2, 100):
        watch.look(world, now)
    assert watch.changed == 1


def test_an_instance_whose_root_is_on_its_way_is_at_work() -> None:
    watch = Watch(changed=0)
    busy = progressing("FluxInstance", "flux", "Reconciliation in progress")
    for now in (1, 100):
        watch.look(world_of(busy, repository(), waiting(SYSTEM, "x")), now)
    assert watch.changed == 100


def test_a_kustomization_that_only_waits_for_its_failed_release_is_not_at_work() -> None:
    watch = Watch(changed=0)
    named = {"kind": "HelmRelease", "name": "web", "namespace": SYSTEM}
    whole_one = progressing("Kustomization", "web", "Running health checks")
    whole_one["spec"]["healthChecks"] = [{"apiVersion": "helm.toolkit.fluxcd.io/v2", **named}]
    world = world_of(*whole(), whole_one, broken("HelmRelease", "web", "InstallFailed", "boom"))
    for now in (1, 2, 100):
        watch.look(world, now)
    assert watch.changed == 1
