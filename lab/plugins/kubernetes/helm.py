"""The `helm` program: one run per question, values by file, credentials never on a command line.

Chart sources as the vendor's plugin knows them: a local folder or archive, `chart` with
`repositoryOpts.repo` (a URL, or the name of a repository that helm knows), an OCI reference.
What the answers mean for Pulumi is in `release`.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from provider.rpc import Refused, life

DEFAULT_TIMEOUT = 300
_MARGIN = 60  # seconds helm may take beyond its own --timeout, to roll back and say so


class HelmError(Exception):
    """What helm said, without its `Error: ` prefix."""


@dataclass(frozen=True)
class Found:
    """A release that exists: helm's own record of it."""

    status: Mapping[str, Any]
    metadata: Mapping[str, Any]
    values: Mapping[str, Any]

    @property
    def manifest(self) -> str:
        """The rendered objects, as multi-document YAML."""
        return str(self.status.get("manifest") or "")


@dataclass(frozen=True)
class Helm:
    """How helm is to be run: with this kubeconfig, these files and this storage driver."""

    kubeconfig: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    program: str = "helm"

    def run(self, arguments: Sequence[str], *, stdin: str = "", timeout: float = 120.0) -> str:
        """Run helm to its end and return what it wrote. `HelmError` with its own message."""
        command = [self.program, *arguments, "--kubeconfig", str(self.kubeconfig)]
        for option, key in (
            ("--registry-config", "registryConfigPath"),
            ("--repository-config", "repositoryConfigPath"),
            ("--repository-cache", "repositoryCache"),
        ):
            if self.settings.get(key):
                command += [option, self.settings[key]]
        done = life.run(command, stdin=stdin.encode(), env=self._environment(), timeout=timeout)
        if done.status != 0:
            lines = [line for line in done.stderr.splitlines() if not line.startswith("WARNING:")]
            text = "\n".join(lines).strip() or f"helm ended with status {done.status}"
            raise HelmError(text.removeprefix("Error: "))
        return done.stdout.decode(errors="replace")

    def _environment(self) -> dict[str, str]:
        """Helm's own folders go beside the kubeconfig unless the user has set them."""
        environment = {key: value for key, value in os.environ.items() if key != "KUBECONFIG"}
        for name in ("CACHE", "CONFIG", "DATA"):
            home = self.kubeconfig.parent / f"helm-{name.lower()}"
            environment.setdefault(f"HELM_{name}_HOME", str(home))
        environment["HELM_DRIVER"] = self.settings.get("driver") or environment.get(
            "PULUMI_K8S_HELM_DRIVER", "secret"
        )
        return environment

    def find(self, name: str, namespace: str) -> Found | None:
        """A release by name, None when there is none."""
        where = [name, "--namespace", namespace, "--output", "json"]
        try:
            status = json.loads(self.run(["status", *where]))
        except HelmError as error:
            if "release: not found" in str(error):
                return None
            raise
        metadata = json.loads(self.run(["get", "metadata", *where]))
        values = json.loads(self.run(["get", "values", *where]))
        return Found(status, metadata, values or {})

    def chart(self, release: Mapping[str, Any]) -> dict[str, Any]:
        """The chart's own metadata (`Chart.yaml`), fetched the way an install would fetch it."""
        with self.source(release) as where:
            shown = yaml.safe_load(self.run(["show", "chart", *where]))
        return shown if isinstance(shown, dict) else {}

    @contextmanager
    def source(self, release: Mapping[str, Any]) -> Iterator[list[str]]:
        """The arguments that name a release's chart, for as long as the block lasts."""
        options = release.get("repositoryOpts") or {}
        chart, repo = str(release.get("chart") or "").strip(), str(options.get("repo") or "")
        arguments = self._options(release, options)
        if chart.startswith("oci://"):
            self._login(chart, options)
            yield [chart, *arguments]
        elif urlsplit(repo).scheme:
            if options.get("password"):
                added = self._add_repository(repo, options)
                yield [f"{added}/{chart}", *arguments]
            else:
                yield [chart, "--repo", repo, *arguments]
        elif repo and "/" not in chart:
            yield [f"{repo}/{chart}", *arguments]
        else:
            if chart.startswith((".", "/")) and not Path(chart).exists():
                raise HelmError(f'path "{chart}" not found')
            yield [chart, *arguments]

    def _options(self, release: Mapping[str, Any], options: Mapping[str, Any]) -> list[str]:
        version = str(release.get("version") or "")
        if not version and release.get("devel"):
            version = ">0.0.0-0"
        arguments = ["--version", version] if version else []
        for flag, key in (
            ("--ca-file", "caFile"),
            ("--cert-file", "certFile"),
            ("--key-file", "keyFile"),
        ):
            if options.get(key):
                arguments += [flag, str(options[key])]
        if release.get("verify"):
            arguments.append("--verify")
            if release.get("keyring"):
                arguments += ["--keyring", str(release["keyring"])]
        return arguments

    def _login(self, chart: str, options: Mapping[str, Any]) -> None:
        if options.get("username") and options.get("password"):
            host = urlsplit(chart).netloc
            login = ["registry", "login", host, "--username", str(options["username"])]
            self.run([*login, "--password-stdin"], stdin=str(options["password"]))

    def _add_repository(self, repo: str, options: Mapping[str, Any]) -> str:
        name = f"pulumi-{abs(hash((repo, options.get('username')))):x}"
        add = ["repo", "add", name, repo, "--force-update"]
        add += ["--username", str(options.get("username") or ""), "--password-stdin"]
        self.run(add, stdin=str(options["password"]))
        return name

    def apply(self, verb: str, release: Mapping[str, Any]) -> None:
        """`install` or `upgrade` a release as its properties say."""
        seconds = int(release.get("timeout") or DEFAULT_TIMEOUT)
        with self.source(release) as where, _values(release) as file:
            arguments = [verb, str(release["name"]), *where, "--values", str(file)]
            arguments += ["--namespace", str(release["namespace"]), "--timeout", f"{seconds}s"]
            arguments += flags(verb, release)
            self.run([*arguments, "--output", "json"], timeout=seconds + _MARGIN)

    def uninstall(self, release: Mapping[str, Any]) -> None:
        """Remove a release, and wait for its objects unless it was told not to."""
        seconds = int(release.get("timeout") or DEFAULT_TIMEOUT)
        arguments = ["uninstall", str(release["name"]), "--namespace", str(release["namespace"])]
        if release.get("atomic") or not release.get("skipAwait"):
            arguments += ["--wait", "--timeout", f"{seconds}s"]
        self.run(arguments, timeout=seconds + _MARGIN)


