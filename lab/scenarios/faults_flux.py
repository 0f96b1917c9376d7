"""Faults of the hand-over: the Git server is away, knows no such key, is slow, has no such path.

The program never speaks to Git; Flux does. So what is read here is what Flux says of it, handed on
by the `up` that waited for it.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Final

from lab.error_page import AREAS
from lab.scenarios.core import ready_nodes
from lab.scenarios.entry import Entry
from lab.scenarios.facts_file import Facts
from lab.scenarios.fault import Fault, Takeover
from lab.scenarios.flux import git_url
from lab.scenarios.rehearsal import Rehearsal

CLUSTER = AREAS[4]
# A cluster is made first, and then Flux is given its time.
SECONDS: Final = 480.0
# Long enough for a controller to try again, short enough to wait for.
STALL_SECONDS: Final = 60
SLOW_SECONDS: Final = 8.0


@contextmanager
def git_fault(rehearsal: Rehearsal, **fault: object) -> Iterator[None]:
    """The Git server's SSH door is out of order."""
    url = git_url(rehearsal, "faults")
    rehearsal.vendors.ask("POST", url, {"method": "SSH", **fault})
    try:
        yield
    finally:
        rehearsal.vendors.ask("DELETE", url)


def impatient(cluster: Facts) -> None:
    """Do not wait ten minutes for a Flux that does not get on."""
    cluster["deadlines"] = {"fluxStallSeconds": STALL_SECONDS}


@contextmanager
def out_of_order(rehearsal: Rehearsal, *, kind: str) -> Iterator[None]:
    """It is, for an owner who does not wait long."""
    with rehearsal.facts.edited(impatient), git_fault(rehearsal, kind=kind):
        yield


def elsewhere(rehearsal: Rehearsal) -> AbstractContextManager[None]:
    """The stack's file names a folder that the repository does not have."""

    def misspelt(cluster: Facts) -> None:
        impatient(cluster)
        cluster["gitops"]["path"] = f"./gitops/cluster/{cluster['name']}"

    return rehearsal.facts.edited(misspelt)


def slow(rehearsal: Rehearsal) -> str:
    """A Git server that takes its time makes nothing fail."""
    with git_fault(rehearsal, kind="slow", seconds=SLOW_SECONDS):
        outcome = rehearsal.run(rehearsal.engine.up())
    nodes = ready_nodes(rehearsal)
    return f"{nodes} nodes Ready, up took {outcome.seconds:.1f} s with {SLOW_SECONDS:.0f} s a visit"


FAULTS = (
    Fault(
        name="fault-git-path",
        area=CLUSTER,
        wrong="`gitops.path` names a folder that the repository does not have",
        remedy="correct `gitops.path`, or push the folder; then `pulumi up`",
        says=("Flux has not converged", "gitops/cluster/"),
        setting=elsewhere,
        takeover=Takeover.MENDED,
        seconds=SECONDS,
    ),
    Fault(
        name="fault-git-away",
        area=CLUSTER,
        wrong="the Git server hangs up on everybody",
        remedy="wait for it, or reach it; then `pulumi up`",
        says=("Flux has not converged", "GitRepository"),
        setting=partial(out_of_order, kind="unavailable"),
        takeover=Takeover.UP,
        seconds=SECONDS,
    ),
    Fault(
        name="fault-git-key",
        area=CLUSTER,
        wrong="the Git server does not know the deploy key",
        remedy="add `deployKeyPublic` of the stack's file to the repository's deploy keys;"
        " then `pulumi up`",
        says=("Flux has not converged", "unable to authenticate"),
        setting=partial(out_of_order, kind="denied"),
        takeover=Takeover.UP,
        seconds=SECONDS,
    ),
)
# No error, so no fault by name; it belongs to them all the same.
SLOW = Entry(name="flux-git-slow", run=slow, starts_with_cluster=False, ends_with_cluster=True)
