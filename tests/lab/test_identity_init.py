"""`./hearth identity init` through the real Pulumi CLI: what it writes, the engine can read."""

import subprocess
from pathlib import Path

import pytest

from config.identity import AGE_KEY, DEPLOY_KEY, SEALED_SECRETS_KEY, mismatched, read_identity
from config.load import read_stack_file, read_stack_text
from config.yaml_text import parse
from lab.stackfile import apply_overlay
from tests.lab.pulumi_project import environment, project, read_by_engine

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]  # building the CLI takes minutes, once

ROOT = Path(__file__).resolve().parents[2]
STACK = "test-cluster"
PASSPHRASE = "one-of-the-owners-own"
PLAIN_SECRETS = {"hearth:proxmoxToken", "hearth:proxmoxAuth", "hearth:tailscaleAuthKey"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with one stack that has no identity yet, but comments and placeholders."""
    text = (ROOT / "tests" / "unit" / "config" / "bases" / f"{STACK}.yaml").read_text()
    project(tmp_path, STACK, text.replace("mtu: 1500", "mtu: 1500 # PLACEHOLDER"))
    return tmp_path


def init(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / "hearth"), "identity", "init", STACK, "-C", str(folder)],
        env=environment(folder, PASSPHRASE),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def decrypted(folder: Path, passphrase: str) -> dict[str, str]:
    """Every secret of the stack, as the real engine reads it from the file."""
    found = read_by_engine(folder, STACK, passphrase)
    return {key: item["value"] for key, item in found.items() if item["secret"]}


def test_an_identity_is_written_that_the_engine_decrypts_into_matching_halves(folder: Path) -> None:
    path = folder / f"Pulumi.{STACK}.yaml"
    before = path.read_text()
    path.write_text(
        before.replace("sealedSecrets: true", "sealedSecrets: true\n      sopsAge: true")
    )
    done = init(folder)
    assert done.returncode == 0, done.stderr
    file = read_stack_file(path)
    public = read_identity(file.config["hearth:identity"], STACK)
    assert public is not None
    secrets = decrypted(folder, PASSPHRASE)
    assert set(secrets) == {SEALED_SECRETS_KEY, DEPLOY_KEY, AGE_KEY}
    assert mismatched(public, secrets) == []
    assert secrets[DEPLOY_KEY].endswith("-----END OPENSSH PRIVATE KEY-----\n")
    assert len(file.placeholders) == 1
    assert public.deploy_key_public in done.stdout
    assert all(secret not in done.stdout + done.stderr for secret in secrets.values())


def test_a_second_init_refuses_and_leaves_the_file_as_it_is(folder: Path) -> None:
    assert init(folder).returncode == 0
    before = (folder / f"Pulumi.{STACK}.yaml").read_bytes()
    done = init(folder)
    assert done.returncode == 1
    assert "already has an identity" in done.stderr
    assert (folder / f"Pulumi.{STACK}.yaml").read_bytes() == before


def test_an_identity_of_the_lab_is_replaced_under_a_new_salt(folder: Path) -> None:
    path = folder / f"Pulumi.{STACK}.yaml"
    overlay = parse((ROOT / "lab" / "overlay" / f"{STACK}.yaml").read_text(), STACK)
    assert isinstance(overlay, dict)
    kept = {k: v for k, v in overlay["config"].items() if k not in PLAIN_SECRETS}
    path.write_text(apply_overlay(path.read_text(), {**overlay, "config": kept})[0])
    salt = overlay["encryptionsalt"]
    done = init(folder)
    assert done.returncode == 0, done.stderr
    assert "the lab identity was replaced" in done.stdout
    file = read_stack_file(path)
    assert file.settings["encryptionsalt"] != salt
    public = read_identity(file.config["hearth:identity"], STACK)
    assert public is not None
    assert mismatched(public, decrypted(folder, PASSPHRASE)) == []


def test_a_wrong_passphrase_is_one_sentence_and_changes_nothing(folder: Path) -> None:
    path = folder / f"Pulumi.{STACK}.yaml"
    overlay = parse((ROOT / "lab" / "overlay" / f"{STACK}.yaml").read_text(), STACK)
    assert isinstance(overlay, dict)
    text = f"encryptionsalt: {overlay['encryptionsalt']}\n{path.read_text()}"
    path.write_text(text)
    done = init(folder)
    assert done.returncode == 1
    assert "The passphrase does not open Pulumi.test-cluster.yaml" in done.stderr
    assert "Traceback" not in done.stderr
    assert path.read_text() == text


@pytest.mark.parametrize("stack", ["test-cluster", "home-ops"])
def test_the_labs_passphrase_opens_every_secret_of_an_overlay(stack: str, tmp_path: Path) -> None:
    overlay = parse((ROOT / "lab" / "overlay" / f"{stack}.yaml").read_text(), stack)
    assert isinstance(overlay, dict)
    base = (ROOT / "tests" / "unit" / "config" / "bases" / f"{stack}.yaml").read_text()
    text, replaced = apply_overlay(base, overlay)
    project(tmp_path, STACK, text)
    secrets = decrypted(tmp_path, overlay["passphrase"])
    assert set(secrets) == {key for key in replaced if key.startswith("hearth:")} - {
        "hearth:identity"
    }
    public = read_identity(read_stack_text(text, stack).config["hearth:identity"], stack)
    assert public is not None
    own = {key: secrets[key] for key in (SEALED_SECRETS_KEY, DEPLOY_KEY)}
    assert mismatched(public, own) == []
