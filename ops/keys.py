"""New keys for an identity: the sealed-secrets pair, the deploy key, the optional age key.

Made in memory; who keeps them is said by `ops.identity`.
"""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.x509.oid import NameOID

from config import age
from config.identity import AGE_KEY, DEPLOY_KEY, SEALED_SECRETS_KEY, Identity

RSA_BITS = 4096
# The controller's own keys live as long by default; kubeseal refuses an expired certificate.
CERTIFICATE_DAYS = 3650


def sealed_secrets_pair(now: datetime, bits: int = RSA_BITS) -> tuple[str, str]:
    """Certificate and private key, both PEM, as sealed-secrets takes a key brought along."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, "sealed-secret"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "sealed-secret"),
        ]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=CERTIFICATE_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        form.Encoding.PEM, form.PrivateFormat.TraditionalOpenSSL, form.NoEncryption()
    )
    return certificate.public_bytes(form.Encoding.PEM).decode(), private.decode()


def deploy_key_pair(comment: str) -> tuple[str, str]:
    """An Ed25519 key as an OpenSSH public line and an OpenSSH private key."""
    key = ed25519.Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH)
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption())
    return f"{public.decode()} {comment}", private.decode()


def new_identity(
    stack: str, *, with_age: bool, bits: int = RSA_BITS
) -> tuple[Identity, dict[str, str]]:
    """A new identity: its public halves, and its private ones by their config keys."""
    certificate, sealing = sealed_secrets_pair(datetime.now(UTC), bits)
    line, deploying = deploy_key_pair(f"hearth-{stack}")
    private = {SEALED_SECRETS_KEY: sealing, DEPLOY_KEY: deploying}
    recipient = None
    if with_age:
        private[AGE_KEY], recipient = age.generated()
    public = Identity(
        sealed_secrets_certificate=certificate,
        deploy_key_public=line,
        age_recipient=recipient,
    )
    return public, private
