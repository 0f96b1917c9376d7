"""What a scenario says of itself: its fixed name, what its stack must have, and what it leaves.

A module of scenarios ends with its `ENTRIES`, in the order in which they run; `catalog` strings
them together. One name may have two entries for two kinds of stack: what a replaced machine is
differs, that it is rehearsed does not.
"""

from dataclasses import dataclass

from lab.scenarios.needs import Need
from lab.scenarios.rehearsal import Scenario


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A scenario: its fixed name, its function, whether it starts from and ends with a cluster.

    Without `needs` every stack can run it.
    """

    name: str
    run: Scenario
    starts_with_cluster: bool
    ends_with_cluster: bool
    needs: frozenset[Need] = frozenset()
