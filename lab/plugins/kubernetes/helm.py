"""The `helm` program: one run per question; values and credentials never on a command line.

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

from lab.plugins.kubernetes.memory_file import MemoryFile
from provider.rpc import Refused, life

DEFAULT_TIMEOUT = 300
_MARGIN = 60  # seconds helm may take beyond its own --timeout, to roll back and say so


class HelmError(Refused):
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
            if self.settings.get(key) and option not in arguments:
                command += [option, self.settings[key]]
        done = life.run(command, stdin=stdin.encode(), env=self._environment(), timeout=timeout)
        if done.status != 0:
            lines = [line for line in done.stderr.splitlines() if not line.startswith("WARNING:")]
            text = "\n".join(lines).strip() or f"helm ended with status {done.status}"
            raise HelmError(text.removeprefix("Error: "))
        return done.stdout.decode(errors="replace")

    def _environment(self) -> dict[str, str]:
        environment = {key: value for key, value in os.environ.items() if key != "KUBECONFIG"}
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
        # What `helm get values` prints is what `helm status` calls the release's config.
        return Found(status, metadata, status.get("config") or {})

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
        if options.get("password") and (chart.startswith("oci://") or urlsplit(repo).scheme):
            with self._credentials(chart, repo, options) as where:
                yield [*where, *arguments]
        elif chart.startswith("oci://"):
            yield [chart, *arguments]
        elif urlsplit(repo).scheme:
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

    @contextmanager
    def _credentials(
        self, chart: str, repo: str, options: Mapping[str, Any]
    ) -> Iterator[list[str]]:
        """A store of helm's own with these credentials, gone after the block."""
        user, password = str(options.get("username") or ""), str(options["password"])
        with tempfile.TemporaryDirectory(prefix="pulumi-helm-") as folder:  # 0700
            if chart.startswith("oci://"):
                store = ["--registry-config", f"{folder}/registry.json"]
                login = ["registry", "login", urlsplit(chart).netloc, "--username", user]
                self.run([*login, "--password-stdin", *store], stdin=password)
                yield [chart, *store]
            else:
                store = ["--repository-config", f"{folder}/repositories.yaml"]
                store += ["--repository-cache", f"{folder}/cache"]
                add = ["repo", "add", "chosen", repo, "--username", user, "--password-stdin"]
                self.run([*add, *store], stdin=password)
                yield [f"chosen/{chart}", *store]

    def apply(self, verb: str, release: Mapping[str, Any]) -> None:
        """`install` or `upgrade` a release as its properties say."""
        seconds = int(release.get("timeout") or DEFAULT_TIMEOUT)
        values = yaml.safe_dump(release.get("values") or {}).encode()
        with self.source(release) as where, MemoryFile(values) as file:
            arguments = [verb, str(release["name"]), *where, "--values", str(file.path)]
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
