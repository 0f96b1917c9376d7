"""Documents of chart repositories: Helm's index and the manifests of an OCI registry.

Byte for byte the same for the same charts. It serves nothing.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

import yaml

from lab.charts.packing import Chart

MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
CONFIG: Final = "application/vnd.cncf.helm.config.v1+json"
LAYER: Final = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
# The lab's charts have no history.
CREATED: Final = "2026-01-01T00:00:00Z"


def index(charts: list[Chart]) -> str:
    """`index.yaml` of a classic repository; archives lie beside it."""
    entries: dict[str, list[dict[str, Any]]] = {}
    for chart in charts:
        place = {"urls": [chart.file], "created": CREATED, "digest": chart.digest}
        entries.setdefault(chart.name, []).append({**chart.metadata, **place})
    document = {"apiVersion": "v1", "entries": entries, "generated": CREATED}
    text: str = yaml.safe_dump(document, sort_keys=True)
    return text


@dataclass(frozen=True)
class Blob:
    """Content by its digest."""

    media_type: str
    data: bytes

    @property
    def digest(self) -> str:
        """`sha256:...`."""
        return "sha256:" + hashlib.sha256(self.data).hexdigest()

    def descriptor(self) -> dict[str, Any]:
        """How a manifest refers to it."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.data)}


def blobs(chart: Chart) -> tuple[Blob, Blob]:
    """A chart's configuration and layer."""
    config = json.dumps(chart.metadata, sort_keys=True).encode()
    return Blob(CONFIG, config), Blob(LAYER, chart.archive)


def manifest(chart: Chart) -> Blob:
    """A chart's manifest, as `helm push` makes it."""
    config, layer = blobs(chart)
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config.descriptor(),
        "layers": [layer.descriptor()],
        "annotations": {
            "org.opencontainers.image.created": CREATED,
            "org.opencontainers.image.title": chart.name,
            "org.opencontainers.image.version": chart.version,
        },
    }
    return Blob(MANIFEST, json.dumps(document, sort_keys=True, separators=(",", ":")).encode())
