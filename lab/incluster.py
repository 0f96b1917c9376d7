"""A pod's program that finds its cluster as only pods do: by files and variables, no kubeconfig.

`unshare --mount python -m lab.incluster PROGRAM [ARGUMENT ...]`, with KUBECONFIG naming the pod's
own: puts the service account's files where a kubelet mounts them, in the mount namespace that it
was started in and nowhere else, and becomes the program. It gives no rights and renews no token:
the file with the token is the kubeconfig's own.
"""

import base64
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from lab.world.network import run

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def variables(kubeconfig: Mapping[str, object]) -> dict[str, str]:
    """Return where the API is, as a kubelet tells every container."""
    url = urlsplit(str(_first(kubeconfig, "clusters", "cluster")["server"]))
    return {
        "KUBERNETES_SERVICE_HOST": url.hostname or "",
        "KUBERNETES_SERVICE_PORT": str(url.port or 443),
    }


def lay_out(kubeconfig: Mapping[str, object], folder: Path) -> None:
    """Write the service account's files; the token stays a link, so that a renewed one is seen."""
    folder.mkdir(parents=True)
    authority = str(_first(kubeconfig, "clusters", "cluster")["certificate-authority-data"])
    (folder / "ca.crt").write_bytes(base64.b64decode(authority))
    (folder / "token").symlink_to(str(_first(kubeconfig, "users", "user")["tokenFile"]))
    namespace = _first(kubeconfig, "contexts", "context").get("namespace", "default")
    (folder / "namespace").write_text(str(namespace))


def _first(kubeconfig: Mapping[str, object], several: str, one: str) -> Mapping[str, object]:
    named = kubeconfig[several]
    if isinstance(named, list) and named and isinstance(named[0].get(one), dict):
        found: Mapping[str, object] = named[0][one]
        return found
    raise ValueError(f"the kubeconfig has no {one}")


def main(arguments: list[str]) -> None:
    """Become the program."""
    kubeconfig = json.loads(Path(os.environ["KUBECONFIG"]).read_text())
    run(["mount", "-t", "tmpfs", "tmpfs", os.path.realpath("/var/run")])
    lay_out(kubeconfig, ACCOUNT)
    os.execve(arguments[0], arguments, os.environ | variables(kubeconfig))  # noqa: S606 - its purpose


if __name__ == "__main__":
    main(sys.argv[1:])
