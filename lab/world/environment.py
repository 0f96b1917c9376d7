"""The environment inside a lab: what services and shells see of the outside, and where they write.

Nothing of the user's own clusters, clouds or proxies is passed on: kubeconfig, talosconfig, engine
state and Helm's folders lie below the lab's folder.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

_PASSED_ON = ("HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TERM", "TZ", "XDG_CACHE_HOME")
_SYSTEM = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_TRUST = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
)


def environment(
    *, state: Path, shelf: Path, bundle: Path, outside: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the environment of a lab whose state lies in `state` and whose tools are in `shelf`.

    Plugins are not on PATH: `lab.plugins.select` puts them where the engine finds them installed.
    """
    passed = os.environ if outside is None else outside
    folders = (str(shelf), str(Path(sys.executable).parent))
    return {
        **{name: passed[name] for name in _PASSED_ON if name in passed},
        **dict.fromkeys(_TRUST, str(bundle)),
        "PATH": os.pathsep.join((*folders, *_SYSTEM)),
        "HEARTH_PYTHON": sys.executable,
        "HEARTH_PLUGIN_LOGS": str(state / "logs"),
        "PYTHONUNBUFFERED": "1",
        "KUBECONFIG": str(state / "kubeconfig"),
        "KUBECACHEDIR": str(state / "cache" / "kube"),
        "TALOSCONFIG": str(state / "talosconfig"),
        "PULUMI_BACKEND_URL": f"file://{state / 'backend'}",
        # Which stack is selected, and who is logged in where: the lab's, not the user's.
        "PULUMI_HOME": str(state / "pulumi"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "HELM_CACHE_HOME": str(state / "cache" / "helm"),
        "HELM_CONFIG_HOME": str(state / "helm"),
        "HELM_DATA_HOME": str(state / "helm"),
    }


def folders(state: Path) -> tuple[Path, ...]:
    """Return the folders that the environment promises to exist."""
    return tuple(state / name for name in ("backend", "cache", "helm", "pulumi"))
