"""Which charts there are, where each is published, and in which version. Pure but for `load`.

Where a chart is published is a fact about its vendor; which version is offered is in
`sources/versions.yaml`. A real archive of a chart takes the place of the lab's own, and a folder of
real archives can hold charts of anybody else too.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

from lab.charts.packing import Chart, pack, read

SOURCES: Final = Path(__file__).with_name("sources")
REGISTRY: Final = "oci"


@dataclass(frozen=True, order=True)
class Place:
    """Where a chart is published: a host, a path there, and whether that is an OCI registry."""

    host: str
    path: str = ""
    is_registry: bool = False

    def __str__(self) -> str:
        scheme = REGISTRY if self.is_registry else "https"
        return f"{scheme}://{self.host}/{self.path}".rstrip("/")


PLACES: Final = {
    "cilium": Place("helm.cilium.io"),
    "proxmox-csi-plugin": Place("ghcr.io", "sergelogvinov/charts", is_registry=True),
    "flux-operator": Place("ghcr.io", "controlplaneio-fluxcd/charts", is_registry=True),
}


@dataclass
class Library:
    """Charts by place, name and version."""

    charts: dict[tuple[Place, str, str], Chart] = field(default_factory=dict)

    def add(self, published: Iterable[tuple[Place, Chart]]) -> None:
        """Add charts; a later one takes the place of an earlier one of the same version."""
        for place, chart in published:
            self.charts[place, chart.name, chart.version] = chart

    def classic(self, host: str, path: str) -> list[Chart]:
        """The charts of a classic repository; of all hosts' for an address."""
        return [
            chart
            for place, chart in self._sorted()
            if not place.is_registry and place.path == path and _serves(place.host, host)
        ]

    def repository(self, host: str, path: str) -> dict[str, Chart]:
        """Tag -> chart of one repository of a registry."""
        return {
            tag(chart.version): chart
            for place, chart in self._sorted()
            if place.is_registry
            and f"{place.path}/{chart.name}" == path
            and _serves(place.host, host)
        }

    def listing(self) -> list[dict[str, str]]:
        """What is offered, from where, and whose it is."""
        return [
            {
                "name": chart.name,
                "version": chart.version,
                "from": str(place),
                "chart": chart.source,
                "digest": chart.digest,
            }
            for place, chart in self._sorted()
        ]

    def _sorted(self) -> list[tuple[Place, Chart]]:
        return [(key[0], self.charts[key]) for key in sorted(self.charts)]


def _serves(published: str, asked: str) -> bool:
    """An address, or `localhost`, stands for all vendors."""
    return asked in {published, "localhost"} or re.fullmatch(r"[0-9.]+|\[.*\]", asked) is not None


def tag(version: str) -> str:
    """A version as an OCI tag: Helm writes `_` for `+`."""
    return version.replace("+", "_")


def load(real: Path | None, sources: Path = SOURCES) -> Library:
    """The lab's own charts, then the real archives of a folder over them."""
    library = Library()
    versions = yaml.safe_load((sources / "versions.yaml").read_text(encoding="utf-8"))
    library.add(
        (PLACES[name], pack(sources / name, str(version)))
        for name, offered in versions.items()
        for version in offered
    )
    if real is not None:
        if not real.is_dir():
            raise ValueError(
                f"--real {real}: no such folder; fetch charts into it with `helm pull`"
            )
        library.add(_real(real))
    return library


def _real(folder: Path) -> Iterator[tuple[Place, Chart]]:
    """Archives beside each other are the charts known here; others lie in `[oci/]HOST/PATH/`."""
    for path in sorted(folder.rglob("*.tgz")):
        chart = read(path)
        parts = path.parent.relative_to(folder).parts
        if parts:
            is_registry = parts[0] == REGISTRY
            host, *rest = parts[1:] if is_registry else parts
            yield Place(host, "/".join(rest), is_registry), chart
        elif chart.name in PLACES:
            yield PLACES[chart.name], chart
        else:
            raise ValueError(
                f"{path}: where is '{chart.name}' published? Only {', '.join(sorted(PLACES))} are "
                f"known; put the archive into {folder}/HOST/PATH/"
            )
