"""Identities are told apart by their public halves, and the lab's never leaves the lab."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from config import age
from config.errors import ConfigError
from config.identity import (
    AGE_KEY,
    DEPLOY_KEY,
    IDENTITY_KEY,
    SEALED_SECRETS_KEY,
    Identity,
    deploy_key_fingerprint,
    identity_problem,
    is_the_labs,
    lab_fingerprints,
    mismatched,
    read_identity,
)
from config.load import read_stack_text
from ops.keys import CERTIFICATE_DAYS, new_identity, sealed_secrets_pair
from tests.unit.config.cases import HERE

pytestmark = pytest.mark.unit

FEW_BITS = 1024  # 4096 are found in one second or in five
OVERLAYS = sorted((HERE.parents[2] / "lab" / "overlay").glob("*.yaml"))


@pytest.fixture(scope="module")
def made() -> tuple[Identity, dict[str, str]]:
    return new_identity("x", with_age=True, bits=FEW_BITS)


def of_the_lab(overlay: Path) -> Identity:
    public = read_identity(read_stack_text(overlay.read_text(), "x").config[IDENTITY_KEY], "x")
    assert public is not None
    return public


@pytest.fixture(scope="module")
def labs() -> Identity:
    return of_the_lab(OVERLAYS[0])


def test_the_fingerprint_of_a_deploy_key_is_the_one_that_openssh_shows() -> None:
    line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
    shown = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"  # as GitHub documents its key
    assert deploy_key_fingerprint(line) == shown
    assert deploy_key_fingerprint(f"{line} a comment") == shown


def test_the_halves_of_a_new_identity_belong_together(
    made: tuple[Identity, dict[str, str]],
) -> None:
    public, private = made
    assert set(private) == {SEALED_SECRETS_KEY, DEPLOY_KEY, AGE_KEY}
    assert mismatched(public, private) == []


def test_halves_of_two_identities_are_told_apart(
    made: tuple[Identity, dict[str, str]], labs: Identity
) -> None:
    assert mismatched(labs, made[1]) == [SEALED_SECRETS_KEY, DEPLOY_KEY, AGE_KEY]


def test_a_private_half_that_is_no_key_belongs_to_nothing(labs: Identity) -> None:
    assert mismatched(labs, {DEPLOY_KEY: "nonsense"}) == [DEPLOY_KEY]


def test_a_certificate_lives_for_ten_years() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    certificate, _ = sealed_secrets_pair(now, FEW_BITS)
    parsed = x509.load_pem_x509_certificate(certificate.encode())
    assert (parsed.not_valid_after_utc - now).days == CERTIFICATE_DAYS


def test_an_age_key_has_its_recipient_and_nothing_else_has() -> None:
    secret, recipient = age.generated()
    assert age.recipient_of(secret) == recipient
    with pytest.raises(ValueError, match="no age key"):
        age.recipient_of("nonsense")


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.stem)
def test_every_half_of_an_identity_of_the_lab_is_known(overlay: Path) -> None:
    assert set(of_the_lab(overlay).fingerprints.values()) <= lab_fingerprints()


def test_the_labs_identity_is_refused_outside_the_lab_with_the_command_that_helps(
    labs: Identity,
) -> None:
    problem = identity_problem(labs, in_lab=False, stack="test-cluster")
    assert problem is not None
    assert "./hearth identity init test-cluster" in problem
    assert identity_problem(labs, in_lab=True, stack="test-cluster") is None


def test_one_half_of_the_labs_is_enough_to_refuse_an_identity(
    made: tuple[Identity, dict[str, str]], labs: Identity
) -> None:
    mixed = made[0].model_copy(update={"deploy_key_public": labs.deploy_key_public})
    assert is_the_labs(mixed)
    assert not is_the_labs(made[0])


def test_an_own_identity_passes_inside_and_outside(made: tuple[Identity, dict[str, str]]) -> None:
    for in_lab in (True, False):
        assert identity_problem(made[0], in_lab=in_lab, stack="x") is None


def test_a_missing_identity_names_the_command_that_makes_one() -> None:
    problem = identity_problem(None, in_lab=True, stack="x")
    assert problem is not None
    assert "./hearth identity init x" in problem


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"deployKeyPublic": "ssh-ed25519 !"},
            "hearth:identity.deployKeyPublic: this is no public",
        ),
        ({"sealedSecretsCertificate": "x"}, "this is no certificate"),
        ({"ageRecipient": "x"}, "this is no age recipient"),
        ({"more": 1}, "hearth:identity.more"),
    ],
)
def test_what_is_no_identity_is_refused_by_its_key(
    change: dict[str, object], words: str, labs: Identity
) -> None:
    data = labs.model_dump(by_alias=True, exclude_none=True) | change
    with pytest.raises(ConfigError, match=words):
        read_identity(data, "x")
