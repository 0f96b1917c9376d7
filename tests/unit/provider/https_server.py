"""A real HTTPS server for tests of clients: routes are data, every request is kept.

It asks for a client certificate where it is told to. It knows no vendor; what stands on top does.
"""

import datetime as dt
import ipaddress
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]


Answer = tuple[int, Any]
Handle = Callable[[Request], Answer]


@dataclass(frozen=True)
class Certificate:
    """One self-signed certificate that serves as authority, server and client alike."""

    certificate: bytes
    key: bytes


@dataclass
class Server:
    """A running server; `requests` are all that it was asked."""

    url: str
    requests: list[Request] = field(default_factory=list)

    def asked(self, method: str) -> list[str]:
        """The paths of all requests with a method."""
        return [item.path for item in self.requests if item.method == method]


def make_certificate() -> Certificate:
    """A fresh one for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test's server")])
    now = dt.datetime.now(dt.UTC)
    usage = {"digital_signature": True, "content_commitment": False, "key_encipherment": False}
    usage |= {"data_encipherment": False, "key_agreement": False, "key_cert_sign": True}
    usage |= {"crl_sign": False, "encipher_only": False, "decipher_only": False}
    addresses: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    public = key.public_key()
    certificate = (
        x509.CertificateBuilder(name, name, public, x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return Certificate(certificate.public_bytes(pem), key.private_bytes(pem, form, plain))


def context(certificate: Certificate, directory: Path, *, mutual: bool) -> ssl.SSLContext:
    """The server's side of TLS; `mutual` refuses clients without the certificate."""
    chain, key = directory / "tls.crt", directory / "tls.key"
    chain.write_bytes(certificate.certificate)
    key.write_bytes(certificate.key)
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(chain, key)
    if mutual:
        made.load_verify_locations(chain)
        made.verify_mode = ssl.CERT_REQUIRED
    return made


def handler(handle: Handle, server: Server) -> type[BaseHTTPRequestHandler]:
    """A handler class that asks `handle` and writes JSON, or text as it is."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body are two writes; without this the second waits for the client's kernel.
        disable_nagle_algorithm = True

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            data = self.rfile.read(length)
            is_json = "json" in self.headers.get("Content-Type", "")
            address = urlsplit(self.path)
            request = Request(
                method=self.command,
                path=unquote(address.path),
                query=dict(parse_qsl(address.query)),
                body=json.loads(data) if data and is_json else data.decode(),
                headers=dict(self.headers.items()),
            )
            server.requests.append(request)
            status, body = handle(request)
            text = body if isinstance(body, str) else json.dumps(body)
            kind = "text/plain" if isinstance(body, str) else "application/json"
            # Proxmox VE says what is wrong in the status line's own reason.
            self.send_response(status, body if isinstance(body, str) and status >= 500 else None)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 (the library's names)

        def log_message(self, *_args: Any) -> None:
            """Stay quiet."""

    return Handler


class QuietServer(ThreadingHTTPServer):
    """Refused handshakes are what some tests are about: no tracebacks on stderr."""

    daemon_threads = True

    def handle_error(self, *_args: Any) -> None:
        """A client that is gone or was refused."""


@contextmanager
def serving(
    handle: Handle, certificate: Certificate, directory: Path, *, mutual: bool
) -> Iterator[Server]:
    """The server on a free port of 127.0.0.1."""
    server = Server("")
    listener = QuietServer(("127.0.0.1", 0), handler(handle, server))
    tls = context(certificate, directory, mutual=mutual)
    # Handshakes belong to the thread of their connection, or one bad client stops the rest.
    listener.socket = tls.wrap_socket(
        listener.socket, server_side=True, do_handshake_on_connect=False
    )
    server.url = f"https://127.0.0.1:{listener.server_address[1]}"
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()
