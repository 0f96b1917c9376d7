"""What a fault is, and how one is rehearsed: set, met by `up`, read, cleared, gone on from.

A fault breaks a vendor or spoils the input for as long as a block lasts. The run that meets it has
to end in time, with an error that says what happened, without a traceback and as docs/errors.md has
it; after that the next command must go on as if nothing had been. It knows no vendor.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum

from lab.engine import Outcome
from lab.error_page import Differs, Row, compare, normalised
from lab.events import Stage
from lab.scenarios.core import ready_nodes, taken_down
from lab.scenarios.entry import Entry
from lab.scenarios.needs import Need
from lab.scenarios.rehearsal import Failed, Rehearsal

# A run that meets a fault early ends in seconds; this is for a machine with other things to do.
SECONDS = 150.0
# What the engine adds to every failed run.
OVERHEAD = ("update failed",)


class Takeover(Enum):
    """How to prove that the state is usable afterwards."""

    DESTROY = "from nothing, and a destroy leaves nothing"
    UP = "from nothing, and the next up makes the cluster"
    UNCHANGED = "on a cluster, which the next up finds as it was"
    MENDED = "on a cluster, which the next up brings back to what it was"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault: its scenario's name, its words for the page, what must be said, how it is set."""

    name: str
    area: str
    wrong: str
    remedy: str
    says: tuple[str, ...]
    setting: Callable[[Rehearsal], AbstractContextManager[None]]
    takeover: Takeover = Takeover.DESTROY
    seconds: float = SECONDS
    needs: frozenset[Need] = frozenset()

    def entry(self) -> Entry:
        """The fault as a scenario."""
        return Entry(
            name=self.name,
            run=self.run,
            starts_with_cluster=self.takeover in {Takeover.UNCHANGED, Takeover.MENDED},
            ends_with_cluster=self.takeover is not Takeover.DESTROY,
            needs=self.needs,
        )

    def run(self, rehearsal: Rehearsal) -> str:
        """Meet the fault, then go on without it."""
        with self.setting(rehearsal):
            outcome = rehearsal.engine.up()
        rehearsal.outcomes.append(outcome)
        self.judge(outcome)
        return f"told after {outcome.seconds:.1f} s; then {self.go_on(rehearsal)}"

    def judge(self, outcome: Outcome) -> None:
        """Insist on an error that is clear, in time, and the one of the page."""
        told = outcome.told()
        if outcome.succeeded:
            raise Failed(f"an up that met {self.wrong} ended well")
        if outcome.seconds > self.seconds:
            raise Failed(f"the error took {outcome.seconds:.0f} s, more than {self.seconds:.0f}")
        if "Traceback" in outcome.output:
            raise Failed(f"the error is a traceback:\n{told}")
        missing = [word for word in self.says if word not in told]
        if missing:
            raise Failed(f"the error does not say {missing}:\n{told}")
        try:
            compare(
                Row(
                    area=self.area,
                    name=self.name,
                    wrong=self.wrong,
                    exit_code=outcome.exit_code,
                    said=said(outcome),
                    remedy=self.remedy,
                )
            )
        except Differs as difference:
            raise Failed(str(difference)) from None

    def go_on(self, rehearsal: Rehearsal) -> str:
        """What the next command came to."""
        if self.takeover is Takeover.DESTROY:
            return taken_down(rehearsal)
        outcome = rehearsal.run(rehearsal.engine.up())
        changed = [stage.urn for stage in outcome.log.stages if is_change(stage)]
        if self.takeover is Takeover.UNCHANGED and changed:
            raise Failed("the next up had to change:\n" + "\n".join(changed))
        return f"{ready_nodes(rehearsal)} nodes Ready, up took {outcome.seconds:.1f} s"


def is_change(stage: Stage) -> bool:
    """Whether an operation touched a vendor: what previews show is the engine's, turns only ask."""
    return stage.operation not in {"same", "read"} and stage.kind not in {"Stash", "Turn"}


def said(outcome: Outcome) -> tuple[str, ...]:
    """The run's own errors, sorted, because machines fail in any order, and each once."""
    errors = {text.strip() for text in outcome.log.errors} - set(OVERHEAD)
    return normalised("\n".join(sorted(errors)))
