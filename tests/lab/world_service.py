"""A tiny real HTTPS service for the tests of the world: `LISTEN CERTIFICATE KEY [die-with-parent]`.

It leaves an orphan behind each start, as daemons do, so that somebody has to reap it.
"""

import ctypes
import http.server
import signal
import ssl
import subprocess
import sys


class _Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


def main(listen: str, certificate: str, key: str, *wishes: str) -> None:
    """Serve until ended."""
    if "die-with-parent" in wishes:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    subprocess.run(["sh", "-c", "sleep 0.1 &"], check=True)
    host, port = listen.rsplit(":", 1)
    with http.server.ThreadingHTTPServer((host, int(port)), _Health) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
