"""An address that a Service asks for, and that no pool has."""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address

from checks.finding import Finding, Rule
from checks.tree.balancers import POOLS, Address, Balanced, Pool, balanced, pools
from checks.tree.model import Tree

NAME = "address-outside-pools"


def find(tree: Tree) -> Iterator[Finding]:
    """One finding for each address, in a tree whose pools can be read."""
    known = pools(tree)
    if all(pool.spans for pool in known):
        for one in balanced(tree):
            yield from refused(one, known)


def refused(one: Balanced, known: Sequence[Pool]) -> Iterator[Finding]:
    """Addresses that a Service asks for and will not get."""
    for text, whom, path in one.wishes:
        there = [pool for pool in known if whom in {"", pool.item.group}]
        address = readable(text)
        if address is None or not there:
            continue
        holding = [pool for pool in there if pool.holds(address)]
        if not holding:
            spans = ", ".join(f"{pool.name} ({shown(pool)})" for pool in there)
            yield one.finding(
                NAME,
                f"{one.told} asks for {address}, which lies in no pool: {spans}",
                "ask for an address of a pool, or put this one into a pool",
                *path,
            )
        elif any(pool.takes(one) for pool in there) and not any(p.takes(one) for p in holding):
            yield one.finding(
                NAME,
                f"{one.told} asks for {address} of the {POOLS[holding[0].item.group]} "
                f"{holding[0].name}, which does not take this Service",
                "ask for an address of the pool that takes it, or give it what this pool wants",
                *path,
            )


def readable(text: str) -> Address | None:
    """An address; None for what is none."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def shown(pool: Pool) -> str:
    """The addresses of a pool."""
    return ", ".join(f"{a}-{b}" if a != b else str(a) for a, b in pool.spans)


RULE = Rule(
    name=NAME,
    forbids="an address that a Service asks for and that no pool has, or one that does not take it",
    outage="the Service waits for its address and says so in its events alone; whatever points at "
    "the address, from DNS to the router, points at nothing",
    find=find,
)
