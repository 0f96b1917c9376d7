"""The few calls of the Kubernetes API that flux-operator makes, over a kubeconfig of its own.

It knows the kinds that it applies by a table; it does no discovery. Every call has a deadline.
"""

import base64
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import requests
import yaml

MANAGER: Final = "flux-operator"
CALL_SECONDS: Final = 30.0
_APPLY: Final = "application/apply-patch+yaml"
_MERGE: Final = "application/merge-patch+json"
_PLURALS: Final = {"NetworkPolicy": "networkpolicies", "GitRepository": "gitrepositories"}
_CLUSTER_WIDE: Final = frozenset(
    {"Namespace", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding"}
)

Object = dict[str, Any]


class Refused(Exception):  # noqa: N818 (reads as what happened)
    """The API server's answer was no; `status` is its HTTP status, the text its own words."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


class Away(Exception):  # noqa: N818 (reads as what happened)
    """The API server did not answer."""


def path_of(version: str, kind: str, namespace: str | None, name: str | None = None) -> str:
    """The path of a kind's objects, or of one of them."""
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    plural = _PLURALS.get(kind, f"{kind.lower()}s")
    within = "" if kind in _CLUSTER_WIDE or namespace is None else f"/namespaces/{namespace}"
    return f"{root}{within}/{plural}" + (f"/{name}" if name else "")


def place_of(item: Mapping[str, Any]) -> str:
    """The path of an object."""
    metadata = item["metadata"]
    return path_of(item["apiVersion"], item["kind"], metadata.get("namespace"), metadata["name"])


class Kube:
    """A client with the rights of a kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        self._file = kubeconfig
        self._session = requests.Session()
        self._server = ""
        self._scratch = tempfile.TemporaryDirectory(prefix="flux-operator-")
        self._read()

    def get(self, path: str, **query: str) -> Object:
        """Read something."""
        return self._ask("GET", path, query=query)

    def find(self, path: str) -> Object | None:
        """Read something that may not be there."""
        try:
            return self.get(path)
        except Refused as no:
            if no.status == 404:
                return None
            raise

    def apply(self, item: Object) -> Object:
        """Server-side apply, as the owner of what the object says."""
        query = {"fieldManager": MANAGER, "force": "true"}
        return self._ask("PATCH", place_of(item), query=query, body=item, content=_APPLY)

    def merge(self, path: str, change: Object) -> Object:
        """Merge a change into something."""
        query = {"fieldManager": MANAGER}
        return self._ask("PATCH", path, query=query, body=change, content=_MERGE)

    def delete(self, path: str) -> None:
        """Delete something that may be gone already, what it owns in the background."""
        body = {"propagationPolicy": "Background"}
        try:
            self._ask("DELETE", path, body=body)
        except Refused as no:
            if no.status != 404:
                raise

    def watch(self, path: str, version: str, seconds: float) -> Iterator[Object]:
        """Changes since a version, for so many seconds."""
        query = {
            "watch": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(max(1, int(seconds))),
        }
        with closing(self._send("GET", path, query, stream=True, timeout=seconds + 10)) as answer:
            try:
                for line in answer.iter_lines():
                    if line:
                        yield json.loads(line)
            except (requests.RequestException, ValueError) as error:
                raise Away(f"the watch broke: {error}") from None

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content: str = "application/json",
    ) -> Object:
        answer = self._send(method, path, query or {}, body=body, content=content)
        try:
            found: Object = answer.json()
        except ValueError:
            raise Away(f"{method} {path}: no JSON in the answer") from None
        return found

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        *,
        body: Object | None = None,
        content: str = "application/json",
        stream: bool = False,
        timeout: float = CALL_SECONDS,
    ) -> requests.Response:
        data = None if body is None else json.dumps(body)
        try:
            answer = self._session.request(
                method,
                self._server + path,
                params=dict(query),
                data=data,
                headers={"Content-Type": content, "User-Agent": MANAGER},
                stream=stream,
                timeout=timeout,
            )
        except requests.RequestException as error:
            raise Away(f"{method} {path}: {error}") from None
        if answer.status_code == 401:
            self._read()  # the kubelet may have written a fresh token
        if not answer.ok:
            raise Refused(answer.status_code, _said(answer))
        return answer

    def _read(self) -> None:
        """Take server, authority and credentials from the file."""
        config = yaml.safe_load(self._file.read_text())
        context = _named(config["contexts"], config["current-context"])["context"]
        cluster = _named(config["clusters"], context["cluster"])["cluster"]
        user = _named(config["users"], context["user"])["user"]
        self._server = str(cluster["server"]).rstrip("/")
        self._session.verify = self._material(cluster, "certificate-authority") or True
        token = user.get("token")
        if user.get("tokenFile"):
            token = Path(user["tokenFile"]).read_text().strip()
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"
        certificate = self._material(user, "client-certificate")
        key = self._material(user, "client-key")
        if certificate and key:
            self._session.cert = (certificate, key)
        # A bundle named in the environment would win over the cluster's own authority.
        self._session.trust_env = False

    def _material(self, holder: Mapping[str, Any], name: str) -> str | None:
        """A file of the kubeconfig, written out when it stands in it."""
        if data := holder.get(f"{name}-data"):
            path = Path(self._scratch.name) / name
            path.touch(mode=0o600)
            path.write_bytes(base64.b64decode(data))
            return str(path)
        return holder.get(name)


def _named(entries: list[Object], name: str) -> Object:
    return next(entry for entry in entries if entry["name"] == name)


def _said(answer: requests.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}: {answer.text.strip()[:200]}"
