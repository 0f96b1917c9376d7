"""config-change: machines whose configuration changes, and what an owner sees of it before.

One fact of one machine touches that machine alone and lets it run on. A setting of all machines
that they reboot for takes control planes away one at a time, whatever the engine would do side by
side. A plan that takes two of them away is refused, by the preview and by the `up`, and nothing
happens.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from lab.engine import Outcome
from lab.scenarios.core import ready_nodes
from lab.scenarios.entry import Entry
from lab.scenarios.facts_file import Facts, machine
from lab.scenarios.machines import cable
from lab.scenarios.rehearsal import Failed, Rehearsal

LABEL, VALUE = "example.com/rack", "upper-left"
RULE = 'SUBSYSTEM=="block", ENV{ID_MODEL}=="Rehearsed", ATTR{queue/rotational}="0"'
OTHER_MACS = ("68:5B:35:00:00:F1", "68:5B:35:00:00:F2")
CONTROL_PLANE = "controlplane"
LOOK_SECONDS = 0.1
IMPATIENT_SECONDS = 5
WELL_SECONDS = 120
CHANGES = frozenset({"create", "update", "replace", "create-replacement", "delete"})
World = dict[str, dict[str, Any]]


def config_change(rehearsal: Rehearsal) -> str:
    """One machine's fact, everybody's setting and back, two machines at once."""
    alone = one_machines_fact(rehearsal)
    refused = f"{two_at_once(rehearsal)}; {one_is_away(rehearsal)}"

    def add_rule(facts: Facts) -> None:
        facts["talos"].setdefault("udevRules", []).append(RULE)

    with rehearsal.facts.edited(add_rule):
        there = rolled(rehearsal)
        unchanged(rehearsal)
    back = rolled(rehearsal)
    unchanged(rehearsal)
    nodes = ready_nodes(rehearsal)
    return f"{alone}; {refused}; {there}, and back: {back}; {nodes} nodes Ready"


def one_machines_fact(rehearsal: Rehearsal) -> str:
    """A label for the second control plane: seen in the preview, and of no consequence to others.

    Its Node carries the label afterwards, and the machine has not rebooted for it.
    """
    name = control_planes(world(rehearsal))[1]

    def label(facts: Facts) -> None:
        machine(facts, name)["labels"] = {LABEL: VALUE}

    before = world(rehearsal)
    with rehearsal.facts.edited(label):
        preview = rehearsal.run(rehearsal.engine.preview())
        shows(preview, [LABEL, VALUE, "does not reboot"], hides=["reboots"])
        outcome = rehearsal.run(rehearsal.engine.up())
    strangers = [stage.name for stage in changed(outcome) if f"-{name}-" not in stage.name]
    if strangers:
        raise Failed(f"a label of {name} changed {strangers}")
    moved = [other for other, now in world(rehearsal).items() if differs(before[other], now)]
    if moved != [name]:
        raise Failed(f"a label of {name} changed the configuration of {moved}")
    rebooted = reboots(before, world(rehearsal))
    if rebooted:
        raise Failed(f"{rebooted} rebooted for a label")
    labels = json.loads(rehearsal.kubectl("get", "node", name, "-o", "json"))["metadata"]["labels"]
    if labels.get(LABEL) != VALUE:
        raise Failed(f"node {name} does not carry {LABEL}: {labels}")
    touched = len(changed(outcome))
    return f"a label touched {touched} resources of {name} and rebooted nobody"


def two_at_once(rehearsal: Rehearsal) -> str:
    """Facts that replace two control planes: refused twice, and the vendors' world stays."""
    names = control_planes(world(rehearsal))[:2]

    word = "VMID" if "vm" in machine(rehearsal.facts.read(), names[0]) else "MAC address"

    def exchange(facts: Facts) -> None:
        for number, name in enumerate(names):
            found = machine(facts, name)
            if "vm" in found:
                found["vm"]["id"] += 1000
            else:
                found["mac"] = OTHER_MACS[number]

    before = rehearsal.vendors.snapshot()
    with rehearsal.facts.edited(exchange):
        for run in (rehearsal.engine.preview, rehearsal.engine.up):
            outcome = run()
            rehearsal.outcomes.append(outcome)
            told = outcome.told()
            if outcome.succeeded:
                raise Failed(f"pulumi {outcome.command} let {names} be replaced in one run")
            missing = [text for text in (*names, word, "one at a time") if text not in told]
            if missing:
                raise Failed(f"pulumi {outcome.command} does not say {missing}:\n{told}")
    came = rehearsal.vendors.added(before, rehearsal.vendors.snapshot())
    if came:
        raise Failed("a plan that was refused changed the world:\n" + "\n".join(came))
    return f"replacing {' and '.join(names)} was refused"


