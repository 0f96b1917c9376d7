"""cni-missing: a create during which Cilium's chart cannot be had.

Machines must be up and registered, every node NotReady, nothing behind the network made; the error
must name the chart. Once the repository is back, the next `up` goes on from there, and no machine
is made a second time.
"""

from pathlib import Path

from lab.scenarios.core import ready_nodes
from lab.scenarios.entry import Entry
from lab.scenarios.rehearsal import Failed, Rehearsal

HOSTS = Path("/etc/hosts")
REPOSITORY = "helm.cilium.io"
MACHINES = frozenset({"VmLegacy", "AdoptedHost"})


def cni_missing(rehearsal: Rehearsal) -> str:
    """Fail clearly, then resume."""
    known = HOSTS.read_text()
    HOSTS.write_text("".join(line for line in known.splitlines(True) if REPOSITORY not in line))
    try:
        outcome = rehearsal.engine.up()
    finally:
        HOSTS.write_text(known)
    rehearsal.outcomes.append(outcome)
    if outcome.succeeded:
        raise Failed(f"an up without {REPOSITORY} ended well")
    if REPOSITORY not in outcome.told():
        raise Failed(f"the error does not name {REPOSITORY}:\n{outcome.told()}")
    made = {item["urn"] for item in rehearsal.engine.state()}
    behind = [urn for urn in made if any(f"hearth:{x}:" in urn for x in ("storage", "gitops"))]
    objects = [urn for urn in behind if "kubernetes:" in urn]
    if objects:
        raise Failed(f"made behind a network that does not exist: {objects}")
    waiting = not_ready_nodes(rehearsal)
    resumed = rehearsal.run(rehearsal.engine.up())
    again = [s.urn for s in resumed.log.stages if s.operation == "create" and s.kind in MACHINES]
    if again:
        raise Failed(f"machines were made a second time: {again}")
    nodes = ready_nodes(rehearsal)
    return (
        f"failed after {outcome.seconds:.1f} s with {waiting} nodes NotReady; "
        f"resumed in {resumed.seconds:.1f} s to {nodes} nodes Ready"
    )


def not_ready_nodes(rehearsal: Rehearsal) -> int:
    """How many nodes there are; none may be Ready without a network."""
    lines = rehearsal.nodes()
    ready = [line for line in lines if line.split()[1] == "Ready"]
    if ready or not lines:
        raise Failed("without a CNI every node is NotReady, but: " + "; ".join(lines))
    return len(lines)


ENTRIES = (
    Entry(name="cni-missing", run=cni_missing, starts_with_cluster=False, ends_with_cluster=True),
)
