"""What scenarios of killed runs share: was it really hit, does `recover` settle it, does it go on?

`recover` is run as a person runs it, and has its figure: 20 seconds.
"""

import json
import signal
import subprocess
import time
from collections.abc import Callable

import requests

from lab.engine import Outcome
from lab.scenarios.core import ready_nodes
from lab.scenarios.rehearsal import Failed, Rehearsal
from lab.scenarios.vendors import REQUEST_SECONDS
from lab.strikes import Moment, Strike, killed_at

RECOVER_DEADLINE = 300
BOOTSTRAP = "etcd bootstrap"


def hit(rehearsal: Rehearsal, outcome: Outcome, moment: Moment) -> list[str]:
    """The run died by our hand, in the middle: it left a lock, and the operation open."""
    rehearsal.outcomes.append(outcome)
    if outcome.exit_code != -signal.SIGKILL:
        raise Failed(f"the run ended with {outcome.exit_code}, not by SIGKILL:\n{outcome.told()}")
    if not rehearsal.engine.checkpoint.locked():
        raise Failed("a killed run left no lock")
    return left_open(rehearsal, moment)


def left_open(rehearsal: Rehearsal, moment: Moment) -> list[str]:
    """The operations that the checkpoint has open; the moment's has to be one of them."""
    pending = rehearsal.engine.checkpoint.pending()
    if not any(moment.resource in urn for urn in pending):
        raise Failed(f"nothing of {moment.resource} is pending, but: {pending}")
    return pending


def recovered(rehearsal: Rehearsal) -> str:
    """`./hearth recover` ends well and leaves nothing to settle; what it did.

    How long it took is told and not judged: that depends on what else the machine does.
    """
    started = time.monotonic()
    done = rehearsal.hearth("recover", rehearsal.stack, "--yes", seconds=RECOVER_DEADLINE)
    seconds = time.monotonic() - started
    log = rehearsal.engine.logs / f"{len(rehearsal.outcomes):02}-recover.log"
    log.write_text(done.stdout + done.stderr)
    if done.returncode != 0:
        raise Failed(f"recover ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    checkpoint = rehearsal.engine.checkpoint
    if checkpoint.pending() or checkpoint.locked():
        raise Failed(f"recover left {checkpoint.pending()}, locked: {checkpoint.locked()}")
    return f"recovered in {seconds:.1f} s ({counted(done.stdout)})"


def counted(output: str) -> str:
    """What recover did, as numbers: its lines begin with the verdict."""
    words = [line.split(maxsplit=1)[0] for line in output.splitlines() if line.strip()]
    kinds = ("cleared", "adopted", "removed", "read")
    return ", ".join(f"{words.count(kind)} {kind}" for kind in kinds if kind in words) or "nothing"


def complete(rehearsal: Rehearsal, bootstraps_before: int, strike: Strike | None = None) -> str:
    """`up` ends well, a preview is empty, every node is Ready, and etcd was founded once."""
    outcome = rehearsal.run(rehearsal.engine.up(strike))
    unchanged(rehearsal)
    nodes = ready_nodes(rehearsal)
    founded = bootstraps(rehearsal) - bootstraps_before
    if founded > 1:
        raise Failed(f"etcd was bootstrapped {founded} times in one cluster's life")
    return f"up went on in {outcome.seconds:.1f} s to {nodes} nodes Ready"


def unchanged(rehearsal: Rehearsal) -> None:
    """A preview wants nothing."""
    preview = rehearsal.run(rehearsal.engine.preview())
    if preview.changed:
        stages = [s for s in preview.log.stages if s.operation not in {"same", "read"}]
        wanted = "\n".join(f"  {stage.operation} {stage.urn}" for stage in stages)
        raise Failed(f"after all that a preview wants {preview.log.changes}:\n{wanted}")


def bootstraps(rehearsal: Rehearsal) -> int:
    """How often any machine of this world was told to found an etcd, and did."""
    url = rehearsal.vendors.worlds["machines"].removesuffix("/world") + "/events"
    answer = requests.get(url, timeout=REQUEST_SECONDS)
    answer.raise_for_status()
    events = [json.loads(line) for line in answer.text.splitlines() if line]
    return sum(event["event"] == BOOTSTRAP for event in events)


def survives(
    rehearsal: Rehearsal, moment: Moment, blow: Callable[[Moment], Strike] = killed_at
) -> str:
    """A create that is killed at a moment, recovered, and gone on with."""
    before = bootstraps(rehearsal)
    pending = hit(rehearsal, rehearsal.engine.up(blow(moment)), moment)
    settled = recovered(rehearsal)
    return f"killed with {len(pending)} open; {settled}; {complete(rehearsal, before)}"


def in_cluster(rehearsal: Rehearsal, *words: str) -> Callable[[], bool]:
    """An effect: `kubectl get WORDS` finds something. The kubeconfig is fetched once."""
    fetched: list[str] = []

    def seen() -> bool:
        if not fetched:
            fetched.append(str(rehearsal.write_kubeconfig()))
        argv = ["kubectl", "--kubeconfig", fetched[0], "get", *words, "--output", "name"]
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=REQUEST_SECONDS, check=False
        )
        return done.returncode == 0 and bool(done.stdout.strip())

    return seen
