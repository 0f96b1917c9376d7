"""A cluster's identity: the keys that precede it and outlive it, and whose they are.

Public halves stand in `hearth:identity`, private ones in encrypted keys of their own. Here is what
can be said of them without any passphrase: fingerprints, whether halves belong together, whether
an identity is the lab's, whose private halves anybody can read. Nothing is made or written here.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from pydantic import ValidationError, field_validator

from config import age
from config.base import Model
from config.errors import ConfigError
from config.rules.model import Finding

IDENTITY_KEY = "hearth:identity"
SEALED_SECRETS_KEY = "hearth:sealedSecretsKey"
DEPLOY_KEY = "hearth:deployKey"
AGE_KEY = "hearth:ageKey"
# Everybody may know it: what it protects belongs to no real cluster.
LAB_PASSPHRASE = "rehearsal"  # noqa: S105
LAB_IDENTITIES_FILE = Path(__file__).resolve().parent / "data" / "lab-identities.txt"
_KEY_LINE = re.compile(
    r"(?:ssh|ecdsa)-[a-z0-9-]+ ((?:[A-Za-z0-9+/]{4})+[A-Za-z0-9+/=]{0,4})(?: .*)?"
)


class Identity(Model):
    """The public halves: certificate (PEM), deploy key (OpenSSH line), age recipient."""

    sealed_secrets_certificate: str
    deploy_key_public: str
    age_recipient: str | None = None

    @field_validator("sealed_secrets_certificate")
    @classmethod
    def _is_certificate(cls, value: str) -> str:
        certificate_fingerprint(value)
        return value

    @field_validator("deploy_key_public")
    @classmethod
    def _is_key_line(cls, value: str) -> str:
        deploy_key_fingerprint(value)
        return value

    @field_validator("age_recipient")
    @classmethod
    def _is_recipient(cls, value: str | None) -> str | None:
        if value is not None:
            age_fingerprint(value)
        return value

    @property
    def fingerprints(self) -> dict[str, str]:
        """The fingerprint of every half, by what it is."""
        found = {
            "sealed-secrets certificate": certificate_fingerprint(self.sealed_secrets_certificate),
            "deploy key": deploy_key_fingerprint(self.deploy_key_public),
        }
        if self.age_recipient:
            found["age recipient"] = age_fingerprint(self.age_recipient)
        return found


def _spki_fingerprint(key: PublicKeyTypes) -> str:
    der = key.public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)
    return f"sha256:{hashlib.sha256(der).hexdigest()}"


def certificate_fingerprint(pem: str) -> str:
    """SHA-256 of the certificate's public key (DER SPKI): renewing it changes nothing."""
    try:
        return _spki_fingerprint(x509.load_pem_x509_certificate(pem.encode()).public_key())
    except ValueError:
        raise ValueError("this is no certificate; one begins with -----BEGIN CERTIFICATE") from None


def deploy_key_fingerprint(line: str) -> str:
    """SHA-256 of the key's wire form, written as OpenSSH and Git hosts show it."""
    found = _KEY_LINE.fullmatch(line.strip())
    if found is None:
        raise ValueError("this is no public key; one begins with ssh-ed25519 AAAA")
    wire = base64.b64decode(found[1])
    digest = base64.b64encode(hashlib.sha256(wire).digest()).decode().rstrip("=")
    return f"SHA256:{digest}"


def age_fingerprint(recipient: str) -> str:
    """SHA-256 of the recipient, which is short enough to be compared as it is."""
    if not recipient.startswith("age1"):
        raise ValueError("this is no age recipient; one begins with age1")
    return f"sha256:{hashlib.sha256(recipient.encode()).hexdigest()}"


def sealed_secrets_pair(certificate: str, private: str) -> bool:
    """Whether a certificate was made for a private key (PEM)."""
    # Only its public half is looked at: proving the primes of 4096 bits takes half a second.
    key = form.load_pem_private_key(private.encode(), None, unsafe_skip_rsa_key_validation=True)
    return _spki_fingerprint(key.public_key()) == certificate_fingerprint(certificate)


def deploy_key_pair(line: str, private: str) -> bool:
    """Whether an OpenSSH public line belongs to a private key (OpenSSH PEM)."""
    key = form.load_ssh_private_key(private.encode(), None)
    public = key.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH)
    return deploy_key_fingerprint(public.decode()) == deploy_key_fingerprint(line)


def age_pair(recipient: str, private: str) -> bool:
    """Whether an age recipient belongs to a private key (AGE-SECRET-KEY-...)."""
    return age.recipient_of(private) == recipient


def mismatched(public: Identity, private: Mapping[str, str]) -> list[str]:
    """The keys among `private` (by config key) that do not belong to the public halves."""
    found = []
    for key, secret in private.items():
        try:
            if key == SEALED_SECRETS_KEY:
                fits = sealed_secrets_pair(public.sealed_secrets_certificate, secret)
            elif key == DEPLOY_KEY:
                fits = deploy_key_pair(public.deploy_key_public, secret)
            else:
                fits = public.age_recipient is not None and age_pair(public.age_recipient, secret)
        except ValueError:
            fits = False
        if not fits:
            found.append(key)
    return found


def lab_fingerprints(path: Path = LAB_IDENTITIES_FILE) -> frozenset[str]:
    """The fingerprints of every identity whose private halves the project publishes."""
    lines = path.read_text().splitlines()
    return frozenset(line.split()[0] for line in lines if line and not line.startswith("#"))


LAB_IDENTITIES = lab_fingerprints()


def is_the_labs(public: Identity) -> bool:
    """Whether any half of an identity is one of the lab's."""
    return not LAB_IDENTITIES.isdisjoint(public.fingerprints.values())


def read_identity(raw: object, stack: str) -> Identity | None:
    """The value of `hearth:identity`, None without one; ConfigError when it is no identity."""
    if raw is None:
        return None
    try:
        return Identity.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(stack, [_broken(details, stack) for details in error.errors()]) from None


def _broken(details: Mapping[str, object], stack: str) -> Finding:
    location = details["loc"]
    path = ".".join(map(str, location)) if isinstance(location, tuple) else ""
    message, _, fix = str(details["msg"]).removeprefix("Value error, ").partition("; ")
    return Finding(
        rule="wrong-value",
        path=f"/{IDENTITY_KEY}.{path}".rstrip("."),
        value=None,
        message=message,
        fix=fix or f"write it anew with `./hearth identity init {stack}`",
    )


def identity_problem(public: Identity | None, *, in_lab: bool, stack: str) -> str | None:
    """Why a stack must not go on with this identity, in a sentence; None when it may."""
    if public is None:
        return (
            f"{stack} has no identity ({IDENTITY_KEY} in Pulumi.{stack}.yaml): the keys that "
            f"secrets in Git are sealed against. Make one with `./hearth identity init {stack}`."
        )
    if not in_lab and is_the_labs(public):
        return (
            f"The identity of {stack} is the lab's: anybody can read its private halves, so a real "
            f"cluster must not carry it. Replace it with `./hearth identity init {stack}`."
        )
    return None
