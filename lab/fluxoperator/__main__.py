"""`python -m lab.fluxoperator`: the stand-in as a process, as its pod runs it.

It ends when it is told to, and with the lab; it does not ask the kernel to end it with whoever
started it, because that is a thread of the simulated kubelet, which may be gone the next moment.
"""

import argparse
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

from lab.fluxoperator.kube import Kube
from lab.fluxoperator.operator import Operator
from lab.fluxoperator.reconciler import Reconciler
from lab.serving import Address, address


def main() -> int:
    """Reconcile FluxInstances until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m lab.fluxoperator", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, default=os.environ.get("KUBECONFIG"))
    parser.add_argument(
        "--definitions", type=Path, required=True, metavar="FILE", help="Flux's CRDs"
    )
    parser.add_argument("--health-addr", type=address, metavar="IP:PORT")
    parsed = parser.parse_args()
    for what, path in (("--kubeconfig", parsed.kubeconfig), ("--definitions", parsed.definitions)):
        if path is None or not path.is_file():
            parser.error(f"{what}: {path or 'none'} is no file")
    ready = threading.Event()
    if parsed.health_addr:
        serve_health(parsed.health_addr, ready)
    definitions = [
        item for item in yaml.load_all(parsed.definitions.read_text(), yaml.CSafeLoader) if item
    ]
    kube = Kube(parsed.kubeconfig)
    Operator(kube, Reconciler(kube, definitions), ready.set).run()
    return 0


def serve_health(where: Address, ready: threading.Event) -> None:
    """Answer `/healthz`, and `/readyz` once the API server has answered us."""

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer a probe."""
            well = self.path == "/healthz" or (self.path == "/readyz" and ready.is_set())
            self.send_response(200 if well else 503)
            self.end_headers()
            self.wfile.write(b"ok\n" if well else b"not ready\n")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Probes are not worth a line."""

    server = ThreadingHTTPServer((where.host, where.port), Health)
    threading.Thread(target=server.serve_forever, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
