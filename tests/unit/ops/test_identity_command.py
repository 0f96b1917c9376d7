"""`./hearth identity` without an engine: what it refuses, shows, and never touches."""

from pathlib import Path
from typing import Any

import pytest

from config.identity import DEPLOY_KEY, IDENTITY_KEY, LAB_PASSPHRASE, SEALED_SECRETS_KEY
from config.load import StackFile, read_stack_text
from config.yaml_text import parse
from lab.stackfile import apply_overlay
from ops.encrypt import find_pulumi, passphrase
from ops.errors import VerbError
from ops.identity import check_passphrase, edited, main, replaceable, salt_of
from ops.keys import new_identity

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[3]
OVERLAY: Any = parse((ROOT / "lab" / "overlay" / "test-cluster.yaml").read_text(), "test-cluster")


def labs_text() -> str:
    """A stack whose identity, and nothing else, is the lab's."""
    text = (ROOT / "tests" / "unit" / "config" / "bases" / "test-cluster.yaml").read_text()
    keys = (IDENTITY_KEY, SEALED_SECRETS_KEY, DEPLOY_KEY)
    config = {key: OVERLAY["config"][key] for key in keys}
    return apply_overlay(text, {**OVERLAY, "config": config})[0]


def stack(extra: str = "") -> StackFile:
    return read_stack_text(labs_text() + extra, "test-cluster")


def own() -> StackFile:
    public, _ = new_identity("x", with_age=False, bits=1024)
    text = edited("config:\n  hearth:cluster: {}\n", "v1:x", public, {SEALED_SECRETS_KEY: "v1:y"})
    return read_stack_text(text, "x")


def test_the_labs_identity_is_replaced() -> None:
    assert replaceable(stack())


def test_a_stack_without_identity_gets_one() -> None:
    assert not replaceable(read_stack_text("config:\n  hearth:cluster: {}\n", "x"))


def test_an_own_identity_is_never_replaced() -> None:
    with pytest.raises(VerbError, match="already has an identity"):
        replaceable(own())


def test_a_private_half_without_its_public_one_is_not_overwritten() -> None:
    text = "config:\n  hearth:deployKey:\n    secure: v1:x\n"
    with pytest.raises(VerbError, match="already has an identity"):
        replaceable(read_stack_text(text, "x"))


def test_secrets_under_the_labs_passphrase_are_named_before_it_is_given_up() -> None:
    with pytest.raises(VerbError, match="hearth:proxmoxToken"):
        replaceable(stack("  hearth:proxmoxToken:\n    secure: v1:x\n"))


def test_another_secrets_provider_is_refused() -> None:
    text = "secretsprovider: awskms://alias/x\nconfig:\n  hearth:cluster: {}\n"
    with pytest.raises(VerbError, match="secretsprovider"):
        salt_of(read_stack_text(text, "x"))


@pytest.mark.parametrize(("secret", "lab"), [(LAB_PASSPHRASE, False), ("own", True)])
def test_the_labs_passphrase_is_for_the_labs_identities_alone(secret: str, lab: bool) -> None:
    with pytest.raises(VerbError, match="passphrase"):
        check_passphrase(secret, lab=lab)


def test_a_passphrase_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_text("secret\n")
    assert passphrase({"PULUMI_CONFIG_PASSPHRASE_FILE": str(file)}) == "secret"


@pytest.mark.parametrize(
    "environment", [{}, {"PULUMI_CONFIG_PASSPHRASE": ""}, {"PULUMI_CONFIG_PASSPHRASE_FILE": "/-"}]
)
def test_a_missing_passphrase_is_one_sentence(environment: dict[str, str]) -> None:
    with pytest.raises(VerbError, match="PULUMI_CONFIG_PASSPHRASE"):
        passphrase(environment)


def test_a_missing_engine_names_what_brings_it(tmp_path: Path) -> None:
    with pytest.raises(VerbError, match="make tools"):
        find_pulumi({"PATH": str(tmp_path)})


def test_an_edit_changes_identity_secrets_and_salt_and_keeps_every_other_line() -> None:
    before = labs_text().replace("mtu: 1500", "mtu: 1500 # PLACEHOLDER")
    public, _ = new_identity("x", with_age=False, bits=1024)
    after = edited(before, "v1:salt", public, {"hearth:deployKey": "v1:x"})
    kept = [line for line in before.splitlines() if line in after.splitlines()]
    gone = set(before.splitlines()) - set(kept)
    old = read_stack_text(before, "test-cluster")
    assert all(
        line.startswith(("encryptionsalt:", "      ", "    secure:", "    deployKeyPublic:"))
        or line == "  hearth:sealedSecretsKey:"
        for line in gone
    )
    new = read_stack_text(after, "test-cluster")
    assert new.cluster == old.cluster
    assert len(new.placeholders) == len(old.placeholders) == 1
    assert new.settings == {"encryptionsalt": "v1:salt"}
    assert new.config["hearth:deployKey"] == {"secure": "v1:x"}
    assert SEALED_SECRETS_KEY not in new.config


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.test-cluster.yaml").write_text(labs_text())
    return tmp_path


def test_show_needs_no_passphrase_and_says_whose_it_is(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "test-cluster", "-C", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "This identity is the lab's" in out
    assert "kubeseal --cert test-cluster.pem" in out
    assert stack().config[IDENTITY_KEY]["deployKeyPublic"] in out


def test_an_unknown_stack_lists_the_known_ones(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "nope", "-C", str(folder)]) == 1
    assert "Known are: test-cluster" in capsys.readouterr().err
