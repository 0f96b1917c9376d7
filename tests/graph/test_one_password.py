"""1Password Connect's seeds: checked before anything is asked, and as its chart wants them."""

import base64
import json
from typing import Any

import pulumi
import pytest

from tests.graph import harness
from tests.graph.recorded import Graph

pytestmark = pytest.mark.graph

STACK = "home-ops"
NAMESPACE = "onepassword-connect"


def set_to(**values: str) -> Any:
    """The committed values, with some of the secrets set to these in clear."""
    return harness.stack_settings(STACK) | {f"hearth:{key}": text for key, text in values.items()}


def refusal(**values: str) -> str:
    with pytest.raises(pulumi.RunError) as refused:
        harness.run(STACK, settings=set_to(**values), without=values)
    return str(refused.value)


def test_the_credentials_are_the_file_in_the_secret_that_the_chart_mounts(metal: Graph) -> None:
    seed = metal.one("core/v1:Secret", "op-credentials")
    metadata = seed.inputs["metadata"]
    assert (metadata["name"], metadata["namespace"]) == ("op-credentials", NAMESPACE)
    text = seed.inputs["stringData"]["1password-credentials.json"]
    assert json.loads(text)["version"] == "2"
    assert seed.is_secret("stringData")


def test_the_token_is_where_operator_and_store_look_for_it(metal: Graph) -> None:
    seed = metal.one("core/v1:Secret", "onepassword-token")
    assert seed.inputs["metadata"]["namespace"] == NAMESPACE
    assert list(seed.inputs["stringData"]) == ["token"]
    assert seed.is_secret("stringData")


def test_both_lie_there_before_flux_begins(metal: Graph) -> None:
    instance = metal.one("FluxInstance")
    for name in ("op-credentials", "onepassword-token"):
        assert metal.comes_before(metal.one("secrets:SecretSeeds"), instance)
        assert metal.one("core/v1:Secret", name).parent == metal.one("secrets:SecretSeeds").urn


def test_a_stack_that_does_not_ask_for_them_has_neither() -> None:
    settings = harness.changed(
        STACK, lambda cluster: cluster["seeds"].update(onePasswordConnect=False)
    )
    found = harness.run(STACK, settings=settings)
    assert not [item.name for item in found.of("core/v1:Secret") if "onepassword" in item.urn]


def test_all_malformed_secrets_are_told_at_once_and_none_is_shown() -> None:
    message = refusal(onePasswordCredentials="bm8ganNvbg-canary", onePasswordToken="canary")
    assert message.startswith("2 secrets of home-ops are not what their keys say:")
    assert "  hearth:onePasswordCredentials: it is no JSON" in message
    assert "  hearth:onePasswordToken: it is no JWT" in message
    assert "canary" not in message


def test_a_file_that_somebody_encoded_is_refused_before_any_provider_is_called() -> None:
    file = base64.b64encode(json.dumps({"version": "2"}).encode()).decode()
    message = refusal(onePasswordCredentials=file)
    assert message.startswith("1 secrets of home-ops")
    assert "it is in base64 (once)" in message
    assert file not in message


def test_a_malformed_secret_that_the_facts_do_not_ask_for_is_nobodys_business() -> None:
    settings = harness.stack_settings("test-cluster") | {"hearth:onePasswordToken": "no token"}
    assert harness.run("test-cluster", settings=settings, without=["onePasswordToken"]).resources
