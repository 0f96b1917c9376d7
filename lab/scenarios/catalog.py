"""Which scenarios there are, by their fixed names, in the order in which they can run.

The core five are every stack's.
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

CATALOG: tuple[Entry, ...] = (
    *core.ENTRIES,
    *cni_missing.ENTRIES,
    *config_change.ENTRIES,
    *volumes.ENTRIES,
    *gate_retry.ENTRIES,
    *kills.ENTRIES,
    *kills_elsewhere.ENTRIES,
    *membership.ENTRIES,
    *faults.ENTRIES,
)
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
