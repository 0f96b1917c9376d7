"""status: what `./hearth status` says is what vendors' own clients say, also with a machine off.

Its exit code follows from what kubectl shows of Flux: it is not told here how far Flux has come. A
machine is switched off by hand and on again; the program is not run meanwhile.
"""

import json
import time
from typing import Any

from lab.scenarios.entry import Entry
from lab.scenarios.machines import CONTROL_PLANE, last, machine_id, power
from lab.scenarios.membership import members
from lab.scenarios.polling import wait_until
from lab.scenarios.rehearsal import Failed, Rehearsal

STATUS_SECONDS = 120
SETTLED_SECONDS = 180
BACK_SECONDS = 180
# What is as wanted whenever every machine is on, whatever Flux does.
GROUND = ("machines", "etcd", "api", "nodes", "cilium")
FLUX = (
    "fluxinstances.fluxcd.controlplane.io",
    "kustomizations.kustomize.toolkit.fluxcd.io",
    "helmreleases.helm.toolkit.fluxcd.io",
)
Sections = dict[str, dict[str, Any]]


def status(rehearsal: Rehearsal) -> str:
    """All on, one off, all on again."""
    before = as_clients_say(rehearsal)
    machine = last(rehearsal)
    power(rehearsal, machine_id(machine), "off")
    try:
        code, sections = asked(rehearsal)
        wrong = troubled(sections["machines"])
        if code != 1 or wrong != [machine["name"]]:
            raise Failed(f"with {machine['name']} off it said {wrong} and ended with {code}")
        insist_quorum(sections, machine)
    finally:
        power(rehearsal, machine_id(machine), "on")
    wait_until(
        lambda: well(asked(rehearsal)[1]), BACK_SECONDS, f"{machine['name']} to be well again"
    )
    return f"{before}; with {machine['name']} off it named it and ended with 1"


def as_clients_say(rehearsal: Rehearsal) -> str:
    """Everything on: the ground is as wanted, and etcd and Flux are as their clients show them."""
    shown, code, sections = at_one_moment(rehearsal)
    if not well(sections):
        raise Failed(f"a cluster that was just made is not as wanted: {json.dumps(sections)}")
    told = {
        row["name"]: row["actual"]["ready"]
        for row in sections["flux"]["rows"]
        if row["name"] in shown
    }
    if told != shown:
        raise Failed(f"kubectl shows {shown} of Flux, the status {told}")
    address = str(rehearsal.cluster().control_planes[0].addresses[0])
    voters = members(rehearsal, address)
    rows = {row["name"]: row["actual"]["id"] for row in sections["etcd"]["rows"]}
    if rows != voters:
        raise Failed(f"talosctl shows the members {voters}, the status {rows}")
    ready = all(value == "True" for value in shown.values())
    if code != (0 if ready else 1):
        raise Failed(f"it ended with {code}, and Flux is {shown}")
    return f"{len(rows)} members and {len(shown)} objects of Flux as their clients show them"


def at_one_moment(rehearsal: Rehearsal) -> tuple[dict[str, str], int, Sections]:
    """Flux by kubectl and the status of the same moment: nothing changed while it was asked.

    Machines may just have started again: an API server that says so is asked once more.
    """
    deadline = time.monotonic() + SETTLED_SECONDS
    before = flux(rehearsal)
    while True:
        code, sections = asked(rehearsal)
        after = flux(rehearsal)
        unasked = sections["flux"]["unasked"]
        if before == after and not unasked:
            return after, code, sections
        if time.monotonic() >= deadline:
            raise Failed(f"no two looks at Flux agreed: {before}, {after}; the status: {unasked}")
        before = after


def flux(rehearsal: Rehearsal) -> dict[str, str]:
    """Every object of Flux with its Ready, as kubectl shows it; kinds nobody defined have none."""
    found = {}
    for kind in FLUX:
        if not rehearsal.kubectl("get", "crd", kind, "--ignore-not-found", "-o", "name").strip():
            continue
        for item in json.loads(rehearsal.kubectl("get", kind, "-A", "-o", "json"))["items"]:
            meta = item["metadata"]
            conditions = (item.get("status") or {}).get("conditions") or []
            ready = [one["status"] for one in conditions if one["type"] == "Ready"]
            name = f"{item['kind']}/{meta['namespace']}/{meta['name']}"
            found[name] = ready[0] if ready else "Unknown"
    return found


def insist_quorum(sections: Sections, machine: dict[str, Any]) -> None:
    """A control plane that is off is missed by etcd; a worker is not."""
    missed = troubled(sections["etcd"])
    expected = [machine["name"]] if machine["role"] == CONTROL_PLANE else []
    if missed != expected:
        raise Failed(f"with {machine['name']} off etcd was said to miss {missed}")


def asked(rehearsal: Rehearsal) -> tuple[int, Sections]:
    """The exit code, and the sections by name."""
    done = rehearsal.hearth("status", rehearsal.stack, "--json", seconds=STATUS_SECONDS)
    try:
        document = json.loads(done.stdout)
    except ValueError:
        raise Failed(f"status said {done.stdout}{done.stderr}") from None
    return done.returncode, {one["name"]: one for one in document["sections"]}


def well(sections: Sections) -> bool:
    """Whether the ground is as wanted."""
    return all(sections[name]["verdict"] == "well" for name in GROUND)


def troubled(section: dict[str, Any]) -> list[str]:
    """The rows of a section that are not as wanted."""
    return [row["name"] for row in section["rows"] if row["verdict"] == "wrong"]


ENTRIES = (Entry(name="status", run=status, starts_with_cluster=True, ends_with_cluster=True),)
