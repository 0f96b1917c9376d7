"""Private keys, and the forms in which terraform-provider-tls gives them out. No engine."""

import base64
import hashlib
from typing import Final

from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from provider.rpc import Refused

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

CURVES: Final[dict[str, type[ec.EllipticCurve]]] = {
    "P224": ec.SECP224R1,
    "P256": ec.SECP256R1,
    "P384": ec.SECP384R1,
    "P521": ec.SECP521R1,
}
_PLAIN: Final = form.NoEncryption()


def generate(algorithm: str, *, rsa_bits: int, ecdsa_curve: str) -> Key:
    """A new key; `Refused` for an algorithm or curve that the real provider has not."""
    if algorithm == "RSA":
        return rsa.generate_private_key(public_exponent=65537, key_size=rsa_bits)
    if algorithm == "ED25519":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm != "ECDSA":
        raise Refused(f'Key Algorithm "{algorithm}" is not supported')
    return ec.generate_private_key(CURVES[ecdsa_curve]())


def parse(pem: str, what: str) -> Key:
    """The key in `pem`; `what` names it in the error ("CA private key")."""
    try:
        key = form.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        raise Refused(f"Failed to parse {what} PEM: it holds no private key") from None
    if not isinstance(key, Key):
        raise Refused(f"Failed to parse {what} PEM: unsupported private key type")
    return key


def algorithm(key: Key) -> str:
    """The provider's word for the key's kind."""
    if isinstance(key, rsa.RSAPrivateKey):
        return "RSA"
    return "ECDSA" if isinstance(key, ec.EllipticCurvePrivateKey) else "ED25519"


def private_forms(key: Key) -> dict[str, str]:
    """The three private forms; OpenSSH has none for the curve P224, and it stays empty."""
    own = form.PrivateFormat.TraditionalOpenSSL
    if isinstance(key, ed25519.Ed25519PrivateKey):
        own = form.PrivateFormat.PKCS8
    openssh = "" if _is_p224(key) else _private(key, form.PrivateFormat.OpenSSH)
    return {
        "privateKeyPem": _private(key, own),
        "privateKeyPemPkcs8": _private(key, form.PrivateFormat.PKCS8),
        "privateKeyOpenssh": openssh,
    }


def _private(key: Key, kind: form.PrivateFormat) -> str:
    return key.private_bytes(form.Encoding.PEM, kind, _PLAIN).decode()


def _is_p224(key: Key) -> bool:
    return isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP224R1)


def public_forms(key: Key) -> dict[str, str]:
    """The public key as PEM and as OpenSSH prints it, with both fingerprints."""
    public = key.public_key()
    pem = public.public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo).decode()
    forms = {"publicKeyPem": pem, "publicKeyOpenssh": ""}
    forms |= {"publicKeyFingerprintMd5": "", "publicKeyFingerprintSha256": ""}
    if _is_p224(key):
        return forms
    line = public.public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH)
    blob = base64.b64decode(line.split()[1])
    md5 = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    sha256 = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return forms | {
        "publicKeyOpenssh": line.decode() + "\n",
        "publicKeyFingerprintMd5": ":".join(md5[at : at + 2] for at in range(0, 32, 2)),
        "publicKeyFingerprintSha256": f"SHA256:{sha256}",
    }


def public_digest(key: Key) -> str:
    """The SHA-1 of the public key's DER, which is the id of the resource."""
    der = key.public_key().public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha1(der, usedforsecurity=False).hexdigest()
