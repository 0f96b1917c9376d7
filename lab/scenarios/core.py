"""What every stack is rehearsed with: create, second-up, refresh, destroy, recreate."""

import json

from lab.scenarios.boxes_kept import (
    adopted,
    all_data_volumes,
    insist_same_data,
    insist_waiting,
)
from lab.scenarios.entry import Entry
from lab.scenarios.rehearsal import Failed, Rehearsal
from lab.scenarios.sealing import opened, seal

OLD_WORD = "sealed before the first cluster"


def create(rehearsal: Rehearsal) -> str:
    """From nothing to a cluster that has been handed over."""
    rehearsal.notes["sealed"] = seal(rehearsal, OLD_WORD)
    outcome = rehearsal.run(rehearsal.engine.up())
    made = outcome.log.changes.get("create", 0)
    nodes = ready_nodes(rehearsal)
    rehearsal.notes["identity"] = rehearsal.identity()
    insist_opened(rehearsal)
    rehearsal.notes["data"] = json.dumps(all_data_volumes(rehearsal))
    return f"{made} resources, {nodes} nodes Ready, up took {outcome.seconds:.1f} s"


def second_up(rehearsal: Rehearsal) -> str:
    """A second `up` changes nothing, and so does the preview before it."""
    preview = rehearsal.run(rehearsal.engine.preview())
    outcome = rehearsal.run(rehearsal.engine.up())
    rehearsal.notes["secondUpChanges"] = str(outcome.changed + preview.changed)
    if outcome.changed or preview.changed:
        changed = [f"{stage.operation} {stage.urn}" for stage in outcome.log.stages]
        names = "\n".join(line for line in changed if not line.startswith(("same", "read")))
        raise Failed(f"a second up changed {outcome.log.changes}:\n{names}")
    same = outcome.log.changes.get("same", 0)
    return f"{same} resources unchanged, up took {outcome.seconds:.1f} s"


def refresh(rehearsal: Rehearsal) -> str:
    """A refresh finds the world as the state says, and the next preview agrees."""
    outcome = rehearsal.run(rehearsal.engine.refresh())
    drifted = {key: n for key, n in outcome.log.changes.items() if key != "same" and n}
    if drifted:
        urns = [stage.urn for stage in outcome.log.stages if stage.operation in drifted]
        raise Failed(f"refresh found drift where nobody touched anything: {drifted} {urns}")
    preview = rehearsal.run(rehearsal.engine.preview())
    if preview.changed:
        raise Failed(f"after a refresh a preview wants {preview.log.changes}")
    return f"no drift, refresh took {outcome.seconds:.1f} s"


def destroy(rehearsal: Rehearsal) -> str:
    """A destroy leaves nothing: the vendors' world is as it was before the first create.

    A protected stack refuses it first, and loses nothing by that.
    """
    refused = f"{refuses(rehearsal)}; then " if rehearsal.protected else ""
    gone = taken_down(rehearsal)
    if not adopted(rehearsal):
        return refused + gone
    data = insist_same_data(rehearsal, json.loads(rehearsal.notes["data"]))
    return f"{refused}{gone}; {insist_waiting(rehearsal)}, {data}"


def refuses(rehearsal: Rehearsal) -> str:
    """A destroy of a protected stack ends badly, says why, and changes nothing anywhere."""
    world, state = rehearsal.vendors.snapshot(), rehearsal.engine.state()
    outcome = rehearsal.engine.destroy()
    rehearsal.outcomes.append(outcome)
    if outcome.succeeded or "protected" not in outcome.told():
        raise Failed(f"a protected stack was to refuse its destroy, and said:\n{outcome.told()}")
    before, after = [[item["urn"] for item in one] for one in (state, rehearsal.engine.state())]
    lost = sorted(set(before) - set(after))
    if lost:
        raise Failed("a destroy that was refused took from the state:\n" + "\n".join(lost))
    came = rehearsal.vendors.added(world, rehearsal.vendors.snapshot())
    if came:
        raise Failed("a destroy that was refused changed the world:\n" + "\n".join(came))
    return f"refused in {outcome.seconds:.1f} s while the stack was protected"


def taken_down(rehearsal: Rehearsal) -> str:
    """A destroy by whoever means it, and nothing left."""
    rehearsal.unprotect()
    outcome = rehearsal.run(rehearsal.engine.destroy())
    left = rehearsal.leftovers()
    rehearsal.notes["leftovers"] = str(int(rehearsal.notes.get("leftovers", "0")) + len(left))
    if left:
        raise Failed("a destroy left:\n" + "\n".join(f"  {item}" for item in left))
    gone = outcome.log.changes.get("delete", 0)
    return f"{gone} resources gone, nothing left, destroy took {outcome.seconds:.1f} s"


def recreate(rehearsal: Rehearsal) -> str:
    """The next cluster has the same identity and decrypts what the last one could."""
    outcome = rehearsal.run(rehearsal.engine.up())
    identity = rehearsal.identity()
    stable = identity == rehearsal.notes.get("identity")
    rehearsal.notes["identityStable"] = str(stable)
    if not stable:
        raise Failed(f"the identity was {rehearsal.notes.get('identity')} and is {identity}")
    insist_opened(rehearsal)
    nodes = ready_nodes(rehearsal)
    all_data_volumes(rehearsal)
    insist_same_data(rehearsal, json.loads(rehearsal.notes["data"]))
    return f"same identity, old secret decrypted, {nodes} nodes Ready, {outcome.seconds:.1f} s"


def insist_opened(rehearsal: Rehearsal) -> None:
    """The cluster's own controller opens what was sealed before the first cluster."""
    if opened(rehearsal, rehearsal.notes["sealed"]) != OLD_WORD:
        raise Failed("the cluster opens what was sealed before it, and finds something else")


def ready_nodes(rehearsal: Rehearsal) -> int:
    """How many nodes there are; all of them must be Ready."""
    lines = rehearsal.nodes()
    not_ready = [line for line in lines if line.split()[1] != "Ready"]
    if not_ready:
        raise Failed("nodes are not Ready:\n" + "\n".join(not_ready))
    return len(lines)


ENTRIES = (
    Entry(name="create", run=create, starts_with_cluster=False, ends_with_cluster=True),
    Entry(name="second-up", run=second_up, starts_with_cluster=True, ends_with_cluster=True),
    Entry(name="refresh", run=refresh, starts_with_cluster=True, ends_with_cluster=True),
    Entry(name="destroy", run=destroy, starts_with_cluster=True, ends_with_cluster=False),
    Entry(name="recreate", run=recreate, starts_with_cluster=False, ends_with_cluster=True),
)
