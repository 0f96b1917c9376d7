"""Who answers at a machine's Talos port: nobody, a blank machine, or a member of some cluster.

A TLS handshake without a certificate tells: a blank machine (maintenance mode) asks its callers for
none, a configured one does, and shows a certificate of its own cluster's authority. Nothing is said
beyond the handshake, and nothing can be changed this way.
"""

import socket
import ssl
from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature

PORT = 50000
# A machine that boots is asked again anyway. Longer than the three seconds after which the kernel
# gives up looking for a neighbour: "no route to host" tells a person more than silence does, and
# both by turns would tell less than either.
CONNECT_SECONDS = 4.0
# A server that wants a certificate says so at once; one that does not may stay silent for good.
REFUSAL_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A Talos machine that answered: its certificate (DER), and whether it wants one of us."""

    certificate: bytes
    wants_certificate: bool

    @property
    def is_blank(self) -> bool:
        """Whether it is in maintenance mode: nobody has configured it."""
        return not self.wants_certificate

    def is_of(self, authority: str) -> bool:
        """Whether the certificate was issued by this authority (base64 of PEM, as Talos has it)."""
        try:
            issuer = x509.load_pem_x509_certificate(b64decode(authority))
            x509.load_der_x509_certificate(self.certificate).verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature, NoBase64):
            return False
        return True


Look = Callable[[str], Answer | str]
"""Who answers at an address, or why nobody does."""


def ask(address: str, port: int = PORT) -> Answer | str:
    """The answer at an address, or why there is none."""
    try:
        with socket.create_connection((address, port), timeout=CONNECT_SECONDS) as plain:
            return greeted(plain)
    except TimeoutError:
        return "no answer"
    except ssl.SSLError as error:
        return f"what answers does not speak TLS ({error.reason or error})"
    except OSError as error:
        return (error.strerror or str(error)).lower()


def greeted(plain: socket.socket) -> Answer:
    """Shake hands without showing a certificate, and see whether that was enough."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Whose certificate it is gets decided afterwards; a blank machine's is its own.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with context.wrap_socket(plain) as connection:
        certificate = connection.getpeercert(binary_form=True) or b""
        connection.settimeout(REFUSAL_SECONDS)
        wants_certificate = False
        # TLS 1.3 refuses after the handshake, on the first read; silence is consent.
        with suppress(TimeoutError):
            try:
                connection.recv(1)
            except ssl.SSLError as error:
                wants_certificate = "CERTIFICATE" in (error.reason or "")
        return Answer(certificate=certificate, wants_certificate=wants_certificate)
