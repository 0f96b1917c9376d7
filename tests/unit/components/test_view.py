"""What a preview may show of a machine's configuration: it fails closed."""

import json
from typing import Any

import pytest
import yaml

from components.infrastructure.patches import Document, documents, tailscale
from components.infrastructure.reboots import LIVE_PATHS, reboots
from components.infrastructure.view import LIVE, REBOOTS, redacted, view
from tests.unit.components.committed import STACKS, cluster

pytestmark = pytest.mark.unit

KEY = b"a key of the test"
CANARY = "canary-in-a-config"
INSTALLER = "factory.talos.dev/nocloud-installer/schematic:v1.13.0"
# Places where people put secrets, most of which the program does not even write today.
HIDING_PLACES: dict[str, Document] = {
    "an extension's environment": {
        "kind": "ExtensionServiceConfig",
        "name": "tailscale",
        "environment": [f"TS_AUTHKEY={CANARY}"],
    },
    "an extension's files": {
        "kind": "ExtensionServiceConfig",
        "name": "nut",
        "configFiles": [{"content": CANARY, "mountPath": "/etc/nut"}],
    },
    "machine files": {"machine": {"files": [{"content": CANARY, "path": "/var/x"}]}},
    "registry auth": {
        "machine": {"registries": {"config": {"ghcr.io": {"auth": {"password": CANARY}}}}}
    },
    "a value under the key name": {
        "machine": {"registries": {"config": {"ghcr.io": {"auth": {"name": CANARY}}}}}
    },
    "a value under the key kind": {"cluster": {"secretThing": {"kind": CANARY}}},
    "machine tokens": {"machine": {"token": CANARY, "ca": {"key": CANARY}}},
    "machine environment": {"machine": {"env": {"HTTPS_PROXY": f"http://u:{CANARY}@proxy"}}},
    "kubelet arguments": {"machine": {"kubelet": {"extraArgs": {"x": CANARY}}}},
    "API server arguments": {"cluster": {"apiServer": {"extraArgs": {"x": CANARY}}}},
    "inline manifests": {"cluster": {"inlineManifests": [{"name": "x", "contents": CANARY}]}},
    "encryption keys": {
        "kind": "VolumeConfig",
        "name": "STATE",
        "encryption": {"keys": [{"slot": 0, "static": {"passphrase": CANARY}}]},
    },
    "a path that only begins like an open one": {"machine": {"installSecret": CANARY}},
    "a WireGuard link": {"kind": "WireguardConfig", "name": "wg0", "privateKey": CANARY},
    "a kind nobody has heard of": {"kind": "Unheard", "name": "x", "spec": {"a": [CANARY]}},
}


@pytest.mark.parametrize("place", HIDING_PLACES)
def test_a_secret_is_hidden_in(place: str) -> None:
    shown = view([HIDING_PLACES[place]], KEY)
    assert CANARY not in json.dumps(shown)
    assert "hidden:" in json.dumps(shown)


@pytest.mark.parametrize("place", HIDING_PLACES)
def test_a_hidden_value_still_shows_that_it_changed_in(place: str) -> None:
    text = json.dumps(HIDING_PLACES[place])
    other = json.loads(text.replace(CANARY, "another"))
    assert view([HIDING_PLACES[place]], KEY) != view([other], KEY)


def test_equal_values_give_equal_hashes_and_another_key_gives_others() -> None:
    document = HIDING_PLACES["machine tokens"]
    assert view([document], KEY) == view([document], KEY)
    assert view([document], KEY) != view([document], b"another key")


@pytest.mark.parametrize("stack", STACKS)
def test_plain_facts_of_a_committed_stack_are_readable(stack: str) -> None:
    facts = cluster(stack)
    first = facts.machines[0]
    shown = view(documents(facts, first, INSTALLER), KEY)[LIVE]
    assert INSTALLER in shown["v1alpha1"]
    assert str(first.addresses[0]) in shown[f"LinkConfig:{first.interface}"]
    assert "hidden:" not in shown["HostnameConfig"] + shown["ResolverConfig"]


@pytest.mark.parametrize("stack", STACKS)
def test_every_document_is_shown_under_a_name_of_its_own(stack: str) -> None:
    facts = cluster(stack)
    for machine in facts.machines:
        found = documents(facts, machine, INSTALLER)
        shown = view(found, KEY)
        assert len(shown[LIVE] | shown[REBOOTS]) == len(found)


def test_the_tailscale_key_is_hidden_and_its_document_is_not() -> None:
    settings = cluster("test-cluster").talos.tailscale
    assert settings is not None
    shown = view([tailscale(settings, "cp1", CANARY)], KEY)[LIVE]
    document = shown["ExtensionServiceConfig:tailscale"]
    assert CANARY not in document
    assert yaml.safe_load(document)["name"] == "tailscale"


def test_redaction_keeps_the_document_it_was_given() -> None:
    document: dict[str, Any] = {"machine": {"token": CANARY}}
    redacted(document, KEY)
    assert document == {"machine": {"token": CANARY}}


def test_a_reader_sees_what_reboots_apart_from_what_is_applied_live() -> None:
    machine = {"udev": {"rules": ["rule"]}, "sysctls": {"vm.swappiness": "1"}}
    shown = view([{"machine": machine}], KEY)
    assert yaml.safe_load(shown[REBOOTS]["v1alpha1"]) == {"machine": {"udev": machine["udev"]}}
    assert yaml.safe_load(shown[LIVE]["v1alpha1"]) == {"machine": {"sysctls": machine["sysctls"]}}


def test_both_groups_are_there_when_nothing_lies_in_one_of_them() -> None:
    shown = view([{"kind": "HostnameConfig", "hostname": "cp1"}], KEY)
    assert shown[REBOOTS] == {}
    assert set(shown[LIVE]) == {"HostnameConfig"}


def test_a_hidden_value_stands_in_the_group_of_its_path() -> None:
    shown = view([HIDING_PLACES["machine files"]], KEY)
    assert "hidden:" in shown[REBOOTS]["v1alpha1"]
    assert shown[LIVE] == {}


@pytest.mark.parametrize("live", LIVE_PATHS)
def test_a_path_on_talos_list_and_all_below_it_is_applied_live(live: str) -> None:
    path = tuple(live.split("."))
    assert not reboots({}, path)
    assert not reboots({}, (*path, "below"))


@pytest.mark.parametrize(
    "path",
    [
        "machine.udev.rules",
        "machine.files",
        "machine.env.HTTPS_PROXY",
        "machine.type",
        "machine.token",
        "machine.systemDiskEncryption.state",
        "machine.features",
        "machine.features.rbac",
        "machine.kernelArguments",
        "machine",
        "version",
    ],
)
def test_a_path_off_talos_list_reboots(path: str) -> None:
    assert reboots({}, tuple(path.split(".")))


def test_a_document_of_a_kind_never_reboots() -> None:
    assert not reboots({"kind": "LinkConfig"}, ("addresses",))
