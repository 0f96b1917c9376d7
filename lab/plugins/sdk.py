"""Which versions are installed: a plugin that reports less than its SDK makes the engine warn.

Read from the files that the packages carry, without importing the packages.
"""

import importlib.util
import json
import re
from pathlib import Path


def provider_version(package: str) -> str:
    """The plugin version that the SDK `package` asks for (its `pulumi-plugin.json`)."""
    return str(_plugin(package)["version"])


def provider_server(package: str) -> str | None:
    """Where the plugin is downloaded from when it is not Pulumi's own."""
    server = _plugin(package).get("server")
    return None if server is None else str(server)


def _plugin(package: str) -> dict[str, object]:
    described: dict[str, object] = json.loads(
        (_folder(package) / "pulumi-plugin.json").read_text(encoding="utf-8")
    )
    return described


def engine_version() -> str:
    """The version of the `pulumi` SDK itself."""
    text = (_folder("pulumi") / "_version.py").read_text(encoding="utf-8")
    found = re.search(r'^_VERSION = "([^"]+)"', text, re.MULTILINE)
    if found is None:
        raise LookupError("pulumi/_version.py no longer says _VERSION: read the version elsewhere")
    return found[1]


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise LookupError(
            f"the package {package} is not installed: pip install -r requirements.txt"
        )
    return Path(spec.origin).parent
