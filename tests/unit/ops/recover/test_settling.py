"""From a state with cut-off operations to one without: what is adopted, and how."""

import json
from typing import Any

import pytest

from ops.recover.findings import adopted
from ops.recover.state import SIGNATURE, Document, has, output, pending, plain, settled

pytestmark = pytest.mark.unit

PREFIX = "urn:pulumi:home::hearth::"
VM = f"{PREFIX}proxmoxve:index/vmLegacy:VmLegacy::cp1"
KEY = f"{PREFIX}kubernetes:core/v1:Secret::key"
SEALED = {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc"}


def operation(urn: str, kind: str, **inputs: Any) -> dict[str, Any]:
    resource = {"urn": urn, "type": urn.split("::")[2], "custom": True, "inputs": inputs}
    return {"resource": resource, "type": kind}


def document(
    *operations: dict[str, Any], resources: list[dict[str, Any]] | None = None
) -> Document:
    return {
        "version": 3,
        "deployment": {"resources": resources or [], "pending_operations": list(operations)},
    }


def test_a_resource_that_was_cut_off_twice_is_settled_once() -> None:
    twice = document(operation(VM, "creating", vmId=1), operation(VM, "creating", vmId=1))
    assert [(item.name, item.operation) for item in pending(twice)] == [
        ("VmLegacy cp1", "creating")
    ]


def test_a_state_without_operations_has_nothing_pending() -> None:
    assert pending({"version": 3, "deployment": {}}) == []


def test_settling_leaves_nothing_pending_and_the_given_document_alone() -> None:
    given = document(operation(VM, "creating", vmId=1), operation(KEY, "deleting"))
    before = json.dumps(given)
    assert pending(settled(given, {})) == []
    assert json.dumps(given) == before


def test_what_is_adopted_stands_at_the_end_with_its_identity_and_its_inputs() -> None:
    given = document(operation(VM, "creating", vmId=1), resources=[{"urn": "a", "type": "b"}])
    resources = settled(given, {VM: adopted("", "1")})["deployment"]["resources"]
    assert [item["urn"] for item in resources] == ["a", VM]
    assert resources[1]["id"] == "1"
    assert resources[1]["outputs"] == resources[1]["inputs"] == {"vmId": 1}


def test_an_adopted_object_keeps_what_was_asked_for_and_who_manages_its_fields() -> None:
    given = document(operation(KEY, "creating", stringData=SEALED))
    found = adopted("", "ns/key", {"__fieldManager": "pulumi-kubernetes-1"})
    [item] = settled(given, {KEY: found})["deployment"]["resources"]
    assert item["outputs"] == {
        "stringData": SEALED,
        "__fieldManager": "pulumi-kubernetes-1",
        "__inputs": {"stringData": SEALED},
    }


def test_a_secret_is_still_a_cipher_text_in_what_is_written() -> None:
    given = document(operation(KEY, "creating", stringData=SEALED))
    assert "plaintext" not in json.dumps(settled(given, {KEY: adopted("", "ns/key")}))


def test_the_place_of_a_resource_deleted_for_its_successor_is_taken_by_it() -> None:
    old = {"urn": VM, "type": "x", "id": "1", "pendingReplacement": True}
    given = document(operation(VM, "creating", vmId=1), resources=[old])
    assert not has(given, VM)
    [item] = settled(given, {VM: adopted("", "1")})["deployment"]["resources"]
    assert "pendingReplacement" not in item


def test_a_resource_that_a_later_run_made_is_known() -> None:
    given = document(operation(VM, "creating"), resources=[{"urn": VM, "type": "x", "id": "1"}])
    assert has(given, VM)


def test_a_resource_that_only_waits_for_its_deletion_is_not_the_one_that_was_made() -> None:
    given = document(resources=[{"urn": VM, "type": "x", "delete": True}])
    assert not has(given, VM)


def test_secrets_in_clear_are_unwrapped_and_cipher_texts_are_nobodys_name() -> None:
    clear = {SIGNATURE: "1b47", "plaintext": '"abc"'}
    assert plain({"a": [clear, SEALED], "b": 1}) == {"a": ["abc", None], "b": 1}


def test_an_output_of_the_only_resource_of_a_type_is_found() -> None:
    clear = {SIGNATURE: "1b47", "plaintext": '"kind: Config"'}
    given = document(resources=[{"urn": "a", "type": "t:Kubeconfig", "outputs": {"raw": clear}}])
    assert output(given, "t:Kubeconfig", "raw") == "kind: Config"
    assert output(given, "t:Other", "raw") is None
