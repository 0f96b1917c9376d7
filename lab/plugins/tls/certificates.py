"""Certificates and requests as terraform-provider-tls makes them. No state, no engine.

Inputs are the provider's own properties (camelCase, plain values).
"""

import datetime as dt
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import NameOID, ObjectIdentifier

from lab.plugins.tls.keys import Key
from lab.plugins.tls.usages import EXTENDED, KEY
from provider.rpc import Properties, Refused

E = TypeVar("E", bound=x509.ExtensionType)

_NAMES: Final = {
    "country": NameOID.COUNTRY_NAME,
    "organization": NameOID.ORGANIZATION_NAME,
    "organizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "locality": NameOID.LOCALITY_NAME,
    "province": NameOID.STATE_OR_PROVINCE_NAME,
    "streetAddresses": NameOID.STREET_ADDRESS,
    "postalCode": NameOID.POSTAL_CODE,
    "commonName": NameOID.COMMON_NAME,
    "serialNumber": NameOID.SERIAL_NUMBER,
    "emailAddress": NameOID.EMAIL_ADDRESS,
}


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate in PEM, its decimal serial number and its validity in RFC 3339."""

    serial: str
    pem: str
    start: str
    end: str

    def outputs(self) -> Properties:
        """The outputs that both kinds of certificate have."""
        return {
            "certPem": self.pem,
            "readyForRenewal": False,
            "validityStartTime": self.start,
            "validityEndTime": self.end,
        }


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a certificate is for: name, alternative names, public key."""

    name: x509.Name
    alternatives: x509.SubjectAlternativeName | None
    key: CertificatePublicKeyTypes


def subject(inputs: Properties, key: Key) -> Subject:
    """The subject that `subject`, `dnsNames`, `ipAddresses` and `uris` describe."""
    given = inputs.get("subject") or {}
    entries = [
        x509.NameAttribute(oid, text)
        for property_, oid in _NAMES.items()
        for text in _list(given.get(property_))
    ]
    alternatives = [
        *map(x509.DNSName, _list(inputs.get("dnsNames"))),
        *(x509.IPAddress(_address(text)) for text in _list(inputs.get("ipAddresses"))),
        *map(x509.UniformResourceIdentifier, _list(inputs.get("uris"))),
    ]
    names = x509.SubjectAlternativeName(alternatives) if alternatives else None
    return Subject(x509.Name(entries), names, key.public_key())


def _list(value: Any) -> list[str]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise Refused(f'Invalid IP address: Failed to parse "{text}"') from None


def request(inputs: Properties, key: Key) -> str:
    """A certificate signing request in PEM."""
    wanted = subject(inputs, key)
    builder = x509.CertificateSigningRequestBuilder().subject_name(wanted.name)
    if wanted.alternatives:
        builder = builder.add_extension(wanted.alternatives, critical=False)
    return builder.sign(key, _digest(key)).public_bytes(form.Encoding.PEM).decode()


def subject_of_request(pem: str) -> Subject:
    """Whom the request in `pem` is for."""
    try:
        asked = x509.load_pem_x509_csr(pem.encode())
    except ValueError:
        raise Refused("Failed to parse certificate request PEM: it holds none") from None
    return Subject(
        asked.subject, _extension(asked, x509.SubjectAlternativeName), asked.public_key()
    )


def parse(pem: str) -> x509.Certificate:
    """The CA certificate in `pem`."""
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise Refused("Failed to parse CA certificate PEM: it holds no certificate") from None


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether the certificate says that it may sign others."""
    constraints = _extension(certificate, x509.BasicConstraints)
    return constraints is not None and constraints.ca


def _extension(
    holder: x509.Certificate | x509.CertificateSigningRequest, kind: type[E]
) -> E | None:
    try:
        return holder.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def issue(
    inputs: Properties,
    wanted: Subject,
    *,
    signer: Key,
    authority: x509.Certificate | None,
    now: Callable[[], dt.datetime],
) -> Certificate:
    """A certificate for `wanted`, signed by `signer`; by itself when there is no `authority`."""
    start = now().replace(microsecond=0)
    end = start + dt.timedelta(hours=inputs["validityPeriodHours"])
    serial = x509.random_serial_number()
    builder = (
        x509.CertificateBuilder()
        .subject_name(wanted.name)
        .issuer_name(authority.subject if authority else wanted.name)
        .public_key(wanted.key)
        .serial_number(serial)
        .not_valid_before(start)
        .not_valid_after(end)
    )
    for extension, critical in _extensions(inputs, wanted, authority):
        builder = builder.add_extension(extension, critical=critical)
    made = builder.sign(signer, _digest(signer))
    return Certificate(
        str(serial), made.public_bytes(form.Encoding.PEM).decode(), _text(start), _text(end)
    )


def _extensions(
    inputs: Properties, wanted: Subject, authority: x509.Certificate | None
) -> list[tuple[x509.ExtensionType, bool]]:
    is_ca = bool(inputs.get("isCaCertificate"))
    if is_ca and not list(wanted.name):
        raise Refused(
            "Invalid Certificate Subject: Must contain at least one Distinguished Name "
            "when creating Certificate Authority (CA)"
        )
    length = inputs.get("maxPathLength")
    length = length if is_ca and length is not None and length >= 0 else None
    found: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=is_ca, path_length=length), True)
    ]
    found += _usages(inputs["allowedUses"])
    identifier = x509.SubjectKeyIdentifier.from_public_key(wanted.key)
    if is_ca or inputs.get("setSubjectKeyId"):
        found.append((identifier, False))
    if authority is not None:
        above = _extension(authority, x509.SubjectKeyIdentifier)
        if above is not None:
            by_id = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(above)
            found.append((by_id, False))
    elif inputs.get("setAuthorityKeyId"):
        own = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
        found.append((own, False))
    if wanted.alternatives:
        found.append((wanted.alternatives, not list(wanted.name)))
    return found


def _usages(allowed: list[str]) -> list[tuple[x509.ExtensionType, bool]]:
    found: list[tuple[x509.ExtensionType, bool]] = []
    flags = {name: use in allowed for use, name in KEY.items()}
    if any(flags.values()):
        found.append((x509.KeyUsage(**flags), True))
    extended = [ObjectIdentifier(EXTENDED[use]) for use in allowed if use in EXTENDED]
    if extended:
        found.append((x509.ExtendedKeyUsage(extended), False))
    return found


def _digest(key: Key) -> hashes.SHA256 | None:
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()


def _text(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
