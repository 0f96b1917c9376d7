"""Bootstrap: founds a cluster's etcd, once in the cluster's life, however often `up` starts over.

Talos founds a new etcd on any control plane whose data directory is empty, and so on the first one
once it has been replaced: the cluster would be two. So every control plane is asked first, and one
that cannot be asked is waited for, because silence is not "none". The evidence is the data
directory, by which Talos itself decides: etcd's own API says nothing while a member only starts.

Nothing replaces it, an update stores and does nothing, a delete forgets.
"""

import time
from collections.abc import Callable

from provider.control_planes import ETCD_DATA
from provider.rpc import Properties, Refused, Resource, plain
from provider.rpc.waiting import missing_after
from provider.talosctl import SECONDS, Credentials, Machine, TalosError

POLL_SECONDS = 1.0
Reach = Callable[[str, Credentials], Machine]


class Bootstrap(Resource):
    """Inputs: `controlPlanes` (addresses, the founder first), `clientConfiguration`,
    `deadlineSeconds`.
    """

    required = ("controlPlanes", "clientConfiguration", "deadlineSeconds")
    secret_outputs = ("clientConfiguration",)

    def __init__(self, reach: Reach = Machine, pause: float = POLL_SECONDS) -> None:
        self.reach, self.pause = reach, pause

    def create(self, inputs: Properties, preview: bool, timeout: float) -> tuple[str, Properties]:
        """Found etcd, unless a control plane is or was a member already."""
        if preview:
            return "", inputs
        wanted = plain(inputs)
        credentials = Credentials.of(wanted["clientConfiguration"])
        machines = [self.reach(address, credentials) for address in wanted["controlPlanes"]]
        Founding(machines, self.pause).until_founded(timeout or float(wanted["deadlineSeconds"]))
        return "etcd", inputs

    def update(
        self,
        id: str,  # noqa: A002
        olds: Properties,
        news: Properties,
        preview: bool,
        timeout: float,
    ) -> Properties:
        """Addresses and credentials change; the cluster stays founded."""
        del id, olds, preview, timeout
        return news

    def delete(self, id: str, state: Properties, timeout: float) -> None:  # noqa: A002
        """The cluster ends with its machines."""
        del id, state, timeout


class Founding:
    """One attempt at founding; asks Talos to bootstrap at most once."""

    def __init__(self, machines: list[Machine], pause: float) -> None:
        self.machines, self.pause = machines, pause
        self.asked = False

    def until_founded(self, seconds: float) -> None:
        """Ask until a control plane holds a member's data; `Refused` when the time is up."""
        deadline = time.monotonic() + seconds
        missing = missing_after(
            seconds,
            lambda: self.step(deadline),
            pause=self.pause,
            say=lambda found: f"waiting for etcd on {', '.join(found)}",
        )
        if missing:
            raise Refused(told(seconds, missing))

    def step(self, deadline: float) -> dict[str, str]:
        """What is missing still, by address; nothing when the cluster is founded."""
        silent: dict[str, str] = {}
        for machine in self.machines:
            patience = min(SECONDS, max(1.0, deadline - time.monotonic()))
            try:
                if machine.names_in(ETCD_DATA, patience):
                    return {}
            except TalosError as error:
                silent[machine.address] = str(error)
        founder = self.machines[0]
        if silent:
            return silent
        if self.asked:
            return {founder.address: "was asked to found etcd and has written nothing yet"}
        return self.bootstrap(founder)

    def bootstrap(self, founder: Machine) -> dict[str, str]:
        """Have the founder bootstrap; asked twice, it would abort what it had begun."""
        try:
            founder.bootstrap()
        except TalosError as error:
            # A call that nobody answered may have been carried out: the next look tells.
            return {} if error.code == "AlreadyExists" else {founder.address: str(error)}
        self.asked = True
        return {founder.address: "has just been asked to found etcd"}


def told(seconds: float, missing: dict[str, str]) -> str:
    """The error: how long, which machine, its own words, what to do."""
    lines = "\n".join(f"  {address}: {reason}" for address, reason in missing.items())
    return (
        f"waited {seconds:.0f} s to found etcd; a control plane that cannot be asked may be a "
        f"member, so nothing is founded without its answer:\n{lines}\n"
        "`talosctl service etcd` on that machine says more; run `pulumi up` again when it answers."
    )
