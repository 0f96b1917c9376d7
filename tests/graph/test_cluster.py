"""What goes wrong inside the cluster: unreachable APIs, doomed deletes, networks that come late."""

import json

import pytest

from config import versions
from provider.anchor import Anchor
from tests.graph import harness
from tests.graph.recorded import Graph

pytestmark = pytest.mark.graph


def test_the_cluster_is_told_from_another_by_its_name_not_by_its_kubeconfig(graph: Graph) -> None:
    provider = graph.one("pulumi:providers:kubernetes")
    assert provider.inputs["clusterIdentifier"] == "test-cluster"


def test_the_kubernetes_provider_gets_its_kubeconfig_from_a_gate_that_saw_the_api(
    graph: Graph,
) -> None:
    provider = graph.one("pulumi:providers:kubernetes")
    sources = dict(provider.request.propertyDependencies)["kubeconfig"].urns
    assert list(sources) == [graph.one("Gate", "nodes-registered").urn]
    assert graph.comes_before(graph.one("Gate", "api-ready"), provider)


def test_gates_are_resources_and_no_hook_holds_anything_up(graph: Graph) -> None:
    names = [item.name for item in graph.of("hearth:index:Gate")]
    assert sorted(names) == [
        "cni-dns-answers",
        "cni-nodes-ready",
        "infrastructure-api-ready",
        "infrastructure-nodes-registered",
    ]
    hooked = {item.type for item in graph.resources if item.request.hooks.ByteSize()}
    # It tells that the cluster is new, and does nothing.
    assert hooked == {"hearth:index:Quorum"}
    (hook,) = graph.one("hearth:index:Quorum").request.hooks.before_create
    assert hook == "infrastructure-fleet-founding"


def test_every_gate_has_a_deadline_and_says_what_to_do_when_it_passes(graph: Graph) -> None:
    for gate in graph.of("hearth:index:Gate"):
        assert 0 < gate.inputs["deadlineSeconds"] <= 1800
        assert len(gate.inputs["hint"]) > 20


def test_every_api_server_is_waited_for_at_its_own_address(graph: Graph) -> None:
    assert graph.one("Gate", "api-ready").inputs["apiServers"] == [
        "https://10.0.1.1:6443",
        "https://10.0.1.2:6443",
        "https://10.0.1.3:6443",
    ]


def test_every_machine_is_waited_for_by_its_name(graph: Graph) -> None:
    everyone = ["cp1", "cp2", "cp3", "worker1", "worker2"]
    for name in ("nodes-registered", "nodes-ready", "dns-answers"):
        assert graph.one("Gate", name).inputs["nodes"] == everyone


def test_the_network_is_a_release_that_helm_waits_for_and_never_tears_down(graph: Graph) -> None:
    cilium = graph.one("helm.sh/v3:Release", "cilium").inputs
    assert cilium["namespace"] == "kube-system"
    assert cilium["version"] == versions.CILIUM.version
    assert cilium["atomic"] is False
    assert not cilium.get("skipAwait")
    assert cilium["timeout"] >= 300


def test_charts_are_releases_and_never_rendered_by_the_program(graph: Graph) -> None:
    kinds = {item.type for item in graph.in_cluster()}
    assert "kubernetes:helm.sh/v3:Release" in kinds
    assert not {kind for kind in kinds if "Chart" in kind or "yaml:" in kind or "kustomize" in kind}


def test_nodes_have_registered_before_the_network_is_installed(graph: Graph) -> None:
    cilium = graph.one("helm.sh/v3:Release", "cilium")
    assert graph.comes_before(graph.one("Gate", "nodes-registered"), cilium)


def test_nodes_are_ready_and_names_resolve_before_anything_else_is_installed(
    graph: Graph,
) -> None:
    resolving = graph.one("Gate", "dns-answers")
    assert graph.comes_before(graph.one("Gate", "nodes-ready"), resolving)
    # A parent's registration waits for what it depends on, and its children wait for the parent.
    for item in graph.in_cluster():
        if item.name == "cni-cilium":
            continue
        waiting = {resolving.urn} & {
            urn for holder in graph.ancestors(item) for urn in graph.before(holder)
        }
        assert waiting, item.name


def test_a_new_release_of_the_network_makes_its_gates_wait_again(graph: Graph) -> None:
    ready = graph.one("Gate", "nodes-ready")
    trigger = dict(ready.request.propertyDependencies)["trigger"].urns
    assert list(trigger) == [graph.one("helm.sh/v3:Release", "cilium").urn]


def test_everything_in_the_cluster_goes_with_the_anchor(graph: Graph) -> None:
    anchor = graph.one("hearth:index:Anchor").urn
    assert len(graph.in_cluster()) > 10
    for item in graph.in_cluster():
        assert graph.hangs_on(item) == anchor, item.name


def test_nothing_outside_the_cluster_goes_with_the_anchor(graph: Graph) -> None:
    hanging = {
        item.name
        for item in graph.custom()
        if graph.hangs_on(item) and not item.type.startswith("kubernetes:")
    }
    # Gates ask the cluster; without it there is nothing to ask, and nothing to leave.
    memberships = {item.name for item in graph.of("hearth:index:Membership")}
    assert hanging == {"cni-nodes-ready", "cni-dns-answers", *memberships}


