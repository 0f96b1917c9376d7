"""One API server over plain HTTP: discovery, and the verbs on any kind as untyped JSON.

`requests` is chosen over lightkube: a stand-in handles kinds that it has never heard of, as plain
data and with exact control of field manager, dry run and propagation, and needs none of lightkube's
0.25 s of start-up for models. Errors are the API server's own `Status` message, and connection
errors are worded as Go's HTTP client words them, because users search for those words.
"""

from __future__ import annotations

import errno
import json
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from lab.plugins.kubernetes.kinds import GroupVersionKind
from lab.plugins.kubernetes.kubeconfig import Cluster
from lab.plugins.kubernetes.memory_file import MemoryFile
from lab.plugins.kubernetes.objects import Object
from provider.rpc import Refused

_TIMEOUT = (30.0, 60.0)  # connect (Go's dialer), read; seconds
APPLY = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"


class ApiError(Refused):
    """The API server refused; `str` is its message, fit for the user where nobody adds to it."""

    def __init__(self, code: int, reason: str, message: str, details: Object | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.details = details or {}

    @property
    def namespace_missing(self) -> bool:
        """Whether the object's namespace, rather than the object, was not found."""
        return self.code == 404 and self.details.get("kind") == "namespaces"


class NoMatchError(Refused):
    """The API server does not know the kind, for instance because a CRD is missing."""

    def __init__(self, gvk: GroupVersionKind) -> None:
        super().__init__(f'no matches for kind "{gvk.kind}" in version "{gvk.api_version}"')


class UnreachableError(Refused):
    """No API server answered; the text is what Go's client would say."""


class Client:
    """A session with one API server; the files OpenSSL wants for its certificates are in memory.

    Safe for many threads: requests' connection pool is, and the discovery cache has a lock.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._files: list[MemoryFile] = []
        self._known: dict[GroupVersionKind, tuple[str, bool]] = {}
        self._lock = threading.Lock()
        session = requests.Session()
        session.trust_env = (
            False  # neither a proxy nor REQUESTS_CA_BUNDLE may change who we talk to
        )
        session.headers["User-Agent"] = "pulumi-kubernetes"
        session.headers["Accept"] = "application/json"
        session.mount("https://", requests.adapters.HTTPAdapter(pool_maxsize=32))
        if cluster.token:
            session.headers["Authorization"] = f"Bearer {cluster.token}"
        elif cluster.username:
            session.auth = (cluster.username, cluster.password or "")
        if cluster.certificate and cluster.key:
            session.cert = (
                self._file(cluster.certificate),
                self._file(cluster.key),
            )
        if cluster.insecure:
            session.verify = False
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        elif cluster.ca:
            session.verify = self._file(cluster.ca)
        self._session = session

    def _file(self, content: bytes) -> str:
        self._files.append(MemoryFile(content))
        return str(self._files[-1].path)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content: str = "application/json",
        query: Mapping[str, str] | None = None,
    ) -> Object:
        """One request; the decoded answer. Raises `ApiError` or `UnreachableError`."""
        url = self.cluster.server + path
        request = requests.Request(
            method,
            url,
            data=None if body is None else json.dumps(body),
            headers={"Content-Type": content},
            params=query,
        )
        try:
            answer = self._sent(self._session.prepare_request(request))
        except requests.RequestException as error:
            verb = method.capitalize()
            raise UnreachableError(f'{verb} "{url}": {as_go_says(error, url)}') from error
        return _decoded(answer)

    def _sent(self, request: requests.PreparedRequest) -> requests.Response:
        """The answer; a read whose connection broke is sent once more.

        As Go's client does (net/http, `Transport`: "safely retried"): the API server behind a
        virtual address is another one after a move, and what was kept open ends at the old one.
        """
        try:
            return self._session.send(request, timeout=_TIMEOUT)
        except requests.ConnectionError as error:
            if request.method != "GET" or not broke(error):
                raise
        return self._session.send(request, timeout=_TIMEOUT)

    def path(self, gvk: GroupVersionKind, namespace: str = "", name: str = "") -> str:
        """The URL path of a kind's collection or of one object. `NoMatchError` when unknown."""
        plural, namespaced = self.lookup(gvk)
        base = f"/apis/{gvk.api_version}" if gvk.group else f"/api/{gvk.version}"
        middle = f"/namespaces/{namespace or 'default'}" if namespaced else ""
        return f"{base}{middle}/{plural}" + (f"/{name}" if name else "")

    def lookup(self, gvk: GroupVersionKind) -> tuple[str, bool]:
        """A kind's plural and whether it is namespaced; cached, asked again after a miss."""
        with self._lock:
            found = self._known.get(gvk)
        if found is None:
            base = f"/apis/{gvk.api_version}" if gvk.group else f"/api/{gvk.version}"
            try:
                listed = self.request("GET", base).get("resources") or []
            except ApiError as error:
                if error.code != 404:
                    raise
                listed = []
            with self._lock:
                for item in listed:
                    if "/" not in item["name"]:
                        kind = GroupVersionKind(gvk.group, gvk.version, item["kind"])
                        self._known[kind] = (item["name"], bool(item["namespaced"]))
                found = self._known.get(gvk)
        if found is None:
            raise NoMatchError(gvk)
        return found

    def forget(self, gvk: GroupVersionKind) -> None:
        """Drop a kind from the cache: its CRD may be gone."""
        with self._lock:
            self._known.pop(gvk, None)

    def exists(self, gvk: GroupVersionKind) -> bool:
        """Whether the API server serves this kind."""
        try:
            self.lookup(gvk)
        except NoMatchError:
            return False
        return True

    def get(self, gvk: GroupVersionKind, namespace: str, name: str) -> Object:
        """One object."""
        return self.request("GET", self.path(gvk, namespace, name))

    def list(self, gvk: GroupVersionKind, namespace: str) -> list[Object]:
        """All objects of a kind in a namespace."""
        listed = self.request("GET", self.path(gvk, namespace))
        return [item for item in listed.get("items") or [] if isinstance(item, dict)]


def _decoded(answer: requests.Response) -> Object:
    try:
        body = answer.json() if answer.content else {}
    except ValueError:
        body = {}
    if answer.ok:
        return body if isinstance(body, dict) else {}
    if isinstance(body, dict) and body.get("kind") == "Status":
        raise ApiError(
            answer.status_code,
            str(body.get("reason", "")),
            str(body.get("message") or body.get("reason") or answer.reason),
            body.get("details"),
        )
    text = answer.text.strip() or answer.reason
    raise ApiError(answer.status_code, "", f"the server responded {answer.status_code}: {text}")


def as_go_says(error: BaseException, url: str) -> str:
    """A connection error in the words of Go's net package, with the address that was dialled."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    address = f"{parts.hostname}:{port}"
    chain = causes(error)
    for item in chain:
        if isinstance(item, OSError) and item.errno:
            known = {
                errno.ECONNREFUSED: "connection refused",
                errno.EHOSTUNREACH: "no route to host",
                errno.ENETUNREACH: "network is unreachable",
                errno.ETIMEDOUT: "connection timed out",
            }
            if item.errno in known:
                return f"dial tcp {address}: connect: {known[item.errno]}"
        if isinstance(item, urllib3.exceptions.NameResolutionError):
            return f"dial tcp: lookup {parts.hostname}: no such host"
        if isinstance(item, requests.exceptions.SSLError):
            return f"tls: failed to verify certificate: {item}"
    return ended_early(error, address) or str(chain[-1])


def ended_early(error: BaseException, address: str) -> str:
    """The words for what ran out of time or was hung up on; empty for anything else."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return f"dial tcp {address}: i/o timeout"
    if isinstance(error, requests.exceptions.Timeout):
        return "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    return "EOF" if broke(error) else ""


def broke(error: BaseException) -> bool:
    """Whether a connection ended that had been there."""
    return any(isinstance(item, ConnectionResetError | BrokenPipeError) for item in causes(error))


def causes(error: BaseException) -> list[BaseException]:
    """An error and what it was made of, from the outside in."""
    found = [error]
    for item in found:
        inner = (getattr(item, "reason", None), *item.args, item.__cause__)
        found += [one for one in inner if isinstance(one, BaseException) and one not in found]
    return found
