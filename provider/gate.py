"""Gate: a resource whose create does the waiting.

A hook that fails or is killed is skipped by the next `up`, because its resource counts as created.
A gate that fails was never created, so the next `up` waits again, and everything that takes its
outputs waits with it. A gate changes nothing in the cluster but its own short-lived probe Jobs.
"""

from collections.abc import Callable, Sequence

from provider import api_server
from provider.dns_probe import dns_missing
from provider.rpc import Diff, Failure, LookOnly, Properties, Refused, has_unknown, plain
from provider.rpc.diff import compare
from provider.rpc.waiting import missing_after

POLL_SECONDS = 0.5
# A VIP on its way from one control plane to the next is away for a moment.
MOMENT_SECONDS = 5.0
# For an API that has been there before; the deadline of the gate's own is for a new cluster.
RETURN_SECONDS = 60.0
API_SERVERS = "apiServersReady"
Missing = dict[str, str]


def api_servers_missing(inputs: Properties) -> Missing:
    """API servers that do not answer `/readyz` with 200, and why."""
    found = {
        server: api_server.readiness(inputs["kubeconfig"], server)
        for server in inputs["apiServers"]
    }
    return {server: reason for server, reason in found.items() if reason}


def registration_missing(inputs: Properties) -> Missing:
    """Machines without a Node object; NotReady is right here, no CNI runs yet."""
    with api_server.connect(inputs["kubeconfig"]) as client:
        known = api_server.nodes(client)
    return {name: "no Node of that name yet" for name in inputs["nodes"] if name not in known}


def readiness_missing(inputs: Properties) -> Missing:
    """Nodes that are not Ready, with their kubelet's reason."""
    with api_server.connect(inputs["kubeconfig"]) as client:
        known = api_server.nodes(client)
    found: Missing = {}
    for name in inputs["nodes"]:
        reason = api_server.not_ready_because(known[name]) if name in known else "no such Node"
        if reason:
            found[name] = reason
    return found


CONDITIONS: dict[str, tuple[str, Callable[[Properties], Missing]]] = {
    API_SERVERS: ("every API server ready", api_servers_missing),
    "nodesRegistered": ("every machine registered as a Node", registration_missing),
    "nodesReady": ("every Node Ready", readiness_missing),
    "clusterDnsAnswers": ("cluster DNS answering from every Node", dns_missing),
}


class Gate(LookOnly):
    """Inputs: `condition`, `kubeconfig`, `apiServers`, `nodes`, `deadlineSeconds`, `hint`.

    Outputs repeat the inputs, so that whoever needs the open gate takes them from it. `trigger` is
    whatever, once changed, must make the gate wait again. The gate for API servers also looks at
    every run whether the API answers at all: what comes after it would fail one by one if not.
    """

    required = ("condition", "kubeconfig", "deadlineSeconds")
    secret_outputs = ("kubeconfig",)

    def __init__(
        self, poll_seconds: float = POLL_SECONDS, moment_seconds: float = MOMENT_SECONDS
    ) -> None:
        self.poll_seconds, self.moment_seconds = poll_seconds, moment_seconds

    def check(self, olds: Properties, news: Properties) -> tuple[Properties, list[Failure]]:
        """Refuse conditions that nobody knows how to wait for."""
        inputs, failures = super().check(olds, news)
        condition = plain(inputs.get("condition"))
        if isinstance(condition, str) and condition not in CONDITIONS:
            reason = f"a gate waits for one of {', '.join(CONDITIONS)}, not for {condition!r}"
            failures.append(Failure("condition", reason))
        return inputs, failures

    def diff(
        self,
        identity: str,
        olds: Properties,
        old_inputs: Properties,
        news: Properties,
        ignore: Sequence[str],
    ) -> Diff:
        """As the inputs say; and an API that is away has to be waited for."""
        found = super().diff(identity, olds, old_inputs, news, ignore)
        if found.changed or has_unknown(news) or plain(news["condition"]) != API_SERVERS:
            return found
        away = api_away(plain(news["kubeconfig"]), self.moment_seconds, self.poll_seconds)
        return Diff(changes=True) if away else found

    def create(self, inputs: Properties, preview: bool, timeout: float) -> tuple[str, Properties]:
        """Wait until the condition holds."""
        if preview:
            return "", self.planned(inputs)
        wait(plain(inputs), timeout, self.poll_seconds)
        return str(plain(inputs["condition"])), inputs

    def update(
        self,
        id: str,  # noqa: A002
        olds: Properties,
        news: Properties,
        preview: bool,
        timeout: float,
    ) -> Properties:
        """Wait again: what is asked for has changed, or the API has gone away."""
        del id
        if not preview and any(compare(olds, news)):
            wait(plain(news), timeout, self.poll_seconds)
        elif not preview:
            await_return(plain(news), timeout or RETURN_SECONDS, self.poll_seconds)
        return self.planned(news, olds)


def wait(inputs: Properties, timeout: float, poll_seconds: float = POLL_SECONDS) -> None:
    """Poll the condition until nothing is missing or the deadline has passed."""
    title, missing_now = CONDITIONS[inputs["condition"]]
    seconds = timeout or float(inputs["deadlineSeconds"])
    missing = missing_after(
        seconds,
        lambda: asked(missing_now, inputs),
        pause=poll_seconds,
        say=lambda found: f"waiting for {title}: {', '.join(sorted(found))}",
    )
    if missing:
        raise Refused(told(title, seconds, missing, inputs.get("hint")))


def api_away(kubeconfig: str, seconds: float, pause: float) -> str | None:
    """Why the cluster's API does not answer for so long, None as soon as it does."""
    return missing_after(
        seconds,
        lambda: api_server.answers(kubeconfig),
        pause=pause,
        say=lambda reason: f"waiting for the Kubernetes API: {reason}",
    )


def await_return(inputs: Properties, seconds: float, pause: float) -> None:
    """Wait for an API that has been there before."""
    reason = api_away(inputs["kubeconfig"], seconds, pause)
    if reason:
        raise Refused(
            f"the Kubernetes API has been away for {seconds:.0f} s ({reason}); nothing in the "
            "cluster was touched.\nLook at the control planes: power, network, `talosctl service`; "
            "once the API answers, run `pulumi up` again."
        )


def asked(missing_now: Callable[[Properties], Missing], inputs: Properties) -> Missing:
    """What is missing; an API that does not answer is something missing, not a fault."""
    try:
        return missing_now(inputs)
    except api_server.Unreachable as error:
        return {"the Kubernetes API": api_server.problem(error)}


def told(title: str, seconds: float, missing: Missing, hint: str | None) -> str:
    """The error: what was waited for, how long, what is missing and why, what to do."""
    lines: Sequence[str] = [f"  {name}: {reason}" for name, reason in sorted(missing.items())]
    advice = hint or "Mend it and run `pulumi up` again: the gate waits anew."
    return "\n".join([f"waited {seconds:.0f} s for {title}; still missing:", *lines, advice])