def test_nothing_is_deleted_with_something_that_can_be_replaced(graph: Graph) -> None:
    targets = {item.deleted_with for item in graph.resources} - {""}
    assert targets == {graph.one("hearth:index:Anchor").urn}


def test_the_anchor_has_no_input_whose_change_replaces_it(graph: Graph) -> None:
    anchor = graph.one("hearth:index:Anchor")
    assert anchor.dependencies == []
    assert list(anchor.request.replaceOnChanges) == []
    changed = dict.fromkeys(anchor.inputs, "another value")
    diff = Anchor().diff("anchor", anchor.inputs, anchor.inputs, changed, [])
    assert diff.changed
    assert list(diff.replaces) == []


def test_the_sealed_secrets_key_is_found_by_the_controller(graph: Graph) -> None:
    secret = graph.one("core/v1:Secret", "sealed-secrets-key").inputs
    assert secret["type"] == "kubernetes.io/tls"
    assert secret["metadata"]["labels"] == {
        "sealedsecrets.bitnami.com/sealed-secrets-key": "active"
    }
    assert set(secret["stringData"]) == {"tls.crt", "tls.key"}


def test_seeds_lie_there_before_flux_starts_to_reconcile(graph: Graph) -> None:
    instance = graph.one("v1:FluxInstance")
    flux = graph.one("hearth:gitops:Flux")
    for seed in ("cluster-settings", "sealed-secrets-key"):
        found = next(item for item in graph.in_cluster() if item.name.endswith(seed))
        assert found.urn in graph.before(flux) | graph.before(instance)


def test_no_secret_is_empty_because_the_provider_would_replace_it_at_every_run(
    graph: Graph,
) -> None:
    secrets = graph.of("core/v1:Secret")
    assert [item.name for item in secrets if not item.inputs["stringData"]] == []


def test_the_operator_brings_the_instances_kind_before_the_instance(graph: Graph) -> None:
    instance = graph.one("v1:FluxInstance")
    assert graph.comes_before(graph.one("helm.sh/v3:Release", "operator"), instance)


def test_no_change_of_the_program_makes_flux_prune_what_it_has_made(graph: Graph) -> None:
    retained = [item.type for item in graph.resources if item.request.retainOnDelete]
    assert retained == ["kubernetes:fluxcd.controlplane.io/v1:FluxInstance"]


def test_another_path_or_branch_changes_the_instance_in_place_and_nothing_else(
    graph: Graph,
) -> None:
    moved = harness.run(
        "test-cluster",
        settings=harness.changed(
            "test-cluster",
            lambda cluster: cluster["gitops"].update(
                path="./elsewhere/test-cluster", branch="next"
            ),
        ),
    )
    assert moved.urns() == graph.urns()
    changed = [item for item in moved.resources if item.wire != graph.by_urn[item.urn].wire]
    assert {item.type.rpartition(":")[2] for item in changed} <= {"FluxInstance", "Convergence"}
    before, after = graph.one("v1:FluxInstance").inputs, moved.one("v1:FluxInstance").inputs
    assert {key for key in after if after[key] != before[key]} == {"spec"}


def test_the_watch_over_flux_comes_after_it_and_goes_before_every_machine(
    graph: Graph, metal: Graph
) -> None:
    for stack, machine in ((graph, "VmLegacy"), (metal, "AdoptedHost")):
        watch = stack.one("index:Convergence")
        assert stack.comes_before(stack.one("v1:FluxInstance"), watch)
        # Dropped with the cluster it would never suspend Flux.
        assert stack.hangs_on(watch) == ""
        assert all(item.urn in stack.before(watch) for item in stack.of(machine))
        assert watch.is_secret("kubeconfig")
        assert not watch.request.retainOnDelete


def test_the_root_prunes_no_kustomization_whatever_its_path_becomes(graph: Graph) -> None:
    instance = graph.one("v1:FluxInstance").inputs
    (patch,) = instance["spec"]["kustomize"]["patches"]
    # Without a name of its own the sync's objects are named as the namespace.
    assert "name" not in instance["spec"]["sync"]
    assert patch["target"] == {"kind": "Kustomization", "name": instance["metadata"]["namespace"]}
    changes = {item["path"]: item["value"] for item in json.loads(patch["patch"])}
    assert changes == {"/spec/prune": False, "/spec/deletionPolicy": "Orphan"}


def test_the_program_makes_neither_source_nor_root_kustomization(graph: Graph) -> None:
    kinds = {item.type.rpartition(":")[2] for item in graph.in_cluster()}
    assert not kinds & {"GitRepository", "OCIRepository", "Kustomization", "HelmRelease"}


def test_the_storage_drivers_namespace_admits_pods_that_mount_disks(graph: Graph) -> None:
    labels = graph.one("core/v1:Namespace", "storage").inputs["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "privileged"


def test_the_storage_driver_starts_with_its_credentials_in_place(graph: Graph) -> None:
    driver = graph.one("helm.sh/v3:Release", "driver")
    assert graph.comes_before(graph.one("core/v1:Secret", "storage-config"), driver)
    assert driver.inputs["values"]["existingConfigSecret"] == "proxmox-csi-plugin"


def test_a_changed_setting_updates_its_object_instead_of_making_it_anew(graph: Graph) -> None:
    provider = graph.one("pulumi:providers:kubernetes")
    assert provider.inputs["enableConfigMapMutable"] == "true"
    assert provider.inputs["enableSecretMutable"] == "true"
