"""Which charts there are, where each is published, and in which version. Pure but for `load`.

Where a chart is published is a fact about its vendor; which version is offered is in
`sources/versions.yaml`. A real archive of a chart takes the place of the lab's own.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

from lab.charts.packing import Chart, pack, read

SOURCES: Final = Path(__file__).with_name("sources")


@dataclass(frozen=True)
class Place:
    """Where a chart is published: a classic repository, or a folder of an OCI registry."""

    host: str
    folder: str | None = None

    @property
    def is_registry(self) -> bool:
        """Whether it is an OCI registry."""
        return self.folder is not None


PLACES: Final = {
    "cilium": Place("helm.cilium.io"),
    "proxmox-csi-plugin": Place("ghcr.io", "sergelogvinov/charts"),
    "flux-operator": Place("ghcr.io", "controlplaneio-fluxcd/charts"),
}


@dataclass
class Library:
    """Charts by name and version."""

    charts: dict[tuple[str, str], Chart] = field(default_factory=dict)

    def add(self, charts: Iterable[Chart]) -> None:
        """Add charts; a later one takes the place of an earlier one of the same version."""
        for chart in charts:
            if chart.name not in PLACES:
                known = ", ".join(sorted(PLACES))
                raise ValueError(f"nobody here publishes a chart '{chart.name}'; known: {known}")
            self.charts[chart.name, chart.version] = chart

    def classic(self, host: str) -> list[Chart]:
        """The charts of a classic repository; of all of them for a host that is nobody's."""
        return [
            chart
            for chart in self._sorted()
            if not PLACES[chart.name].is_registry and _serves(PLACES[chart.name].host, host)
        ]

    def repository(self, host: str, path: str) -> dict[str, Chart]:
        """Tag -> chart of one repository of a registry."""
        return {
            tag(chart.version): chart
            for chart in self._sorted()
            if _serves(PLACES[chart.name].host, host)
            and f"{PLACES[chart.name].folder}/{chart.name}" == path
        }

    def listing(self) -> list[dict[str, str]]:
        """What is offered, from where, and whose it is."""
        return [
            {
                "name": chart.name,
                "version": chart.version,
                "from": PLACES[chart.name].host,
                "chart": chart.source,
                "digest": chart.digest,
            }
            for chart in self._sorted()
        ]

    def _sorted(self) -> list[Chart]:
        return [self.charts[key] for key in sorted(self.charts)]


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
        pack(sources / name, str(version))
        for name, offered in versions.items()
        for version in offered
    )
    if real is not None:
        if not real.is_dir():
            raise ValueError(
                f"--real {real}: no such folder; fetch charts into it with `helm pull`"
            )
        library.add(read(path) for path in sorted(real.glob("*.tgz")))
    return library
