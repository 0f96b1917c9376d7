"""Which charts there are, where each is published, and in which version. Pure but for `load`.

Where a chart is published and which versions are offered is in its description. A real archive of
a chart takes the place of the lab's own, and a folder of real archives can hold charts of anybody
else too.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab.charts.descriptions import DESCRIPTIONS, REGISTRY, Place, charts, described
from lab.charts.packing import Chart, read


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


def load(
    real: Path | None, definitions: Path | None = None, descriptions: Path = DESCRIPTIONS
) -> Library:
    """The lab's own charts, then the real archives of a folder over them."""
    library, known = Library(), {one.name: one for one in described(descriptions)}
    library.add((one.place, chart) for one in known.values() for chart in charts(one, definitions))
    if real is not None:
        if not real.is_dir():
            raise ValueError(
                f"--real {real}: no such folder; fetch charts into it with `helm pull`"
            )
        library.add(_real(real, {name: one.place for name, one in known.items()}))
    return library


def _real(folder: Path, known: Mapping[str, Place]) -> Iterator[tuple[Place, Chart]]:
    """Archives beside each other are the charts known here; others lie in `[oci/]HOST/PATH/`."""
    for path in sorted(folder.rglob("*.tgz")):
        chart = read(path)
        parts = path.parent.relative_to(folder).parts
        if parts:
            is_registry = parts[0] == REGISTRY
            host, *rest = parts[1:] if is_registry else parts
            yield Place(host, "/".join(rest), is_registry), chart
        elif chart.name in known:
            yield known[chart.name], chart
        else:
            raise ValueError(
                f"{path}: where is '{chart.name}' published? Only {', '.join(sorted(known))} are "
                f"known; put the archive into {folder}/HOST/PATH/"
            )
