"""What a cut-off create left in the cluster: objects, and Helm's records of its releases.

The admin kubeconfig comes out of the stack's state and is kept in memory. Nothing waits here: an
API that does not answer is "could not ask", never "none".
"""

import gzip
import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

import httpx2
import yaml
from lightkube.config.client_adapter import Client, ConnectionParams
from lightkube.config.kubeconfig import KubeConfig
from lightkube.core.exceptions import ConfigError

from ops.errors import VerbError
from ops.recover import table
from ops.recover.findings import Finding, Properties, adopted, cleared, left, removed

REQUEST_SECONDS = 10.0
MANAGER = "pulumi-kubernetes"
DEPLOYED = "deployed"
Json = dict[str, Any]


class Cluster:
    """The stack's Kubernetes API, reached with an admin's kubeconfig."""

    def __init__(self, kubeconfig: str) -> None:
        try:
            config = KubeConfig.from_dict(yaml.safe_load(kubeconfig)).get()
        except (yaml.YAMLError, ConfigError, AttributeError, KeyError):
            config = None
        if config is None:
            raise VerbError("the kubeconfig in the stack's state cannot be used.")
        parameters = ConnectionParams(timeout=httpx2.Timeout(REQUEST_SECONDS), trust_env=False)
        self._client = Client(config, parameters)

    def judge(self, kind: str, inputs: Properties) -> Finding:
        """What is there of a resource, and what to do about it."""
        try:
            return self.release(inputs) if kind == table.RELEASE else self.object(inputs)
        except httpx2.HTTPError as error:
            raise VerbError(
                f"the cluster could not be asked for a {kind.rpartition(':')[2]} "
                f"({str(error).strip() or type(error).__name__}): run this again when its API "
                "answers."
            ) from error

    def object(self, inputs: Properties) -> Finding:
        """One object of any kind."""
        kind, meta = str(inputs["kind"]), inputs.get("metadata") or {}
        path = self._path(str(inputs["apiVersion"]), kind, str(meta.get("namespace") or "default"))
        if path is None:
            return cleared(f"the cluster knows no {kind}")
        found = self._get(f"{path}/{meta['name']}")
        return object_finding(kind, found)

    def _path(self, version: str, kind: str, namespace: str) -> str | None:
        """Where objects of a kind lie; None for a kind that the cluster does not know."""
        base = f"/apis/{version}" if "/" in version else f"/api/{version}"
        listed = self._get(base)
        for item in (listed or {}).get("resources", []):
            if item["kind"] == kind and "/" not in item["name"]:
                inside = f"/namespaces/{namespace}" if item["namespaced"] else ""
                return f"{base}{inside}/{item['name']}"
        return None

    def release(self, inputs: Properties) -> Finding:
        """A Helm release, by the records that Helm keeps as Secrets."""
        namespace, name = str(inputs["namespace"]), str(inputs["name"])
        path = f"/api/v1/namespaces/{namespace}/secrets"
        listed = self._get(path, {"labelSelector": f"owner=helm,name={name}"}) or {}
        records = [record_of(item) for item in listed.get("items", [])]
        finding = release_finding(f"{namespace}/{name}", records, inputs)
        if finding is not None:
            return finding

        def remove() -> None:
            for record in records:
                self._delete(f"{path}/{record['secret']}")

        states = ", ".join(str(record["status"]) for record in records)
        return removed(f"Helm's record of {namespace}/{name} says {states}", remove)

    def _get(self, path: str, query: Mapping[str, str] | None = None) -> Json | None:
        answer = self._client.get(path, params=dict(query or {}))
        if answer.status_code == httpx2.codes.NOT_FOUND:
            return None
        answer.raise_for_status()
        found: Json = answer.json()
        return found

    def _delete(self, path: str) -> None:
        answer = self._client.delete(path)
        if answer.status_code != httpx2.codes.NOT_FOUND:
            answer.raise_for_status()


def object_finding(kind: str, found: Json | None) -> Finding:
    """What an object's own metadata say of who made it."""
    if found is None:
        return cleared(f"there is no such {kind}")
    meta = found["metadata"]
    identity = "/".join(filter(None, (meta.get("namespace"), meta["name"])))
    if meta.get("deletionTimestamp"):
        return left(f"{kind} {identity} is being deleted: run this again when it is gone")
    managers = [str(field["manager"]) for field in meta.get("managedFields") or []]
    ours = next((name for name in managers if name.startswith(MANAGER)), None)
    if ours is None:
        makers = ", ".join(sorted(set(managers))) or "nobody it names"
        return left(
            f"{kind} {identity} was made by {makers}, not by a stack: delete it, or give this one "
            "another name"
        )
    # Another manager's name would be refused the fields that this one owns.
    kept = {"__fieldManager": ours, "__initialApiVersion": found.get("apiVersion")}
    return adopted(f"{kind} {identity} is there", identity, kept)


def release_finding(where: str, records: list[Json], inputs: Properties) -> Finding | None:
    """What Helm's records say of a release; None when all of them are to go."""
    if not records:
        return cleared(f"Helm has no record of {where}")
    chart = str(inputs["chart"]).rpartition("/")[2]
    others = {str(record["chart"]) for record in records} - {chart}
    if others:
        return left(
            f"release {where} is of the chart {', '.join(sorted(others))}, not {chart}: "
            "`helm uninstall` it, or give this one another name"
        )
    last = max(records, key=lambda record: int(record["revision"]))
    if last["status"] == DEPLOYED:
        return adopted(f"release {where} is deployed", where)
    if any(record["status"] in {DEPLOYED, "superseded"} for record in records):
        return left(
            f"release {where} was deployed before, and its last revision is {last['status']}: "
            "`helm rollback` it, then run this again"
        )
    return None


def record_of(secret: Json) -> Json:
    """What matters in one of Helm's records: revision, status, chart, and the Secret's own name."""
    packed = b64decode(b64decode(secret["data"]["release"]))
    release: Json = json.loads(gzip.decompress(packed))
    return {
        "secret": secret["metadata"]["name"],
        "revision": release["version"],
        "status": release["info"]["status"],
        "chart": release["chart"]["metadata"]["name"],
    }
