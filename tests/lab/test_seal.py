"""`python -m lab.seal`: a stack that has no overlay yet gets one that the engine can open."""

import os
from pathlib import Path

import pytest

from config.identity import (
    DEPLOY_KEY,
    LAB_PASSPHRASE,
    SEALED_SECRETS_KEY,
    lab_fingerprints,
    mismatched,
    read_identity,
)
from config.load import load_cluster, read_stack_text
from config.secret_keys import needed
from config.yaml_text import parse
from lab.seal import lab_values, sealed
from lab.stackfile import apply_overlay
from tests.lab.pulumi_project import environment, project, read_by_engine

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]  # building the CLI takes minutes, once

BASES = Path(__file__).resolve().parents[1] / "unit" / "config" / "bases"


def test_a_new_stack_gets_an_overlay_with_an_identity_and_every_secret(tmp_path: Path) -> None:
    text = (BASES / "home-ops.yaml").read_text()
    file = read_stack_text(text, "home-ops")
    known = tmp_path / "known"
    known.touch()
    around = {**os.environ, **environment(tmp_path, LAB_PASSPHRASE)}
    first = sealed(file, around, tmp_path, known)
    overlay = parse(first, "home-ops")
    assert isinstance(overlay, dict)
    copy, _ = apply_overlay(text, overlay)
    project(tmp_path, "home-ops", copy)
    found = read_by_engine(tmp_path, "home-ops", LAB_PASSPHRASE)
    secrets = {key: item["value"] for key, item in found.items() if item["secret"]}
    assert set(secrets) == set(needed(load_cluster(file.cluster, "home-ops")))
    public = read_identity(overlay["config"]["hearth:identity"], "home-ops")
    assert public is not None
    own = {key: secrets.pop(key) for key in (SEALED_SECRETS_KEY, DEPLOY_KEY)}
    assert mismatched(public, own) == []
    assert secrets == {key: lab_values("home-ops")[key] for key in secrets}
    assert lab_fingerprints(known) == set(public.fingerprints.values())

    (tmp_path / "home-ops.yaml").write_text(first)
    assert sealed(file, around, tmp_path, known) == first, "what is there stays"
