"""What goes wrong with Talos' provider when a program asks it the obvious way."""

from typing import Any

import pytest
import yaml

from components.infrastructure.image import schematic_id
from config import versions
from tests.graph import harness
from tests.graph.recorded import Graph
from tests.unit.components.committed import cluster

pytestmark = pytest.mark.graph

CONTRACT = "v1.13"
ADDRESSES = ["10.0.1.1", "10.0.1.2", "10.0.1.3", "10.0.2.1", "10.0.2.2"]
CONTROL_PLANES = ADDRESSES[:3]


def patches(graph: Graph) -> dict[str, list[dict[str, Any]]]:
    """Every machine's patch documents by its host name."""
    found = {}
    for call in graph.calls("machine/getConfiguration:getConfiguration"):
        documents = [yaml.safe_load(text) for text in call.args["configPatches"]]
        name = next(item["hostname"] for item in documents if item.get("kind") == "HostnameConfig")
        found[name] = documents
    return found


def snake_keys(value: Any) -> list[str]:
    """Keys with an underscore anywhere inside: the provider would not find them."""
    if isinstance(value, dict):
        inner = [key for item in value.values() for key in snake_keys(item)]
        return [key for key in value if "_" in key] + inner
    if isinstance(value, list):
        return [key for item in value for key in snake_keys(item)]
    return []


def test_nested_arguments_of_functions_are_camel_case_dicts(graph: Graph) -> None:
    assert graph.invokes
    assert [snake_keys(call.args) for call in graph.invokes] == [[]] * len(graph.invokes)


def test_functions_get_the_whole_machine_secrets(graph: Graph) -> None:
    for call in graph.calls("machine/getConfiguration:getConfiguration"):
        assert call.args["machineSecrets"] == harness.SECRETS_OUTPUT["machineSecrets"]


def test_the_talosconfig_is_asked_for_with_the_whole_client_configuration(graph: Graph) -> None:
    (call,) = graph.calls("client/getConfiguration:getConfiguration")
    assert call.args["clientConfiguration"] == harness.SECRETS_OUTPUT["clientConfiguration"]
    assert call.args["endpoints"] == CONTROL_PLANES
    assert call.args["nodes"] == ADDRESSES


def test_functions_go_to_the_explicit_talos_provider(graph: Graph) -> None:
    provider = graph.one("pulumi:providers:talos").urn
    assert {call.provider for call in graph.invokes} == {provider}


def test_the_contract_is_pinned_in_the_secrets_and_in_every_configuration(graph: Graph) -> None:
    assert graph.one("machine/secrets:Secrets").inputs["talosVersion"] == CONTRACT
    calls = graph.calls("machine/getConfiguration:getConfiguration")
    assert [call.args["talosVersion"] for call in calls] == [CONTRACT] * len(ADDRESSES)


def test_the_kubernetes_version_is_said_without_its_v(graph: Graph) -> None:
    calls = graph.calls("machine/getConfiguration:getConfiguration")
    wanted = versions.KUBERNETES.removeprefix("v")
    assert {call.args["kubernetesVersion"] for call in calls} == {wanted}


def test_the_install_image_carries_version_and_schematic_on_every_machine(graph: Graph) -> None:
    schematic = schematic_id(cluster("test-cluster").talos)
    wanted = f"factory.talos.dev/nocloud-installer/{schematic}:{versions.TALOS}"
    bases = [documents[0]["machine"]["install"] for documents in patches(graph).values()]
    assert [base["image"] for base in bases] == [wanted] * len(ADDRESSES)
    assert {base["disk"] for base in bases} == {"/dev/sda"}


def test_every_machine_is_configured_as_what_it_is(graph: Graph) -> None:
    calls = graph.calls("machine/getConfiguration:getConfiguration")
    kinds = [call.args["machineType"] for call in calls]
    assert sorted(kinds) == ["controlplane"] * 3 + ["worker"] * 2
    assert {call.args["clusterEndpoint"] for call in calls} == {"https://10.0.3.1:6443"}


