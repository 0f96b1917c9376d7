"""What the tests run as a pod: serves HTTP, and asks the API what its service account may do.

`pod_program.py HOST:PORT KUBECTL NAMESPACE`. GET /readyz answers 200 once the file `well` is in its
home; GET / says who it is to the API and where it may read; GET /crash ends it.
"""

import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

ADDRESS, KUBECTL, NAMESPACE = sys.argv[1:]


def kubectl(*args: str) -> subprocess.CompletedProcess[str]:
    """Ask the API with the kubeconfig that the pod was given."""
    return subprocess.run([KUBECTL, *args], capture_output=True, text=True, check=False)


def account() -> dict[str, object]:
    """Return who this is, and what it is told in its own namespace and in another one."""
    reads = {
        name: kubectl("get", "configmaps", "-n", name).stderr for name in (NAMESPACE, "kube-system")
    }
    return {"whoami": kubectl("auth", "whoami", "-o", "json").stdout, "refusals": reads}


class Handler(BaseHTTPRequestHandler):
    """Answers of the pod."""

    def do_GET(self) -> None:
        """Answer one request."""
        if self.path == "/crash":
            os._exit(7)
        well = (Path(os.environ["HOME"]) / "well").exists()
        self.send_response(200 if well or self.path != "/readyz" else 503)
        self.end_headers()
        self.wfile.write(json.dumps(account() if self.path == "/" else well).encode())


if __name__ == "__main__":
    host, _, port = ADDRESS.rpartition(":")
    HTTPServer((host, int(port)), Handler).serve_forever()
