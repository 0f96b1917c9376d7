"""What a scenario says of itself: its fixed name, and what it needs to find and leaves.

A module of scenarios ends with its `ENTRIES`, in the order in which they run; `catalog` strings
them together.
"""

from dataclasses import dataclass

from lab.scenarios.rehearsal import Scenario


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A scenario: its fixed name, its function, whether it starts from and ends with a cluster."""

    name: str
    run: Scenario
    starts_with_cluster: bool
    ends_with_cluster: bool
