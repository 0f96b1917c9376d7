"""The few endpoints of a Kubernetes API server that hold Flux's objects, over real HTTPS.

Modelled: lists of each kind, merge patches of `spec.suspend` and annotations with the generation
that goes up. Absent: the controllers; a test changes objects by hand.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provider.flux.objects import KINDS
from tests.unit.provider.https_server import Answer, Request, make_certificate, serving
from tests.unit.provider.kube_api import NOT_FOUND, KubeApi

Json = dict[str, Any]
LISTS = {path: kind for kind, path in KINDS.items()}
DEPLOYMENTS = "/apis/apps/v1/namespaces/flux-system/deployments"


@dataclass
class FluxApi(KubeApi):
    """`objects` are Flux's, `others` answers by their whole path; kinds in `unknown` are 404."""

    objects: list[Json] = field(default_factory=list)
    others: dict[str, Json] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)

    def handle(self, request: Request) -> Answer:
        """Answer one request."""
        broken = self.fault(request)
        if broken is not None:
            return broken
        if request.method == "PATCH":
            return self._patch(request)
        kind = LISTS.get(request.path)
        if kind is not None and kind not in self.unknown:
            return 200, {"items": [one for one in self.objects if one["kind"] == kind]}
        if request.path == DEPLOYMENTS:
            return 200, self.others.get(DEPLOYMENTS, {"items": []})
        return (200, self.others[request.path]) if request.path in self.others else NOT_FOUND

    def _patch(self, request: Request) -> Answer:
        assert request.headers["Content-Type"] == "application/merge-patch+json"
        found = self.named(request.path.rpartition("/")[2])
        merge(found, request.body)
        found["metadata"]["generation"] += 1
        return 200, found

    def named(self, name: str) -> Json:
        """The Kustomization or release of a name, which is unique in these tests."""
        kinds = {"Kustomization", "HelmRelease"}
        found = (one for one in self.objects if one["metadata"]["name"] == name)
        return next(one for one in found if one["kind"] in kinds)

    def suspended(self) -> list[str]:
        """The names of all that is suspended."""
        return [one["metadata"]["name"] for one in self.objects if one["spec"].get("suspend")]


def merge(target: Json, patch: Json) -> None:
    """A JSON merge patch (RFC 7386), in place."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            merge(target.setdefault(key, {}), value)
        else:
            target[key] = value


@contextmanager
def flux_api(directory: Path) -> Iterator[FluxApi]:
    """A running API server that only clients with its certificate may ask."""
    api = FluxApi(certificate=make_certificate())
    assert api.certificate is not None
    with serving(api.handle, api.certificate, directory, mutual=True) as server:
        api.server = server
        yield api
