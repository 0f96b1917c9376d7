"""The simulated vendors as a scenario sees them: snapshots to compare, faults to set.

Everything goes over the simulators' own HTTP; nothing here knows what the program builds.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

REQUEST_SECONDS = 10
MACHINES = "machines"
# What moves by itself between two looks at the same world: clocks, counters, logs; and what a
# branch went through on its way back to the same tree.
RESTLESS = frozenset(
    {"tasks", "events", "log", "requests", "uptime", "time", "updatedAt", "commit"}
)


@dataclass(frozen=True, kw_only=True)
class Vendors:
    """Where each simulator tells its world, by the vendor's name; `bundle` is whom to trust."""

    worlds: Mapping[str, str]
    bundle: Path

    def snapshot(self) -> dict[str, Any]:
        """Every vendor's whole world."""
        return {name: self.get(url) for name, url in self.worlds.items()}

    def get(self, url: str) -> Any:
        """A JSON document."""
        return self.ask("GET", url)

    def ask(self, method: str, url: str, body: Mapping[str, Any] | None = None) -> Any:
        """Send a request, with a JSON document where one is given; None for an empty answer."""
        answer = requests.request(
            method, url, json=body, timeout=REQUEST_SECONDS, verify=str(self.bundle)
        )
        answer.raise_for_status()
        return answer.json() if answer.text.strip() else None

    def heal(self) -> None:
        """End every fault and put every cable back, whoever did it."""
        for name, url in self.worlds.items():
            base = url.removesuffix("/world")
            if name != MACHINES:
                self.ask("DELETE", f"{base}/faults")
                continue
            for machine in self.get(url)["machines"]:
                path = f"{base}/machines/{quote(machine['id'], safe='')}"
                self.ask("DELETE", f"{path}/faults")
                self.ask("POST", f"{path}/cable", {"to": "up"})

    @staticmethod
    def added(before: Any, after: Any) -> list[str]:
        """What is in the world now and was not, as paths with values; also what is gone."""
        old, new = dict(flat(before)), dict(flat(after))
        came = [f"{path} = {new[path]!r}" for path in sorted(new.keys() - old.keys())]
        went = [f"{path} is gone" for path in sorted(old.keys() - new.keys())]
        moved = [
            f"{path} = {new[path]!r}, was {old[path]!r}"
            for path in sorted(old.keys() & new.keys())
            if old[path] != new[path]
        ]
        return came + went + moved


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of a document with its path; what moves by itself is left out."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            if key not in RESTLESS:
                yield from flat(item, f"{path}/{key}")
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from flat(item, f"{path}[{name_of(item, index)}]")
    else:
        yield path, value


def name_of(item: Any, index: int) -> str:
    """A list entry's own name, so that an entry more does not shift all others."""
    if isinstance(item, dict):
        for key in ("id", "name", "volid", "userid", "roleid", "poolid", "path", "label"):
            if key in item:
                return str(item[key])
    return str(item) if isinstance(item, str) else str(index)
