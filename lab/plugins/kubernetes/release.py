"""`helm.v3.Release`: a Helm release as one resource, run by the real `helm`.

Check loads the chart, so that the state holds the version that a constraint came to. The live
release's values are kept in the state: what somebody upgraded by hand shows as a change after a
refresh. An unreachable cluster is an error in create, update and delete, whatever
`deleteUnreachable` says; only a refresh heeds it. That is the vendor's behaviour, not ours.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import yaml

from lab.plugins.kubernetes import difference, helm, wording
from lab.plugins.kubernetes.checkpoint import seal
from lab.plugins.kubernetes.helm import HelmError
from lab.plugins.kubernetes.objects import given
from lab.plugins.kubernetes.session import Session
from provider.rpc import (
    UNKNOWN,
    Diff,
    Failure,
    PartialFailure,
    Properties,
    Refused,
    Resource,
    Secret,
    has_unknown,
    operation,
    plain,
)
from provider.rpc.wire import Asset

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # a PyYAML that was built without libyaml
    from yaml import SafeLoader  # type: ignore[assignment]

_SWITCHES = (
    "allowNullValues",
    "atomic",
    "cleanupOnFail",
    "createNamespace",
    "dependencyUpdate",
    "devel",
    "disableCRDHooks",
    "disableOpenapiValidation",
    "disableWebhooks",
    "forceUpdate",
    "lint",
    "recreatePods",
    "renderSubchartNotes",
    "replace",
    "resetValues",
    "reuseValues",
    "skipAwait",
    "skipCrds",
    "takeOwnership",
    "verify",
    "waitForJobs",
)
_TEXTS = ("chart", "description", "keyring", "name", "namespace", "postrender", "version")
_OUTPUTS = ("__inputs", "resourceNames", "status")


class Release(Resource):
    """One Helm release. `session` gives the configured provider, `program` is helm's path."""

    def __init__(self, session: Callable[[], Session], program: str = "helm") -> None:
        self._session = session
        self._program = program

    def check(self, olds: Properties, news: Properties) -> tuple[Properties, list[Failure]]:
        """Name the release, fill in defaults, and resolve the chart's version."""
        session, old = self._session(), plain(olds)
        wanted = plain(news)
        if not given(wanted.get("name")):
            wanted["name"] = old.get("name") or (
                f"{operation.current().name}-{secrets.token_hex(4)}"
            )
        if not given(wanted.get("namespace")):
            wanted["namespace"] = session.default_namespace
        if wanted.get("timeout") is None and wanted.get("skipAwait") in (None, False):
            wanted["timeout"] = helm.DEFAULT_TIMEOUT
        failures = []
        checked = _shaped(wanted)
        if not has_unknown(news):
            try:
                chart = self._helm().chart(checked)
                checked["version"] = str(chart.get("version") or "")
            except HelmError as error:
                reason = f"{error}; check the chart name and repository configuration."
                failures = [Failure("chart", reason)]
        return seal(checked, news), failures

    def _helm(self) -> helm.Helm:
        session = self._session()
        if session.config_file is None:
            raise Refused("helm needs a kubeconfig, and the provider's could not be read")
        return helm.Helm(session.config_file.path, session.helm, self._program)

    def diff(
        self,
        id: str,  # noqa: A002
        olds: Properties,
        old_inputs: Properties,
        news: Properties,
        ignore: Sequence[str],
    ) -> Diff:
        """What differs from the live release; what only helm knows is no difference."""
        del id, old_inputs
        state, wanted = plain(olds), plain(news)
        before = _shaped(state.get("__inputs") or {})
        live = {key: value for key, value in state.items() if key not in _OUTPUTS}
        patch = difference.three_way(before, wanted, live)
        return difference.changes_of(patch, live, wanted, (".name", ".namespace"), ignore)

    def create(
        self,
        inputs: Properties,
        preview: bool,
        timeout: float,
    ) -> tuple[str, Properties]:
        """`helm install`; a release that was made but failed stays in the state."""
        del timeout
        if preview:
            return "", self._planned(inputs)
        session, release = self._session(), plain(inputs)
        if session.client is None:
            raise Refused(
                f"can't create Helm Release with unreachable cluster: {session.unreachable}"
            )
        identifier = f"{release['namespace']}/{release['name']}"
        # A failed install of an existing name must not be taken for the one we made.
        try:
            found = self._helm().find(release["name"], release["namespace"])
            if found and not release.get("replace"):
                raise Refused("cannot re-use a name that is still in use")
            self._helm().apply("install", release)
        except HelmError as error:
            self._failed("INSTALLATION FAILED: ", identifier, release, inputs, error)
        return identifier, self._state(release, inputs)

    def _failed(
        self, prefix: str, where: str, release: Properties, inputs: Properties, error: HelmError
    ) -> NoReturn:
        """Keep what helm half made; forget what it did not make at all."""
        text = str(error).removeprefix(prefix)
        found = self._helm().find(release["name"], release["namespace"])
        if found is None or found.status.get("info", {}).get("status") == "deployed":
            raise Refused(text) from error
        sentence = f"Helm release {wording.quoted(where)} "
        if prefix.startswith("INSTALL"):
            operation.current().warn(
                f"Helm release {wording.quoted(release['name'])} was created but has a failed "
                "status. Use the `helm` command to investigate the error, correct it, then retry. "
                f"Reason: {text}"
            )
            sentence += "was created, but failed to initialize completely. "
        else:
            sentence += "failed to initialize completely. "
        sentence += (
            "Use Helm CLI to investigate: failed to become available within allocated timeout. "
            f"Error: Helm Release {where}: {text}"
        )
        state = _state_of(found, release, inputs)
        raise PartialFailure(where, state, [sentence]) from error

    def _planned(self, inputs: Properties) -> Properties:
        outputs = {**inputs, "__inputs": Secret(plain(inputs))}
        return {**outputs, "resourceNames": UNKNOWN, "status": UNKNOWN}

    def _state(self, release: Properties, inputs: Properties) -> Properties:
        found = self._helm().find(release["name"], release["namespace"])
        if found is None:
            raise Refused(f"release {release['name']} is gone right after helm reported success")
        return _state_of(found, release, inputs)

    def read(
        self,
        id: str,  # noqa: A002
        state: Properties,
        inputs: Properties,
    ) -> tuple[str | None, Properties, Properties]:
        """`helm status`; a refresh of an unreachable cluster drops it only when told to."""
        session, call = self._session(), operation.current()
        if session.client is None:
            call.warn(wording.unreachable(session.unreachable))
            if session.flag("deleteUnreachable"):
                call.info(wording.DROPPED)
                return None, {}, {}
            if session.flag("skipUpdateUnreachable"):
                return id, state, inputs
            raise Refused(wording.UNREADABLE)
        before = plain(state)
        namespace, _, name = id.rpartition("/")
        if before:
            namespace, name = before["namespace"], before["name"]
        try:
            found = self._helm().find(name, namespace)
        except HelmError as error:
            raise Refused(str(error)) from error
        if found is None:
            return None, {}, {}
        if not before:
            imported = _imported(found, name, namespace)
            return id, _state_of(found, imported, imported), imported
        kept = before.get("__inputs") or plain(inputs)
        return id, _state_of(found, _without_outputs(before), seal(kept, inputs)), inputs

    def update(
        self,
        id: str,  # noqa: A002
        olds: Properties,
        news: Properties,
        preview: bool,
        timeout: float,
    ) -> Properties:
        """`helm upgrade`."""
        del olds, timeout
        if preview:
            return self._planned(news)
        session, release = self._session(), plain(news)
        if session.client is None:
            raise Refused(
                f"can't update Helm Release with unreachable cluster: {session.unreachable}"
            )
        try:
            self._helm().apply("upgrade", release)
        except HelmError as error:
            self._failed("UPGRADE FAILED: ", id, release, news, error)
        return self._state(release, news)

    def delete(
        self,
        id: str,  # noqa: A002
        state: Properties,
        timeout: float,
    ) -> None:
        """`helm uninstall`."""
        del id, timeout
        session = self._session()
        if session.client is None:
            raise Refused(
                "can't delete Helm Release with unreachable cluster. Reason: "
                f"{wording.quoted(session.unreachable)}"
            )
        try:
            self._helm().uninstall(plain(state))
        except HelmError as error:
            raise Refused(str(error)) from error