def test_patches_are_applied_in_one_place(graph: Graph) -> None:
    applied = graph.of("configurationApply:ConfigurationApply")
    assert len(applied) == len(ADDRESSES)
    assert [item.name for item in applied if item.inputs.get("configPatches")] == []
    assert all(patches(graph).values())


def test_timeouts_of_an_apply_are_given_whole_or_the_bridge_refuses_its_own_state(
    graph: Graph,
) -> None:
    for item in graph.of("configurationApply:ConfigurationApply"):
        assert set(item.inputs["timeouts"]) == {"create", "update", "delete"}


def test_a_configuration_is_applied_at_the_machines_own_address(graph: Graph) -> None:
    applied = graph.of("configurationApply:ConfigurationApply")
    assert sorted(item.inputs["node"] for item in applied) == ADDRESSES
    assert [item.name for item in applied if item.inputs["node"] != item.inputs["endpoint"]] == []


def test_write_only_inputs_are_not_used_because_they_are_gone_at_delete(graph: Graph) -> None:
    for item in graph.resources:
        assert not {key for key in item.inputs if key.endswith("Wo")}, item.name


def test_a_replaced_machine_gets_its_configuration_again(graph: Graph) -> None:
    for item in graph.of("configurationApply:ConfigurationApply"):
        machine = item.name.removesuffix("-config")
        assert item.replaced_with == [graph.one("vmLegacy:VmLegacy", machine).urn]


def test_only_what_belongs_to_a_machine_is_replaced_with_it(graph: Graph) -> None:
    replaced = {item.type for item in graph.resources if item.replaced_with}
    assert replaced == {
        "hearth:index:MachineAnswers",
        "hearth:index:Membership",
        "hearth:index:Turn",
        "talos:machine/configurationApply:ConfigurationApply",
    }


def test_the_kubeconfig_is_fetched_at_a_control_planes_own_address(graph: Graph) -> None:
    inputs = graph.one("kubeconfig:Kubeconfig").inputs
    assert (inputs["node"], inputs["endpoint"]) == (CONTROL_PLANES[0], CONTROL_PLANES[0])


def test_a_worker_that_does_not_answer_keeps_the_nodes_gate_shut(graph: Graph) -> None:
    applied = graph.one("configurationApply:ConfigurationApply", "worker1")
    assert graph.comes_before(applied, graph.one("hearth:index:Gate", "nodes-registered"))


def test_no_function_that_blocks_a_preview_is_called(graph: Graph) -> None:
    called = {call.token.rpartition(":")[2] for call in graph.invokes}
    assert called == {"getConfiguration"}


def test_reset_is_left_to_machines_that_are_adopted(graph: Graph) -> None:
    applied = graph.of("configurationApply:ConfigurationApply")
    assert [item.name for item in applied if item.inputs.get("onDestroy")] == []


def test_only_control_planes_join_the_tailnet(graph: Graph) -> None:
    joined = {
        name
        for name, documents in patches(graph).items()
        if any(item.get("name") == "tailscale" for item in documents)
    }
    assert joined == {"cp1", "cp2", "cp3"}


@pytest.mark.parametrize("run", ["graph", "preview", "metal", "metal_preview"])
def test_talos_is_asked_for_configurations_after_the_ground_has_been_looked_at(
    run: str, request: pytest.FixtureRequest
) -> None:
    """A check that fails ends the run, and a question that is open then ends as a traceback."""
    graph: Graph = request.getfixturevalue(run)
    kinds = [item.type.rpartition(":")[2] for item in graph.resources]
    (checked,) = (at for at, kind in enumerate(kinds) if kind in {"Preflight", "HostPreflight"})
    asked = graph.calls("getConfiguration")
    assert asked or "preview" in run  # in a preview the secrets are not known yet
    assert all(call.after > checked for call in asked)