def one_is_away(rehearsal: Rehearsal) -> str:
    """While the last control plane is cut off, the first is not touched; its facts changed."""
    first, *_, last = control_planes(world(rehearsal))

    def label(facts: Facts) -> None:
        machine(facts, first)["labels"] = {LABEL: VALUE}
        facts["deadlines"] = {"turnSeconds": IMPATIENT_SECONDS}

    before = world(rehearsal)
    cable(rehearsal, before[last]["id"], "down")
    try:
        with rehearsal.facts.edited(label):
            outcome = rehearsal.engine.up()
    finally:
        cable(rehearsal, before[last]["id"], "up")
    rehearsal.outcomes.append(outcome)
    told = outcome.told()
    if outcome.succeeded or f"{first} is to change" not in told or f"{last}: " not in told:
        raise Failed(f"{first} was to change while {last} was away, and `up` said:\n{told}")
    moved = [name for name, now in world(rehearsal).items() if differs(before[name], now)]
    if moved:
        raise Failed(f"{last} was away, and {moved} were configured all the same")
    until_well(rehearsal)
    return f"{first} was left alone while {last} was away"


def until_well(rehearsal: Rehearsal) -> None:
    """Wait for a machine that is back on the network to have found its cluster again."""
    deadline = time.monotonic() + WELL_SECONDS
    while away := [name for name, item in world(rehearsal).items() if not is_up(item)]:
        if time.monotonic() > deadline:
            raise Failed(f"{WELL_SECONDS} s after its cable was plugged in, {away} are not well")
        time.sleep(LOOK_SECONDS)


def is_up(item: dict[str, Any]) -> bool:
    """Neither rebooting nor booting, and with etcd and kubelet."""
    return item["stage"] == "running" and bool(item["ready"])


def rolled(rehearsal: Rehearsal) -> str:
    """An `up` that reboots every machine: all of them do, control planes one at a time."""
    before = world(rehearsal)
    preview = rehearsal.run(rehearsal.engine.preview())
    shows(preview, ["reboots", "udev"], hides=[])
    with watching(rehearsal) as watch:
        outcome = rehearsal.run(rehearsal.engine.up())
    if watch.worst > 1:
        raise Failed(f"control planes were away together: {watch.together}")
    rebooted = reboots(before, world(rehearsal))
    if rebooted != sorted(before):
        raise Failed(f"of {sorted(before)} only {rebooted} rebooted")
    return (
        f"{len(rebooted)} machines rebooted in {outcome.seconds:.1f} s, never more than "
        f"{watch.worst} control plane away in {watch.looks} looks"
    )


def unchanged(rehearsal: Rehearsal) -> None:
    """A preview after an `up` wants nothing more."""
    preview = rehearsal.run(rehearsal.engine.preview())
    if preview.changed:
        raise Failed(f"after an up a preview wants {preview.log.changes}")


def shows(preview: Outcome, words: list[str], *, hides: list[str]) -> None:
    """The preview's diff has these words, and none of those as the key of a line that changes."""
    missing = [word for word in words if word not in preview.output]
    if missing:
        raise Failed(f"the preview does not show {missing}:\n{preview.output}")
    changed = [line for line in preview.output.splitlines() if line.strip()[:1] in set("~+-")]
    keys = {line.partition(":")[0].strip(" ~+-") for line in changed}
    shown = [word for word in hides if word in keys]
    if shown:
        raise Failed(f"the preview shows {shown}, which does not change:\n{preview.output}")


def changed(outcome: Outcome) -> list[Any]:
    """The operations of a run that changed something."""
    return [stage for stage in outcome.log.stages if stage.operation in CHANGES]


def world(rehearsal: Rehearsal) -> World:
    """The machines by name."""
    found = rehearsal.vendors.get(rehearsal.vendors.worlds["machines"])["machines"]
    return {item["hostname"]: item for item in found}


def control_planes(machines: World) -> list[str]:
    """Their names, in order."""
    return sorted(name for name, item in machines.items() if item["type"] == CONTROL_PLANE)


def differs(before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether a machine has another configuration on its disk."""
    return bool(before["configuration"] != now["configuration"])


def reboots(before: World, now: World) -> list[str]:
    """Who has booted since."""
    return sorted(name for name, item in now.items() if item["bootId"] != before[name]["bootId"])


@dataclass(kw_only=True)
class Watch:
    """What was seen of control planes while something ran; by their ids, hypervisor and number."""

    looks: int = 0
    worst: int = 0
    together: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def look(self, machines: list[dict[str, Any]]) -> None:
        """Count those that are not up."""
        away = [item["id"] for item in machines if not is_up(item)]
        self.looks += 1
        if len(away) > self.worst:
            self.worst, self.together = len(away), away


@contextmanager
def watching(rehearsal: Rehearsal) -> Iterator[Watch]:
    """Look at the control planes again and again for as long as the block lasts."""
    url = rehearsal.vendors.worlds["machines"]
    listed = rehearsal.vendors.get(url)["machines"]
    ids = {item["id"] for item in listed if item["type"] == CONTROL_PLANE}
    watch = Watch()

    def keep_looking() -> None:
        while not watch.over.wait(LOOK_SECONDS):
            watch.look([m for m in rehearsal.vendors.get(url)["machines"] if m["id"] in ids])

    thread = threading.Thread(target=keep_looking)
    thread.start()
    try:
        yield watch
    finally:
        watch.over.set()
        thread.join()


ENTRIES = (
    Entry(
        name="config-change", run=config_change, starts_with_cluster=True, ends_with_cluster=True
    ),
)
