"""A machine's Talos port over real TLS: blank, or a member of a cluster with its own authority.

Only the handshake is played, which is all that anybody looks at without a client certificate. The
port is the real one, on a loopback address of each machine's own.
"""

import os
import socket
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from provider.talos_probe import PORT
from tests.unit.provider.https_server import Certificate, context

POLL_SECONDS = 0.05
# What a gRPC server says first: an empty SETTINGS frame of HTTP/2.
SETTINGS = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


def own_address(number: int) -> str:
    """A loopback address that no other run of these tests on this computer uses."""
    high, low = divmod(os.getpid() % 65000 + 1, 256)
    return f"127.{100 + number}.{high}.{low}"


def authority(certificate: Certificate) -> str:
    """A self-signed certificate as the authority, in Talos' spelling: base64 of PEM."""
    return b64encode(certificate.certificate).decode()


@contextmanager
def talos_port(
    address: str, certificate: Certificate, directory: Path, *, configured: bool
) -> Iterator[None]:
    """Listen at an address; a configured machine turns away who shows no certificate."""
    tls = context(certificate, directory, mutual=configured)
    tls.set_alpn_protocols(["h2"])
    done = threading.Event()

    def answer(client: socket.socket) -> None:
        # A caller without a certificate is turned away by the handshake or the first write.
        with suppress(OSError), tls.wrap_socket(client, server_side=True) as connection:
            connection.sendall(SETTINGS)
            connection.recv(1)

    def serve(listener: socket.socket) -> None:
        while not done.is_set():
            with suppress(TimeoutError):
                answer(listener.accept()[0])

    with socket.create_server((address, PORT)) as listener:
        listener.settimeout(POLL_SECONDS)
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
