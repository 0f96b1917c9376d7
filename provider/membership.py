"""Membership: a machine's place in its cluster, which it leaves before it goes.

Its create waits until the machine has joined: a Node of its name, and on a control plane a voting
member of etcd. Its delete makes the machine leave: the node is drained and deleted, etcd loses a
member that said goodbye or was removed, never its quorum. A whole cluster's destroy does not call
it: `deleted_with` the cluster's anchor drops it from state. It makes and removes no machine.
"""

import threading
from collections.abc import Callable

from provider import api_server
from provider.drain import Node
from provider.etcd_seat import Seat
from provider.rpc import PartialFailure, Properties, Resource, plain
from provider.rpc.waiting import missing_after
from provider.talosctl import Credentials, Machine, TalosError

POLL_SECONDS = 0.5
Reach = Callable[[str, Credentials], Machine]


class Membership(Resource):
    """Inputs: `machine` (its name), `address`, `controlPlane` (whether it is one), `controlPlanes`
    (addresses of all), `clientConfiguration`, `kubeconfig`, `drainSeconds`, `deadlineSeconds`.

    Output `joined`: false while the machine has not been seen in the cluster.
    """

    required = (
        "machine",
        "address",
        "controlPlane",
        "controlPlanes",
        "clientConfiguration",
        "kubeconfig",
        "drainSeconds",
        "deadlineSeconds",
    )
    replace_on = ("machine",)
    computed = ("joined",)
    secret_outputs = ("clientConfiguration", "kubeconfig")

    def __init__(self, reach: Reach = Machine, pause: float = POLL_SECONDS) -> None:
        self.reach, self.pause = reach, pause
        # The quorum is counted before a member goes: two at once would each count the other.
        self.leaving = threading.Lock()

    def create(self, inputs: Properties, preview: bool, timeout: float) -> tuple[str, Properties]:
        """Wait until the machine has joined; kept also when it has not, for it has to leave."""
        if preview:
            return "", self.planned(inputs)
        name = str(plain(inputs["machine"]))
        return name, self.awaited(name, inputs, timeout)

    def update(
        self,
        id: str,  # noqa: A002
        olds: Properties,
        news: Properties,
        preview: bool,
        timeout: float,
    ) -> Properties:
        """Store what leaving will need; wait only for a machine that was never seen to join."""
        if preview or plain(olds.get("joined")):
            return self.planned(news, olds)
        return self.awaited(id, news, timeout)

    def delete(self, id: str, state: Properties, timeout: float) -> None:  # noqa: A002
        """Leave: nothing is touched before it is sure that etcd keeps its quorum."""
        del id
        wanted = plain(state)
        seconds = timeout or float(wanted["deadlineSeconds"])
        node = Node(wanted["machine"], wanted["kubeconfig"], self.pause)
        patience = float(wanted["drainSeconds"])
        if not wanted["controlPlane"]:
            node.leave(patience, seconds)
            return
        with self.leaving:
            seat = self.seat(wanted)
            seat.insist_on_quorum()
            # Before etcd's member goes: with it goes this machine's API server.
            node.leave(patience, seconds)
            seat.give_up(seconds)

    def awaited(self, name: str, inputs: Properties, timeout: float) -> Properties:
        """The outputs once the machine has joined; a failure that is kept when it does not."""
        wanted = plain(inputs)
        seconds = timeout or float(wanted["deadlineSeconds"])
        reason = missing_after(
            seconds,
            lambda: self.missing(wanted),
            pause=self.pause,
            say=lambda why: f"waiting: {why}",
        )
        if reason:
            advice = f"`talosctl -n {wanted['address']} service` says more; run `pulumi up` again."
            failure = f"{name} has not joined the cluster within {seconds:.0f} s: {reason}"
            raise PartialFailure(name, {**inputs, "joined": False}, [f"{failure}\n{advice}"])
        return {**inputs, "joined": True}

    def missing(self, wanted: Properties) -> str | None:
        """What keeps the machine from being in the cluster; None when it is."""
        try:
            with api_server.connect(wanted["kubeconfig"]) as client:
                if wanted["machine"] not in api_server.nodes(client):
                    return "there is no Node of its name yet"
        except api_server.Unreachable as error:
            return f"the Kubernetes API does not answer: {api_server.problem(error)}"
        return self.no_vote(wanted) if wanted["controlPlane"] else None

    def no_vote(self, wanted: Properties) -> str | None:
        """Why the control plane has no vote in etcd; None when it has."""
        seat = self.seat(wanted)
        try:
            found = seat.own.members()
        except TalosError as error:
            return str(error)
        mine = next((item for item in found if item.name == seat.name), None)
        if mine is None:
            return "it is no member of etcd yet"
        return "etcd has taken it in as a learner so far" if mine.learner else None

    def seat(self, wanted: Properties) -> Seat:
        """The machine's place in etcd."""
        credentials = Credentials.of(wanted["clientConfiguration"])
        own = wanted["address"]
        others = [self.reach(item, credentials) for item in wanted["controlPlanes"] if item != own]
        return Seat(wanted["machine"], self.reach(own, credentials), others)
