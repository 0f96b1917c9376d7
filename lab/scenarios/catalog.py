"""Which scenarios there are, by their fixed names, in the order in which they can run.

Each says what it needs to find: nothing built, or a cluster. The core five are every stack's.
"""

from dataclasses import dataclass

from lab.scenarios import core
from lab.scenarios.cni_missing import cni_missing
from lab.scenarios.rehearsal import Scenario


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A scenario: its fixed name, its function, whether it starts from and ends with a cluster."""

    name: str
    run: Scenario
    starts_with_cluster: bool
    ends_with_cluster: bool


CATALOG = (
    Entry(name="create", run=core.create, starts_with_cluster=False, ends_with_cluster=True),
    Entry(name="second-up", run=core.second_up, starts_with_cluster=True, ends_with_cluster=True),
    Entry(name="refresh", run=core.refresh, starts_with_cluster=True, ends_with_cluster=True),
    Entry(name="destroy", run=core.destroy, starts_with_cluster=True, ends_with_cluster=False),
    Entry(name="recreate", run=core.recreate, starts_with_cluster=False, ends_with_cluster=True),
    Entry(name="cni-missing", run=cni_missing, starts_with_cluster=False, ends_with_cluster=True),
)
CORE = ("create", "second-up", "refresh", "destroy", "recreate")


def chosen(names: str) -> list[Entry]:
    """The entries for names separated by commas, `core` and `all` among them, in their order.

    Raises ValueError for a name that is none.
    """
    known = {entry.name: entry for entry in CATALOG}
    groups = {"core": CORE, "all": tuple(known)}
    wanted = [
        name for word in names.split(",") for name in groups.get(word.strip(), [word.strip()])
    ]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ValueError(
            f"there is no scenario {', '.join(unknown)}; there are: {', '.join(known)}, core, all"
        )
    return [entry for name, entry in known.items() if name in wanted]
