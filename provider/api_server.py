"""A Kubernetes API server as the gates ask it: readiness, nodes, one probe Job per node.

A thin reading of a kubeconfig through lightkube's connection code; it keeps no cache and retries
nothing, because waiting is the gates' work.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import yaml
from lightkube.config.client_adapter import Client, ConnectionParams
from lightkube.config.kubeconfig import KubeConfig, SingleConfig
from lightkube.core.exceptions import ConfigError

from provider.rpc import Refused

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # a PyYAML that was built without libyaml
    from yaml import SafeLoader  # type: ignore[assignment]

Json = dict[str, Any]
REQUEST_SECONDS = 10.0
# A patch of some fields: the rest stays, and None takes a field away (RFC 7396).
MERGE = {"Content-Type": "application/merge-patch+json"}


@contextmanager
def connect(kubeconfig: str, server: str | None = None) -> Iterator[httpx2.Client]:
    """A client for the kubeconfig's current context.

    `server` (an https URL) asks that one API server instead of the cluster's endpoint.
    """
    config = configuration(kubeconfig, server)
    parameters = ConnectionParams(timeout=httpx2.Timeout(REQUEST_SECONDS), trust_env=False)
    with Client(config, parameters) as client:
        yield client


def configuration(kubeconfig: str, server: str | None) -> SingleConfig:
    """The current context of a kubeconfig; never quotes it, because it opens the cluster."""
    try:
        document = yaml.load(kubeconfig, Loader=SafeLoader)
    except yaml.YAMLError:
        document = None
    if not isinstance(document, dict) or not document.get("clusters"):
        raise Refused("the kubeconfig given to the gate is not a kubeconfig: it names no cluster")
    if server:
        for cluster in document["clusters"]:
            cluster["cluster"]["server"] = server
    try:
        config = KubeConfig.from_dict(document).get()
    except ConfigError as error:
        raise Refused(f"the kubeconfig given to the gate cannot be used: {error}") from None
    if config is None:
        raise Refused("the kubeconfig given to the gate has no current context")
    return config


Unreachable = httpx2.HTTPError


def problem(error: Exception) -> str:
    """One line of why a request failed, without the library's own words around it."""
    return str(error).strip() or type(error).__name__


def readiness(kubeconfig: str, server: str) -> str | None:
    """None when this API server is ready, else what is missing."""
    try:
        with connect(kubeconfig, server) as client:
            answer = client.get("/readyz")
    except httpx2.HTTPError as error:
        return problem(error)
    if answer.status_code == httpx2.codes.OK:
        return None
    # 401 and 403 mean that it answers, but not that it is ready: the kubeconfig is an admin's.
    return f"HTTP {answer.status_code} from /readyz"


def answers(kubeconfig: str) -> str | None:
    """None when the cluster's endpoint answers anything at all, else what is in the way."""
    try:
        with connect(kubeconfig) as client:
            client.get("/readyz")
    except httpx2.HTTPError as error:
        return problem(error)
    return None


def nodes(client: httpx2.Client) -> dict[str, Json]:
    """The Node objects by name."""
    answer = client.get("/api/v1/nodes")
    answer.raise_for_status()
    return {item["metadata"]["name"]: item for item in answer.json()["items"]}


def not_ready_because(node: Json) -> str | None:
    """None for a Ready node, else the kubelet's reason."""
    for condition in node.get("status", {}).get("conditions", []):
        if condition["type"] == "Ready":
            if condition["status"] == "True":
                return None
            return str(condition.get("message") or condition.get("reason") or "not ready")
    return "its kubelet has not reported yet"


def post(client: httpx2.Client, path: str, body: Json) -> bool:
    """Create an object; False when it exists already."""
    answer = client.post(path, json=body)
    if answer.status_code == httpx2.codes.CONFLICT:
        return False
    refuse(answer, f"the API server refused {path}")
    return True


def delete(client: httpx2.Client, path: str) -> None:
    """Delete an object with everything it owns; what is gone already is success."""
    answer = client.delete(path, params={"propagationPolicy": "Background"})
    if answer.status_code != httpx2.codes.NOT_FOUND:
        refuse(answer, f"the API server kept {path}")


def refuse(answer: httpx2.Response, what: str) -> None:
    """Raise `Refused` for an answer that will not change, `Unreachable` for one that may."""
    if answer.is_server_error or answer.status_code == httpx2.codes.TOO_MANY_REQUESTS:
        answer.raise_for_status()
    if answer.is_error:
        raise Refused(f"{what}: {reason(answer)}")


def reason(answer: httpx2.Response) -> str:
    """The message of a Kubernetes Status, or whatever else stands in an answer."""
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code} {answer.text[:200]}".strip()
