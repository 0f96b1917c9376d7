"""What a rehearsal is asked to do, as a file that crosses into the world.

`lab.rehearse` writes it outside, `python -m lab.scenarios` reads it inside. Data only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to run, where, and what the report says of the lab itself."""

    stack: str
    scenarios: str
    project: Path
    directory: Path
    report: Path
    bundle: Path
    worlds: Mapping[str, str]
    charts_url: str
    tools: Mapping[str, Mapping[str, str]]
    providers: Mapping[str, Mapping[str, str]]
    replaced: tuple[str, ...]


_ADAPTER = TypeAdapter(Order)


def read_order(path: Path) -> Order:
    """An order as `write_order` left it."""
    return _ADAPTER.validate_json(path.read_bytes())


def write_order(path: Path, order: Order) -> None:
    """Save an order for the process inside."""
    path.write_bytes(_ADAPTER.dump_json(order, indent=2))
