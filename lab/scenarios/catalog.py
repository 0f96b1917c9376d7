"""Which scenarios there are, by their fixed names, in the order in which they can run.

The core five are every stack's and come first, in the order of a cluster's life. Of the others a
stack has those whose needs its facts meet.
"""

from collections.abc import Iterable, Mapping

from config.spelling import meant
from lab.scenarios import (
    cni_missing,
    config_change,
    core,
    dual_stack,
    faults,
    flux,
    flux_owns_cilium,
    gate_retry,
    kills,
    kills_elsewhere,
    kills_metal,
    membership,
    metal,
    status,
    tunnel,
    volumes,
)
from lab.scenarios.entry import Entry
from lab.scenarios.needs import Need

Abilities = frozenset[Need]


def turn(entry: Entry) -> tuple[bool, bool]:
    """Where an entry stands behind the core, so that few clusters are made and taken down.

    First those that go on with the cluster that the core leaves, then the one that destroys it,
    then those that need and leave nothing, and last those that make a cluster of their own.
    """
    begins, ends = entry.starts_with_cluster, entry.ends_with_cluster
    return (not begins, ends != begins)


OTHERS: tuple[Entry, ...] = (
    *flux.ENTRIES,
    *flux_owns_cilium.ENTRIES,
    *config_change.ENTRIES,
    *dual_stack.ENTRIES,
    *status.ENTRIES,
    *volumes.ENTRIES,
    *membership.ENTRIES,
    *metal.ENTRIES,
    *tunnel.ENTRIES,
    *gate_retry.ENTRIES,
    *kills.ENTRIES,
    *kills_elsewhere.ENTRIES,
    *kills_metal.ENTRIES,
    *faults.ENTRIES,
    *cni_missing.ENTRIES,
)
CATALOG: tuple[Entry, ...] = (*core.ENTRIES, *sorted(OTHERS, key=turn))
CORE = tuple(entry.name for entry in core.ENTRIES)
FAULTS = tuple(entry.name for entry in faults.ENTRIES)
GROUPS = ("core", "faults", "all")


def runnable(abilities: Abilities) -> dict[str, Entry]:
    """The entries that a stack with these abilities can run, by name."""
    return {entry.name: entry for entry in CATALOG if entry.needs <= abilities}


def chosen(names: str, abilities: Abilities, stack: str = "this stack") -> list[Entry]:
    """The entries for names separated by commas, in their order; groups: core, faults, all.

    A group is what of it the stack can run. Raises ValueError for a name that is none, and for one
    that this stack cannot run.
    """
    known, given = runnable(abilities), words(names)
    impossible = [word for word in given if word not in GROUPS and word not in known]
    if impossible:
        reasons = [f"{name}: it has {lacking(name, abilities)}" for name in impossible]
        raise ValueError(
            f"{stack} cannot run {'; nor '.join(reasons)}. It can run: {', '.join(known)}"
        )
    return picked(known, given)


def divided(names: str, stacks: Iterable[Abilities]) -> list[list[Entry]]:
    """The same for several stacks that nobody named: each has what it can run of the names.

    Raises ValueError for a name that is none, or that none of them can run.
    """
    able, given = [runnable(abilities) for abilities in stacks], words(names)
    orphans = [
        word for word in given if word not in GROUPS and not any(word in one for one in able)
    ]
    if orphans:
        raise ValueError(f"no committed stack can run {', '.join(orphans)}")
    return [picked(known, given) for known in able]


def picked(known: Mapping[str, Entry], given: Iterable[str]) -> list[Entry]:
    """Of the entries that can be run those that words stand for."""
    groups = {"core": CORE, "faults": FAULTS, "all": tuple(known)}
    wanted = {name for word in given for name in groups.get(word, (word,))}
    return [entry for name, entry in known.items() if name in wanted]


def words(names: str) -> list[str]:
    """The words of a list that is separated by commas; ValueError for one that is no scenario."""
    given = [word.strip() for word in names.split(",")]
    known = list(dict.fromkeys(entry.name for entry in CATALOG))
    unknown = [word for word in given if word not in known and word not in GROUPS]
    if unknown:
        near = meant(unknown[0], known)
        question = f"; did you mean {near}?" if near else "."
        raise ValueError(
            f"there is no scenario {', '.join(unknown)}{question} "
            f"There are: {', '.join(known)}, {', '.join(GROUPS)}"
        )
    return given


def lacking(name: str, abilities: Abilities) -> str:
    """What a stack would need for a scenario, at the least."""
    ways = [sorted(entry.needs - abilities) for entry in CATALOG if entry.name == name]
    return ", ".join(f"no {need}" for need in min(ways, key=len))
