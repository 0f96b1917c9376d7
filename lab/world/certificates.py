"""The lab's certificate authority and a certificate for every service that speaks TLS.

Keys stay below the lab's folder, readable by its owner only. The authority outlives a restart of
its world, because a cluster in it may have learnt to trust it; certificates are made anew.
"""

import datetime as dt
import ipaddress
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab.world.hosts import SYSTEM_BUNDLES

_AUTHORITY_DAYS = 3650
_LEAF_DAYS = 397
_LEFT_DAYS = 60  # an authority with less than this left is replaced


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path


def paths(folder: Path, name: str) -> Pair:
    """Return where the pair called `name` lies."""
    return Pair(certificate=folder / f"{name}.crt", key=folder / f"{name}.key")


class Authority:
    """The lab's own certificate authority."""

    def __init__(self, folder: Path) -> None:
        """Load it from a folder, or make it there."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        self.files = paths(folder, "authority")
        self._key, self.certificate = self._load() or self._make()

    def issue(self, name: str, names: Sequence[str], addresses: Sequence[str]) -> Pair:
        """Make a server certificate for DNS names and IP addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Hearth lab {name}")])
        alternatives: list[x509.GeneralName] = [x509.DNSName(each) for each in names]
        alternatives += [x509.IPAddress(ipaddress.ip_address(each)) for each in addresses]
        certificate = (
            _builder(subject, self.certificate.subject, key, _LEAF_DAYS)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
            .sign(self._key, hashes.SHA256())
        )
        return _write(paths(self.folder, name), key, certificate)

    def write_bundle(self, target: Path, system: Iterable[Path] = SYSTEM_BUNDLES) -> None:
        """Write the system's trusted authorities followed by this one."""
        there = next((path.read_text() for path in system if path.is_file()), "")
        target.write_text(f"{there.rstrip()}\n{self.files.certificate.read_text()}".lstrip())

    def _load(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate] | None:
        try:
            key = serialization.load_pem_private_key(self.files.key.read_bytes(), None)
            certificate = x509.load_pem_x509_certificate(self.files.certificate.read_bytes())
        except (OSError, ValueError):
            return None
        left = certificate.not_valid_after_utc - dt.datetime.now(dt.UTC)
        fits = isinstance(key, ec.EllipticCurvePrivateKey) and (
            key.public_key() == certificate.public_key()
        )
        if not fits or left.days < _LEFT_DAYS or not isinstance(key, ec.EllipticCurvePrivateKey):
            return None
        return key, certificate

    def _make(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Hearth lab authority")])
        certificate = (
            _builder(name, name, key, _AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_SIGNS_ONLY, critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .sign(key, hashes.SHA256())
        )
        _write(self.files, key, certificate)
        return key, certificate


_SIGNS_ONLY = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))  # simulated machines' clocks may lag
        .not_valid_after(now + dt.timedelta(days=days))
    )


def _write(pair: Pair, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> Pair:
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    pair.key.unlink(missing_ok=True)
    handle = os.open(pair.key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(secret)
    pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return pair
