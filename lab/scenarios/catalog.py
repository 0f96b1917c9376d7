"""Which scenarios there are, by their fixed names, in the order in which they can run.

The core five are every stack's and come first, in the order of a cluster's life.
"""

from config.spelling import meant
from lab.scenarios import (
    cni_missing,
    config_change,
    core,
    faults,
    gate_retry,
    kills,
    kills_elsewhere,
    membership,
    volumes,
)
from lab.scenarios.entry import Entry


def turn(entry: Entry) -> tuple[bool, bool]:
    """Where an entry stands behind the core, so that few clusters are made and taken down.

    First those that go on with the cluster that the core leaves, then the one that destroys it,
    then those that need and leave nothing, and last those that make a cluster of their own.
    """
    begins, ends = entry.starts_with_cluster, entry.ends_with_cluster
    return (not begins, ends != begins)


OTHERS: tuple[Entry, ...] = (
    *config_change.ENTRIES,
    *volumes.ENTRIES,
    *membership.ENTRIES,
    *gate_retry.ENTRIES,
    *kills.ENTRIES,
    *kills_elsewhere.ENTRIES,
    *faults.ENTRIES,
    *cni_missing.ENTRIES,
)
CATALOG: tuple[Entry, ...] = (*core.ENTRIES, *sorted(OTHERS, key=turn))
CORE = tuple(entry.name for entry in core.ENTRIES)
FAULTS = tuple(entry.name for entry in faults.ENTRIES)


def chosen(names: str) -> list[Entry]:
    """The entries for names separated by commas, in their order; groups: core, faults, all.

    Raises ValueError for a name that is none.
    """
    known = {entry.name: entry for entry in CATALOG}
    groups = {"core": CORE, "faults": FAULTS, "all": tuple(known)}
    wanted = [
        name for word in names.split(",") for name in groups.get(word.strip(), [word.strip()])
    ]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        near = meant(unknown[0], known)
        question = f"; did you mean {near}?" if near else "."
        raise ValueError(
            f"there is no scenario {', '.join(unknown)}{question} "
            f"There are: {', '.join(known)}, core, faults, all"
        )
    return [entry for name, entry in known.items() if name in wanted]
