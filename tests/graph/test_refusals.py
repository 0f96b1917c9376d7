"""What a person can have got wrong ends as one message before any provider is called."""

import json
from pathlib import Path
from typing import Any

import pulumi
import pytest

from config.identity import read_identity
from config.load import CLUSTER_KEY, load_cluster, read_stack_file
from ops.keys import new_identity
from stacks.keys import parsed
from stacks.program import refuse_placeholders, refuse_strange_halves, refuse_twin
from stacks.special import Facts, special
from tests.graph import harness

pytestmark = pytest.mark.graph

STACK = "test-cluster"
ROOT = Path(__file__).resolve().parents[2]


def refusal(stack: str = STACK, **options: Any) -> str:
    """The message that the program ends with."""
    with pytest.raises(pulumi.RunError) as refused:
        harness.run(stack, **options)
    return str(refused.value)


def test_a_stack_without_facts_is_told_where_they_belong() -> None:
    message = refusal(settings={})
    assert f"Pulumi.{STACK}.yaml has no hearth:cluster" in message


def test_a_stack_that_has_no_file_is_asked_which_one_was_meant() -> None:
    message = refusal("test-clutser", settings={})
    assert "there is no stack test-clutser; did you mean test-cluster?" in message


def test_an_identity_that_another_stack_has_too_is_refused(tmp_path: Path) -> None:
    file = read_stack_file(ROOT / f"Pulumi.{STACK}.yaml")
    (tmp_path / "Pulumi.copy.yaml").write_text(file.text)
    identity = read_identity(file.config["hearth:identity"], STACK)
    assert identity is not None
    refuse_twin(tmp_path, "copy", identity)
    with pytest.raises(pulumi.RunError, match=f"The identity of {STACK} is that of copy"):
        refuse_twin(tmp_path, STACK, identity)


def test_private_halves_of_another_identity_are_named_and_not_shown() -> None:
    ours, private = new_identity(STACK, with_age=True)
    _, theirs = new_identity("other", with_age=True)
    refuse_strange_halves(STACK, ours, private)
    mixed = {**private, "hearth:deployKey": theirs["hearth:deployKey"]}
    with pytest.raises(pulumi.RunError) as refused:
        refuse_strange_halves(STACK, ours, mixed)
    message = str(refused.value)
    assert "hearth:deployKey of test-cluster do not belong" in message
    assert "PRIVATE KEY" not in message


def test_a_stack_without_identity_is_told_the_command_that_makes_one() -> None:
    settings = {"hearth:cluster": harness.stack_settings(STACK)["hearth:cluster"]}
    assert f"./hearth identity init {STACK}" in refusal(settings=settings)


def test_a_broken_identity_is_refused_without_a_traceback() -> None:
    settings = harness.stack_settings(STACK) | {"hearth:identity": {"deployKeyPublic": "nonsense"}}
    message = refusal(settings=settings)
    assert "hearth:identity" in message
    assert "deployKeyPublic" in message


def test_the_labs_identity_is_refused_outside_the_lab() -> None:
    message = refusal(in_lab=False)
    assert "lab" in message
    assert f"./hearth identity init {STACK}" in message


def test_all_mistakes_of_a_config_are_told_at_once() -> None:
    def broken(cluster: dict[str, Any]) -> None:
        cluster["machines"][1]["mac"] = cluster["machines"][0]["mac"]
        cluster["network"]["vips"] = ["10.9.9.9"]
        cluster["protcted"] = True

    message = refusal(settings=harness.changed(STACK, broken))
    assert "did you mean protected?" in message
    assert "network.vips" in message
    assert "mac" in message


def test_every_placeholder_is_listed_with_its_place() -> None:
    path = harness.ROOT / f"Pulumi.{STACK}.yaml"
    with pytest.raises(pulumi.RunError) as refused:
        refuse_placeholders(path)
    lines = str(refused.value).splitlines()
    marked = read_stack_file(path).placeholders
    assert len(marked) > 3
    assert lines[0].startswith(f"{len(marked)} values are still placeholders")
    for placeholder, line in zip(marked, lines[1:], strict=True):
        assert f"{path.name}:{placeholder.line}:" in line
    assert any("network.gateways" in line for line in lines)


def test_a_file_without_placeholders_passes(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text("config:\n  # A word about PLACEHOLDER marks is none.\n  hearth:a: b\n")
    refuse_placeholders(path)


def test_every_missing_secret_is_named_with_what_it_holds_and_how_to_set_it() -> None:
    missing = ["deployKey", "proxmoxToken", "sealedSecretsKey", "tailscaleAuthKey"]
    message = refusal(without=missing)
    for name in missing:
        assert f"hearth:{name}: " in message
    assert message.startswith("4 secrets of test-cluster are not set:")
    assert "`pulumi config set -s test-cluster --secret hearth:proxmoxToken`" in message
    assert message.count("./hearth identity init test-cluster") == 2


def test_a_secret_that_the_facts_do_not_ask_for_may_be_missing() -> None:
    assert harness.run(STACK, without=["ageKey"]).resources


def test_an_age_key_is_seeded_where_the_facts_ask_for_one() -> None:
    settings = harness.changed(STACK, lambda cluster: cluster["seeds"].update(sopsAge=True))
    run = harness.run(STACK, settings=settings)
    seeded = run.one("core/v1:Secret", "sops-age")
    assert seeded.inputs["stringData"] == {"age.agekey": f"{harness.CANARY}ageKey"}
    assert seeded.is_secret("stringData")
    patch = run.one("v1:FluxInstance").inputs["spec"]["kustomize"]
    assert json.loads(patch["patches"][0]["patch"])[-1] == {
        "op": "add",
        "path": "/spec/decryption",
        "value": {"provider": "sops", "secretRef": {"name": "sops-age"}},
    }


@pytest.mark.parametrize("key", ["sealedSecretsKey", "tailscaleAuthKey", "ageKey"])
def test_a_key_is_never_left_out_in_silence(key: str) -> None:
    settings = harness.changed(STACK, lambda cluster: cluster["seeds"].update(sopsAge=True))
    assert f"hearth:{key}" in refusal(settings=settings, without=[key])


@pytest.mark.parametrize("text", ["", "canary", "[]", '{"username": "canary"}', '{"password": 1}'])
def test_a_login_in_the_wrong_form_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(pulumi.RunError) as refused:
        parsed(text)
    assert "hearth:proxmoxAuth" in str(refused.value)
    assert "canary" not in str(refused.value)


def test_a_login_is_read_as_text() -> None:
    assert parsed('{"username": "root@pam", "password": 123}') == {
        "username": "root@pam",
        "password": "123",
    }


def test_a_stack_that_makes_some_machines_and_adopts_others_is_refused() -> None:
    made, adopted = (
        load_cluster(read_stack_file(ROOT / f"Pulumi.{stack}.yaml").config[CLUSTER_KEY], stack)
        for stack in (STACK, "home-ops")
    )
    mixed = made.model_copy(update={"machines": (*made.machines, *adopted.machines)})
    public: Any = None
    with pytest.raises(pulumi.RunError) as refused:
        special(Facts(cluster=mixed, identity=public, keys=public))
    assert "worker2 are to be made and mini01, mini02, mini03 to be adopted" in str(refused.value)
