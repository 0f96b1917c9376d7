"""What a rehearsal seals with the real kubeseal before there is a cluster, here a folder."""

import json
import os
import subprocess
from base64 import b64decode
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
import yaml

from config.identity import IDENTITY_KEY, SEALED_SECRETS_KEY
from config.load import stack_paths
from lab.scenarios.rehearsal import Rehearsal
from lab.scenarios.sealing import seal
from ops.keys import new_identity
from tests.lab.tools_bin import tool

pytestmark = pytest.mark.lab

ROOT = Path(__file__).resolve().parents[2]
WORD = "known before the cluster"


@dataclass
class Engine:
    """Where the stack's file lies, and which programs there are."""

    project: Path
    environment: dict[str, str] = field(
        default_factory=lambda: {"PATH": f"{tool('kubeseal').parent}:{os.environ['PATH']}"}
    )


@dataclass
class Cluster:
    """As much of a rehearsal as sealing needs."""

    stack: str
    engine: Engine
    directory: Path


def _cluster(cluster: Cluster) -> Rehearsal:
    return cast("Rehearsal", cluster)


def _stack(folder: Path, stack: str) -> str:
    """Write a stack's file with a new identity; return its private sealing key."""
    public, private = new_identity(stack, with_age=False)
    halves = public.model_dump(by_alias=True, exclude_none=True)
    text = yaml.safe_dump({"config": {IDENTITY_KEY: halves}})
    (folder / f"Pulumi.{stack}.yaml").write_text(text)
    return private[SEALED_SECRETS_KEY]


def _recovered(folder: Path, sealed: str, key: str) -> subprocess.CompletedProcess[str]:
    """What a person gets who has the private key and no cluster."""
    path = folder / "key.pem"
    path.write_text(key)
    command = [str(tool("kubeseal")), "--recovery-unseal", "--recovery-private-key", str(path)]
    return subprocess.run(
        command, input=sealed, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_clusters_key_opens_what_was_sealed_with_the_stacks_certificate(tmp_path: Path) -> None:
    key = _stack(tmp_path, "home")
    sealed = seal(_cluster(Cluster("home", Engine(tmp_path), tmp_path)), WORD)
    assert json.loads(sealed)["kind"] == "SealedSecret"
    assert WORD not in sealed
    data = json.loads(_recovered(tmp_path, sealed, key).stdout)["data"]
    assert b64decode(data["word"]).decode() == WORD


def test_another_identitys_key_does_not_open_it(tmp_path: Path) -> None:
    _stack(tmp_path, "home")
    sealed = seal(_cluster(Cluster("home", Engine(tmp_path), tmp_path)), WORD)
    refused = _recovered(tmp_path, sealed, _stack(tmp_path, "other"))
    assert refused.returncode != 0
    assert "no key could decrypt secret" in refused.stderr


@pytest.mark.parametrize("stack", stack_paths(ROOT))
def test_every_committed_stack_can_be_sealed_against(stack: str, tmp_path: Path) -> None:
    sealed = json.loads(seal(_cluster(Cluster(stack, Engine(ROOT), tmp_path)), WORD))
    assert set(sealed["spec"]["encryptedData"]) == {"word"}
