"""Where secrets travel: marked on the wire, and in nothing that a person may read."""

import json
from base64 import b64encode

import pytest

from tests.graph.harness import CANARY
from tests.graph.recorded import Graph, hidden, is_secret

pytestmark = pytest.mark.graph


@pytest.mark.parametrize(
    ("kind", "name", "inputs"),
    [
        ("configurationApply:ConfigurationApply", "cp1", ["machineConfigurationInput"]),
        ("configurationApply:ConfigurationApply", "worker2", ["clientConfiguration"]),
        ("hearth:index:Bootstrap", "", ["clientConfiguration"]),
        ("hearth:index:Membership", "cp1", ["clientConfiguration", "kubeconfig"]),
        ("hearth:index:Membership", "worker2", ["clientConfiguration", "kubeconfig"]),
        ("kubeconfig:Kubeconfig", "", ["clientConfiguration"]),
        ("pulumi:providers:kubernetes", "", ["kubeconfig"]),
        ("pulumi:providers:proxmoxve", "auth-proxmox", ["apiToken"]),
        ("pulumi:providers:proxmoxve", "auth-admin", ["password"]),
        ("pulumi:providers:hearth", "", ["proxmoxToken"]),
        ("hearth:index:Gate", "api-ready", ["kubeconfig"]),
        ("hearth:index:Gate", "nodes-registered", ["kubeconfig"]),
        ("hearth:index:Gate", "nodes-ready", ["kubeconfig"]),
        ("hearth:index:Gate", "dns-answers", ["kubeconfig"]),
    ],
)
def test_an_input_that_opens_something_is_marked_on_the_wire(
    graph: Graph, kind: str, name: str, inputs: list[str]
) -> None:
    item = graph.one(kind, name)
    for field in inputs:
        assert item.is_secret(field), field


def test_values_of_kubernetes_secrets_are_marked_as_a_whole(graph: Graph) -> None:
    secrets = graph.of("core/v1:Secret")
    assert len(secrets) == 7
    for secret in secrets:
        assert secret.is_secret("stringData"), secret.name


def test_every_canary_reaches_what_it_is_for(graph: Graph) -> None:
    everything = json.dumps(
        [item.inputs for item in graph.resources] + [call.args for call in graph.invokes]
    )
    used = ("deployKey", "proxmoxToken", "sealedSecretsKey", "tailscaleAuthKey")
    planted = [f"{CANARY}{name}" for name in (*used, "password", "csi-user")]
    # Name servers take the key for zone transfers in base64.
    planted.append(b64encode(f"{CANARY}transfer-key".encode()).decode())
    assert [canary for canary in planted if canary not in everything] == []


def test_no_key_is_made_by_a_resource_whose_id_is_the_key_in_clear(graph: Graph) -> None:
    assert graph.of("RandomBytes") == []


def test_no_plain_input_holds_a_secret(graph: Graph) -> None:
    leaking = [item.name for item in graph.resources if CANARY in item.readable]
    assert leaking == []


def test_the_key_for_zone_transfers_travels_as_a_secret_in_the_form_servers_want(
    graph: Graph,
) -> None:
    wanted = b64encode(f"{CANARY}transfer-key".encode()).decode()
    assert graph.one("core/v1:Secret", "tsig").inputs["stringData"]["secret"] == wanted
    assert [item.name for item in graph.resources if wanted in item.readable] == []


def test_what_a_preview_shows_of_configurations_holds_no_secret(graph: Graph) -> None:
    stashes = graph.of("pulumi:index:Stash")
    assert len(stashes) == 5
    for stash in stashes:
        assert CANARY not in json.dumps(stash.wire)


def test_the_view_of_a_configuration_is_readable(graph: Graph) -> None:
    for stash in graph.of("pulumi:index:Stash"):
        assert not is_secret(stash.wire["input"])
        assert "hostname" in stash.inputs["input"]["does not reboot"]["HostnameConfig"]


def test_exports_are_what_a_person_needs_next(graph: Graph) -> None:
    assert set(graph.exports) == {
        "endpoint",
        "kubeconfig",
        "parentZoneRecords",
        "talosconfig",
        "whatNow",
    }


def test_exports_that_open_the_cluster_are_secret(graph: Graph) -> None:
    marked = {name for name, value in graph.exports.items() if is_secret(value)}
    assert marked == {"kubeconfig", "talosconfig"}
    assert CANARY not in json.dumps(hidden(graph.exports))


def test_no_export_and_no_output_of_a_component_holds_a_machine_configuration(
    graph: Graph,
) -> None:
    configuration = f"{CANARY}machine-configuration"
    assert configuration not in json.dumps(graph.exports)
    assert configuration not in json.dumps(graph.component_outputs)
    holders = {item.type for item in graph.resources if configuration in json.dumps(item.inputs)}
    assert holders == {"talos:machine/configurationApply:ConfigurationApply"}


def test_outputs_of_components_hold_no_secret_in_plain_text(graph: Graph) -> None:
    assert CANARY not in json.dumps([hidden(item) for item in graph.component_outputs.values()])
