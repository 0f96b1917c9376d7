"""Simulators as processes for tests: certificates, start on a free port, stop, what they printed.

It knows `lab.serving`'s promises (first line of stdout, `/-/healthz`, SIGTERM) and no simulator.
"""

import datetime as dt
import ipaddress
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

START_SECONDS = 30.0
STOP_SECONDS = 10.0
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Authority:
    """A certificate authority of one test run, with one server certificate."""

    bundle: Path
    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """A client context that trusts it."""
        return ssl.create_default_context(cafile=str(self.bundle))


@dataclass
class Simulator:
    """A running simulator."""

    url: str
    process: subprocess.Popen[str]
    log: Path

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.url.rpartition(":")[2])

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send the signal and wait for the end; the exit status."""
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)


def make_authority(directory: Path, *names: str) -> Authority:
    """An authority and a certificate for 127.0.0.1, localhost and the names."""
    key = ec.generate_private_key(ec.SECP256R1())
    authority_key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lab test authority")])
    span = (now - dt.timedelta(hours=1), now + dt.timedelta(days=2))

    def builder(subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        made = x509.CertificateBuilder(issuer, subject, public, x509.random_serial_number(), *span)
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
        subject_key = x509.SubjectKeyIdentifier.from_public_key(public)
        return made.add_extension(identifier, False).add_extension(subject_key, False)

    usage = {"digital_signature": False, "content_commitment": False, "key_encipherment": False}
    usage |= {"data_encipherment": False, "key_agreement": False, "key_cert_sign": True}
    usage |= {"crl_sign": True, "encipher_only": False, "decipher_only": False}
    root = (
        builder(issuer, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lab test server")])
    alternatives: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    alternatives += [x509.DNSName(name) for name in ("localhost", *names)]
    leaf = (
        builder(subject, key.public_key())
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    made = Authority(directory / "ca.crt", directory / "server.crt", directory / "server.key")
    made.bundle.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    made.certificate.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    made.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return made


@contextmanager
def running(
    module: str,
    directory: Path,
    *arguments: str | Path,
    authority: Authority | None = None,
    trust: Path | None = None,
    listen: str = "127.0.0.1:0",
) -> Iterator[Simulator]:
    """A simulator of this tree, up and answering; ended (and its end checked) afterwards."""
    command = [sys.executable, "-m", module, "--listen", listen]
    if authority:
        command += ["--certificate", str(authority.certificate), "--key", str(authority.key)]
    log = directory / f"{module.rpartition('.')[2]}.requests.log"
    command += ["--log", str(log), *map(str, arguments)]
    environment = dict(os.environ)
    bundle = trust or (authority.bundle if authority else None)
    if bundle:
        environment["SSL_CERT_FILE"] = str(bundle)
    errors = directory / f"{module.rpartition('.')[2]}.stderr"
    with errors.open("a", encoding="utf-8") as stderr:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True
        )
    try:
        assert process.stdout is not None
        yield Simulator(_listening(process, process.stdout, errors), process, log)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(STOP_SECONDS)
        if process.stdout is not None:
            process.stdout.close()
    assert errors.read_text() == "", errors.read_text()


def _listening(process: subprocess.Popen[str], stdout: IO[str], errors: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    line = stdout.readline()  # ends when the process prints or ends
    if not line.startswith("listening on ") or time.monotonic() > deadline:
        process.wait(STOP_SECONDS)
        raise AssertionError(f"the simulator did not start: {line} {errors.read_text()}")
    return line.removeprefix("listening on ").strip()
