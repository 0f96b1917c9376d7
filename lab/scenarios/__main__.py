"""Runs scenarios inside a world that is up: `python -m lab.scenarios ORDER.json`.

The order comes from `lab.rehearse`, which owns the world; here the engine runs, the timeline is
printed as it happens, and the report grows. Exit code 0 only when every scenario passed.
"""

import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from subprocess import TimeoutExpired

from proxmoxer import ResourceException
from requests import RequestException

from config.load import load_cluster
from lab import report as reports
from lab.critical import critical_path, needs
from lab.engine import Engine, Outcome
from lab.errors import EngineError
from lab.picture import picture
from lab.scenarios import flux_state, proxmox_ve, shelf
from lab.scenarios.catalog import chosen
from lab.scenarios.core import taken_down
from lab.scenarios.entry import Entry
from lab.scenarios.facts_file import FactsFile
from lab.scenarios.needs import abilities
from lab.scenarios.order import Order, read_order
from lab.scenarios.recovery import recovered
from lab.scenarios.rehearsal import Failed, Rehearsal
from lab.scenarios.timeline import Timeline
from lab.scenarios.vendors import Vendors
from lab.world.errors import WorldError

PICTURE = "timeline.svg"
# After these the cluster has been handed over to Flux.
HAND_OVERS = frozenset({"create", "recreate"})
# What a scenario's failure looks like; anything else is a mistake in the lab.
FAILURES = (
    Failed,
    EngineError,
    WorldError,
    RequestException,
    ResourceException,
    TimeoutExpired,
)


class Runner:
    """Carries out an order, one scenario after the other.

    One that fails does not hide the rest: what it left is settled and taken down, and the next
    starts from a clean world. When that cannot be had either, the rest is not run.
    """

    def __init__(self, order: Order) -> None:
        self.order = order
        self.timeline = Timeline(sys.stdout)
        vendors = Vendors(worlds=order.worlds, bundle=order.bundle)
        self.report = reports.Report(
            tools=order.tools,
            providers=order.providers,
            charts={
                f"{chart['name']} {chart['version']}": str(chart["chart"])
                for chart in vendors.get(order.charts_url)
            },
            replaced=order.replaced,
        )
        engine = Engine(
            project=order.project,
            stack=order.stack,
            logs=order.directory / "engine",
            watch=self.timeline.stage,
        )
        engine.select()
        facts = FactsFile(path=order.directory / f"Pulumi.{order.stack}.yaml")
        cluster = load_cluster(facts.read(), order.stack)
        self.abilities = abilities(cluster)
        self.rehearsal = Rehearsal(
            stack=order.stack,
            engine=engine,
            vendors=vendors,
            directory=order.directory,
            clean=vendors.snapshot(),
            facts=facts,
            protected=cluster.protected,
        )

    def run(self) -> bool:
        """Every scenario in order; whether all passed."""
        standing, failed = False, False
        wanted = chosen(self.order.scenarios, self.abilities)
        for number, entry in enumerate(wanted, start=1):
            met = standing == entry.starts_with_cluster or self.prepare(entry, standing)
            if met and self.one(entry.name, entry):
                standing = entry.ends_with_cluster
                continue
            failed, standing = True, False
            if not self.clean_up():
                rest = ", ".join(item.name for item in wanted[number:])
                self.timeline.heading(f"not run: {rest or 'none'}")
                return False
        return (not standing or self.tidy()) and not failed

    def clean_up(self) -> bool:
        """After a failure: settle what was cut off, take down what there is, leave nothing."""
        self.timeline.heading("clean up after a failure")
        return self.attempt("clean-up", lambda: cleaned(self.rehearsal)).passed

    def prepare(self, entry: Entry, standing: bool) -> bool:
        """Bring about what a scenario has to find, when the one before did not."""
        if standing:
            return self.tidy()
        first = chosen("create", self.abilities)[0]
        return entry.name == first.name or self.one(first.name, first)

    def tidy(self) -> bool:
        """Take down what the last scenario left standing; this too must leave nothing."""
        self.timeline.heading("destroy what still stands")
        return self.attempt("tidy", lambda: taken_down(self.rehearsal)).passed

    def one(self, name: str, entry: Entry) -> bool:
        """A scenario with its heading, its result in the report."""
        self.timeline.heading(name)
        result = self.attempt(name, lambda: self.told(entry))
        self.report.scenarios.append(result)
        if name == "create" and result.passed:
            self.draw(self.rehearsal.outcomes[-1])
        self.save()
        return result.passed

    def told(self, entry: Entry) -> str:
        """What a scenario has to tell, and Flux beside it where a cluster has been made."""
        if entry.name not in HAND_OVERS:
            return entry.run(self.rehearsal)
        try:
            detail = entry.run(self.rehearsal)
        except Failed:
            with suppress(*FAILURES):  # the scenario's failure is told
                self.hear()
            raise
        self.hear()
        return f"{detail}; {flux_state.spoken(self.report.flux)}"

    def hear(self) -> None:
        """Keep what Flux says of its objects."""
        found = flux_state.flux_state(self.rehearsal, self.report.charts)
        found["otherVersions"] = flux_state.differing(found, self.order.tools)
        self.report.flux = found

    def draw(self, create: Outcome) -> None:
        """Keep the stages of a create, find its critical path, and make a picture of both."""
        stages, seconds = create.log.stages, create.seconds
        path = critical_path(stages, needs(self.rehearsal.engine.state()))
        self.report.stages, self.report.create_seconds = stages, round(seconds, 3)
        self.report.critical_path = path
        drawn = picture(self.order.stack, stages, path, seconds)
        # Beside the stack's own logs, and the latest of all stacks where a person looks first.
        for folder in (self.order.directory, self.order.report.parent):
            half = folder / f"{PICTURE}.{self.order.stack}.part"
            half.write_text(drawn)
            half.replace(folder / PICTURE)

    def attempt(self, name: str, action: Callable[[], str]) -> reports.Result:
        """Run something that may fail, and say how it went."""
        started = time.monotonic()
        try:
            detail, passed = action(), True
        except FAILURES as error:
            detail, passed = str(error), False
        seconds = round(time.monotonic() - started, 1)
        self.timeline.result(name, passed=passed, seconds=seconds, detail=detail)
        return reports.Result(name=name, passed=passed, seconds=seconds, detail=detail)

    def save(self) -> None:
        """Write what is known so far."""
        notes = self.rehearsal.notes
        self.report.leftovers = int(notes["leftovers"]) if "leftovers" in notes else None
        changes = notes.get("secondUpChanges")
        self.report.second_up_changes = int(changes) if changes else None
        if self.report.flux is not None and "apiAtRest" in notes:
            self.report.flux = {**self.report.flux, "apiAtRest": json.loads(notes["apiAtRest"])}
        stable = notes.get("identityStable")
        self.report.identity_stable = stable == "True" if stable else None
        reports.write(self.order.report, self.order.stack, self.report)


def cleaned(rehearsal: Rehearsal) -> str:
    """A world as it was before anything, whatever state a scenario left it in."""
    rehearsal.vendors.heal()
    shelf.tidy(rehearsal)
    proxmox_ve.tidy(rehearsal)
    return f"{recovered(rehearsal)}; {taken_down(rehearsal)}"


def main(argv: list[str]) -> int:
    """Carry out the order whose path is the argument."""
    runner = Runner(read_order(Path(argv[0])))
    passed = runner.run()
    runner.save()
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
