"""MachineAnswers: a machine has booted and may be configured.

Its create waits until Talos answers at the machine's address, and refuses at once when that is a
machine of another cluster: two machines with one address, or a host that was never wiped. The
vendor's provider would send it the configuration again and again until its own deadline. A machine
that this cluster has configured before passes. Nothing is changed on any machine.
"""

from provider import talos_probe
from provider.rpc import LookOnly, Properties, Refused, plain
from provider.rpc.waiting import missing_after
from provider.talos_probe import PORT, Answer

POLL_SECONDS = 0.5


class MachineAnswers(LookOnly):
    """Inputs: `machine` (its name), `address`, `authority` (the cluster's, base64 of PEM).

    Also `deadlineSeconds`, and `hint`: where to look when nobody answered in time. Outputs repeat
    the inputs, so that whoever needs the machine takes its address from here.
    """

    required = ("machine", "address", "authority", "deadlineSeconds")

    def create(self, inputs: Properties, preview: bool, timeout: float) -> tuple[str, Properties]:
        """Wait for it."""
        if preview:
            return "", self.planned(inputs)
        wait(plain(inputs), timeout)
        return str(plain(inputs["machine"])), inputs

    def update(
        self,
        id: str,  # noqa: A002
        olds: Properties,
        news: Properties,
        preview: bool,
        timeout: float,
    ) -> Properties:
        """Wait where it is now; a new deadline or hint is nothing to wait for."""
        del id
        if not preview and plain(olds.get("address")) != plain(news["address"]):
            wait(plain(news), timeout)
        return self.planned(news, olds)


def wait(inputs: Properties, timeout: float) -> None:
    """Ask until it answers, the deadline has passed, or somebody else has answered."""
    seconds = timeout or float(inputs["deadlineSeconds"])
    machine, address = inputs["machine"], inputs["address"]

    def silence() -> str:
        found = talos_probe.ask(address)
        if isinstance(found, str):
            return found
        refuse_foreign(found, machine, address, inputs["authority"])
        return ""

    missing = missing_after(
        seconds,
        silence,
        pause=POLL_SECONDS,
        say=lambda found: f"waiting for {machine} at {address}: {found}",
    )
    if missing:
        advice = inputs.get("hint") or "Mend it and run `pulumi up` again: it waits anew."
        raise Refused(
            f"waited {seconds:.0f} s for {machine} to answer at {address}:{PORT}: {missing}.\n"
            f"{advice}"
        )


def refuse_foreign(found: Answer, machine: str, address: str, authority: str) -> None:
    """Raise unless the machine is blank or this cluster's own."""
    if found.is_blank or found.is_of(authority):
        return
    raise Refused(
        f"{machine} was not configured: the machine at {address} belongs to another cluster "
        "already (its certificate is not of this cluster's authority).\n"
        "Give one of the two another address, or wipe the other one with `talosctl reset` and its "
        "own talosconfig; then run `pulumi up` again"
    )