def flags(verb: str, release: Mapping[str, Any]) -> list[str]:
    """The switches of `helm install` or `helm upgrade` for a release's properties."""
    install = verb == "install"
    switches = {
        "--atomic": release.get("atomic"),
        "--wait": not release.get("skipAwait"),
        "--wait-for-jobs": not release.get("skipAwait") and release.get("waitForJobs"),
        "--dependency-update": release.get("dependencyUpdate"),
        "--devel": release.get("devel") and not release.get("version"),
        "--disable-openapi-validation": release.get("disableOpenapiValidation"),
        "--render-subchart-notes": release.get("renderSubchartNotes"),
        "--take-ownership": release.get("takeOwnership"),
        # The vendor reads another property on each verb; both mean helm's --no-hooks.
        "--no-hooks": release.get("disableWebhooks" if install else "disableCRDHooks"),
        "--skip-crds": release.get("skipCrds"),
    }
    if install:
        switches["--create-namespace"] = release.get("createNamespace")
        switches["--replace"] = release.get("replace")
    else:
        switches["--cleanup-on-fail"] = release.get("cleanupOnFail")
        switches["--force"] = release.get("forceUpdate")
        switches["--reset-values"] = release.get("resetValues")
        switches["--reuse-values"] = release.get("reuseValues")
    arguments = [switch for switch, wanted in switches.items() if wanted]
    if not install:
        arguments += ["--history-max", str(int(release.get("maxHistory") or 0))]
    if release.get("description"):
        arguments += ["--description", str(release["description"])]
    if release.get("postrender"):
        arguments += ["--post-renderer", str(release["postrender"])]
    return arguments


@contextmanager
def _values(release: Mapping[str, Any]) -> Iterator[Path]:
    """The values in a file that only we can read, and only while helm runs."""
    with tempfile.TemporaryDirectory(prefix="pulumi-helm-") as folder:  # 0700
        path = Path(folder) / "values.yaml"
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(release.get("values") or {}))
        yield path


def client(kubeconfig: Path | None, settings: Mapping[str, str], program: str) -> Helm:
    """A helm for this provider; `Refused` when there is no kubeconfig to run it with."""
    if kubeconfig is None:
        raise Refused("helm needs a kubeconfig, and the provider's could not be read")
    return Helm(kubeconfig, settings, program)