def _shaped(release: Properties) -> Properties:
    """A release with every property there, as the vendor's Go struct has them."""
    shaped: Properties = {key: release[key] if given(release.get(key)) else "" for key in _TEXTS}
    for key in _SWITCHES:
        value = release.get(key)
        shaped[key] = UNKNOWN if value is UNKNOWN else bool(value)
    shaped["maxHistory"] = release.get("maxHistory")
    options = release.get("repositoryOpts")
    shaped["repositoryOpts"] = options if given(options) else None
    timeout = release.get("timeout")
    shaped["timeout"] = 0 if timeout is None else timeout
    shaped["values"] = _merged_values(release)
    return shaped


def _merged_values(release: Properties) -> Any:
    values, files = release.get("values"), release.get("valueYamlFiles")
    if values is UNKNOWN or has_unknown(files):
        return UNKNOWN
    merged: dict[str, Any] = {}
    for item in files or []:
        if not isinstance(item, Asset) or "text" not in item.fields:
            raise Refused("valueYamlFiles: the stand-in takes string assets only")
        merged = _deep(merged, yaml.safe_load(item.fields["text"]) or {})
    return _deep(merged, values or {})


def _deep(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = _deep(result[key], value) if both else value
    return result


def resource_names(manifest: str) -> dict[str, list[str]]:
    """The names of a manifest's objects by `Kind.group/apiVersion`, as the vendor lists them."""
    names: dict[str, set[str]] = {}
    for item in yaml.load_all(manifest, Loader=SafeLoader):
        if not isinstance(item, dict) or not item.get("kind"):
            continue
        version, meta = str(item.get("apiVersion", "")), item.get("metadata") or {}
        group = version.rpartition("/")[0]
        key = f"{item['kind']}{'.' if group else ''}{group}/{version}"
        place = f"{meta['namespace']}/" if meta.get("namespace") else ""
        names.setdefault(key, set()).add(f"{place}{meta.get('name')}")
    return {key: sorted(found) for key, found in sorted(names.items())}


def _without_outputs(state: Properties) -> Properties:
    return {key: value for key, value in state.items() if key not in _OUTPUTS}


def _state_of(found: helm.Found, release: Properties, inputs: Properties) -> Properties:
    meta, info = found.metadata, found.status.get("info") or {}
    state = {
        **_without_outputs(release),
        "values": _deep(release.get("values") or {}, dict(found.values)),
        "version": str(meta.get("version") or ""),
        "resourceNames": resource_names(found.manifest),
        "status": {
            "appVersion": str(meta.get("appVersion") or ""),
            "chart": str(meta.get("chart") or ""),
            "name": str(found.status.get("name") or ""),
            "namespace": str(found.status.get("namespace") or ""),
            "revision": int(found.status.get("version") or 0),
            "status": str(info.get("status") or ""),
            "version": str(meta.get("version") or ""),
        },
    }
    return {**seal(state, inputs), "__inputs": Secret(plain(inputs))}


def _imported(found: helm.Found, name: str, namespace: str) -> Properties:
    wanted = {
        "name": name,
        "namespace": namespace,
        "chart": str(found.metadata.get("chart") or ""),
        "version": str(found.metadata.get("version") or ""),
        "timeout": helm.DEFAULT_TIMEOUT,
        "values": dict(found.values),
    }
    return _shaped(wanted)
