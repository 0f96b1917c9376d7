"""Every committed stack has an overlay that covers exactly what its facts need."""

from pathlib import Path
from typing import Any

import pytest

from config.identity import IDENTITY_KEY, LAB_PASSPHRASE, is_the_labs, read_identity
from config.load import load_cluster, read_stack_file, stack_paths
from config.secret_keys import needed
from config.yaml_text import parse
from lab.seal import lab_values
from lab.stackfile import apply_overlay, secrets_of

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[3]
STACKS = stack_paths(ROOT)


def overlay(stack: str) -> Any:
    return parse((ROOT / "lab" / "overlay" / f"{stack}.yaml").read_text(), stack)


@pytest.mark.parametrize("stack", STACKS)
def test_an_overlay_has_the_secrets_that_the_facts_need_and_no_other(stack: str) -> None:
    cluster = load_cluster(read_stack_file(STACKS[stack]).cluster, stack)
    assert set(secrets_of(overlay(stack)["config"])) == set(needed(cluster))


@pytest.mark.parametrize("stack", STACKS)
def test_an_overlays_identity_is_known_as_the_labs(stack: str) -> None:
    public = read_identity(overlay(stack)["config"][IDENTITY_KEY], stack)
    assert public is not None
    assert is_the_labs(public)
    assert overlay(stack)["passphrase"] == LAB_PASSPHRASE


@pytest.mark.parametrize("stack", STACKS)
def test_an_applied_overlay_leaves_the_facts_byte_for_byte(stack: str) -> None:
    before = STACKS[stack].read_text()
    text, _ = apply_overlay(before, overlay(stack))
    start = before.index("  hearth:cluster:")
    facts = before[start : before.index("  hearth:identity:")]
    assert facts in text


def test_made_up_values_have_the_forms_of_real_ones() -> None:
    values = lab_values("home-ops")
    assert values["hearth:proxmoxToken"].startswith("hearth@pve!lab=")
    assert values["hearth:tailscaleAuthKey"].startswith("tskey-auth-lab")
    assert values["hearth:onePasswordToken"].count(".") == 2
    assert lab_values("home-ops") == values
