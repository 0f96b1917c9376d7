"""Which plugins a rehearsal runs with: the vendors' own where they are installed, or our stand-ins.

    chosen = select.choose(select.Providers.AUTO, os.environ)
    select.link(chosen, home, folder)   # `home` is PULUMI_HOME, `folder` goes first on PATH
    report = select.report(chosen)   # {"talos": {"version": "0.8.1", "origin": "stand-in"}, ...}

A vendor's plugin counts as installed when the engine would take it for the SDK that is installed:
the same version in `$PULUMI_HOME/plugins`, or on PATH and saying that version itself. Nothing is
ever downloaded here. Our own provider is not chosen: Pulumi.yaml names it by path.
"""

import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from lab.plugins import sdk

STAND_INS: Final = Path(__file__).resolve().parent / "bin"
SDKS: Final = {
    "cloudflare": "pulumi_cloudflare",
    "kubernetes": "pulumi_kubernetes",
    "proxmoxve": "pulumi_proxmoxve",
    "random": "pulumi_random",
    "talos": "pulumiverse_talos",
    "tls": "pulumi_tls",
}
LANGUAGE: Final = "python"
_ANSWER = 20


class Providers(Enum):
    """The choice: `real` fails where a vendor's plugin is missing, `auto` takes what there is."""

    REAL = "real"
    STAND_IN = "stand-in"
    AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Plugin:
    """One plugin that will be used. `origin` is "real" or "stand-in"."""

    name: str
    version: str
    origin: str
    executable: Path


class MissingPluginError(LookupError):
    """Vendors' plugins were asked for and are not there; the message says how to get them."""


def choose(
    providers: Providers, environment: Mapping[str, str], names: Iterable[str] = tuple(SDKS)
) -> list[Plugin]:
    """A plugin for each of `names`, and the language host, in the order of their names."""
    chosen, missing = [_language(providers, environment)], []
    for name in sorted(names):
        version = sdk.provider_version(SDKS[name])
        real = (
            _installed(name, version, environment) if providers is not Providers.STAND_IN else None
        )
        stand_in = STAND_INS / f"pulumi-resource-{name}"
        if real is not None:
            chosen.append(Plugin(name, version, "real", real))
        elif providers is not Providers.REAL and stand_in.exists():
            chosen.append(Plugin(name, version, "stand-in", stand_in))
        else:
            missing.append((name, version))
    if missing:
        raise MissingPluginError(_advice(missing))
    return chosen


def _language(providers: Providers, environment: Mapping[str, str]) -> Plugin:
    command = f"pulumi-language-{LANGUAGE}"
    version = sdk.engine_version()
    if providers is not Providers.STAND_IN:
        real = _on_path(command, environment)
        if real is not None:
            return Plugin(f"language-{LANGUAGE}", version, "real", real)
    return Plugin(f"language-{LANGUAGE}", version, "stand-in", STAND_INS / command)


def _installed(name: str, version: str, environment: Mapping[str, str]) -> Path | None:
    command = f"pulumi-resource-{name}"
    home = environment.get("PULUMI_HOME")
    folder = Path(home) if home else Path.home() / ".pulumi"
    cached = folder / "plugins" / f"resource-{name}-v{version}" / command
    # A lab's own PULUMI_HOME holds links to our launcher.
    if cached.is_file() and cached.resolve() != (STAND_INS / command).resolve():
        return cached
    found = _on_path(command, environment)
    return found if found is not None and _says(found, environment) == version else None


def _on_path(command: str, environment: Mapping[str, str]) -> Path | None:
    """A vendor's executable on PATH: any but those that are links to our own launcher."""
    launcher = (STAND_INS / command).resolve()
    for folder in environment.get("PATH", "").split(":"):
        found = shutil.which(command, path=folder) if folder else None
        if found is not None and Path(found).resolve() != launcher:
            return Path(found)
    return None


def _says(plugin: Path, environment: Mapping[str, str]) -> str | None:
    """The version that a plugin prints, without its "v"; None when it does not say."""
    try:
        said = subprocess.run(
            [plugin, "--version"],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ANSWER,
            check=True,
            text=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return said.stdout.strip().removeprefix("v") or None


def _advice(missing: Iterable[tuple[str, str]]) -> str:
    lines = ["these plugins are not installed, and the lab downloads none:"]
    for name, version in missing:
        server = sdk.provider_server(SDKS[name])
        option = f" --server {server}" if server else ""
        lines.append(f"  pulumi plugin install resource {name} {version}{option}")
    lines.append("or rehearse with our stand-ins where they are missing: --providers auto")
    return "\n".join(lines)


def link(chosen: Iterable[Plugin], home: Path, folder: Path) -> None:
    """Put each plugin where the engine looks first: resources into `home`, the rest on PATH.

    `home` is to be PULUMI_HOME, where a plugin counts as installed; from PATH the engine would take
    it, too, but with a warning at every start. Language hosts it takes from PATH only: `folder`.
    """
    for stale in (home / "plugins", folder):
        shutil.rmtree(stale, ignore_errors=True)
    for plugin in chosen:
        command = plugin.executable.name
        place = home / "plugins" / f"resource-{plugin.name}-v{plugin.version}" / command
        if not command.startswith("pulumi-resource-"):
            place = folder / command
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(plugin.executable)


def report(chosen: Iterable[Plugin]) -> dict[str, dict[str, str]]:
    """What a rehearsal's report says about its plugins."""
    return {plugin.name: {"version": plugin.version, "origin": plugin.origin} for plugin in chosen}
