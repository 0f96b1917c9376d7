"""A control plane's place in etcd: whether it can be given up, and giving it up.

The others are asked before anything is done: a member goes only while the rest keeps a quorum of
its own. A machine that answers forfeits leadership and leaves by itself, a dead one is removed
through another. Kubernetes is not here.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from provider.rpc import Refused, operation
from provider.talos_output import Member
from provider.talosctl import Machine, TalosError

LEAVE_SECONDS = 60.0
# A machine that is well answers in a fraction of it; a dead one is asked twice.
ANSWER_SECONDS = 10.0
POLL_SECONDS = 0.5
# etcd changes its members only while all have been connected for five seconds (its strict
# reconfiguration check); until then it answers with these words.
CONNECTED_SECONDS = 15.0
NOT_YET = "unhealthy cluster"


@dataclass(frozen=True, slots=True)
class Census:
    """etcd as its members see it: all of them, and the ids of those that answered."""

    members: tuple[Member, ...]
    answering: frozenset[str]


@dataclass(frozen=True, slots=True)
class Seat:
    """The place of one machine, `name` at `address`; `others` are the other control planes."""

    name: str
    own: Machine
    others: Sequence[Machine]

    def held_by(self, census: Census) -> Member | None:
        """This machine's member, also one that was added and never started; None without one."""
        for member in census.members:
            if member.name == self.name or (
                not member.name and self.own.address in hosts(member.peer_urls)
            ):
                return member
        return None

    def census(self) -> Census:
        """Ask every control plane; `Refused` when none can say who the members are."""
        members: list[Member] = []
        answering, reasons = set(), []
        for machine in (*self.others, self.own):
            try:
                answering.add(machine.etcd_status(ANSWER_SECONDS).member)
                members = members or machine.members(ANSWER_SECONDS)
            except TalosError as error:
                reasons.append(f"  {error}")
        if not members:
            lines = "\n".join(reasons)
            raise Refused(
                f"{self.name} cannot leave etcd, because no control plane could be asked for the "
                f"members:\n{lines}\nWake one of them and run again; a cluster that is lost is "
                "destroyed as a whole, which asks nobody."
            )
        return Census(tuple(members), frozenset(answering))

    def insist_on_quorum(self) -> Census:
        """The members; `Refused` when etcd would not survive without this machine's."""
        census = self.census()
        mine = self.held_by(census)
        if mine is None or mine.learner:
            return census
        rest = [item for item in census.members if not item.learner and item.id != mine.id]
        if not rest:
            raise Refused(
                f"{self.name} is the last member of etcd: with it the cluster's data would go. Add "
                "control planes first, or destroy the whole stack."
            )
        healthy = [item for item in rest if item.id in census.answering]
        wanted = len(rest) // 2 + 1
        if len(healthy) < wanted:
            silent = ", ".join(item.name or item.id for item in rest if item not in healthy)
            raise Refused(
                f"{self.name} cannot leave etcd: of the {len(rest)} members that remain {wanted} "
                f"have to be healthy, and {silent} {'does' if len(rest) == 1 else 'do'} not "
                "answer. Mend or replace what is broken first."
            )
        return census

    def give_up(self, seconds: float) -> None:
        """Leave, or be removed; returns once another member no longer lists this one."""
        census = self.insist_on_quorum()
        mine = self.held_by(census)
        if mine is None:
            return
        call, deadline = operation.current(), time.monotonic() + seconds
        call.status(f"{self.name} leaves etcd")
        reason = self.leave() if mine.id in census.answering else "its machine does not answer"
        while True:
            gone, doubt = self.is_gone(mine)
            if gone:
                return
            if reason is not None:
                doubt = self.removed(mine) or doubt
            if time.monotonic() >= deadline:
                raise Refused(
                    f"{self.name} is still a member of etcd ({mine.id}) after {seconds:.0f} s: "
                    f"{reason or doubt}"
                )
            call.wait(POLL_SECONDS)

    def leave(self) -> str | None:
        """Have the machine leave by itself; the reason why it did not.

        Asked again while etcd only wants its members connected a little longer: a machine that is
        removed by another keeps its data.
        """
        # Without it the others elect a leader only after they have missed this one.
        with suppress(TalosError):
            self.own.forfeit_leadership()
        call, deadline = operation.current(), time.monotonic() + CONNECTED_SECONDS
        while True:
            try:
                self.own.leave_etcd(LEAVE_SECONDS)
            except TalosError as error:
                if NOT_YET not in str(error) or time.monotonic() >= deadline:
                    return str(error)
            else:
                return None
            call.wait(POLL_SECONDS)

    def removed(self, mine: Member) -> str | None:
        """Have another member remove this one; the last reason when none did."""
        reason = None
        for machine in self.others:
            try:
                machine.remove_member(mine.id)
            except TalosError as error:
                if error.code == "NotFound":
                    return None
                reason = str(error)
            else:
                return None
        return reason

    def is_gone(self, mine: Member) -> tuple[bool, str]:
        """Whether another control plane no longer lists this member; else what is known."""
        doubt = "no other control plane answers"
        for machine in self.others:
            try:
                listed = machine.members()
            except TalosError as error:
                doubt = str(error)
                continue
            return mine.id not in {item.id for item in listed}, "it is still listed"
        return False, doubt


def hosts(urls: Sequence[str]) -> Iterator[str]:
    """The hosts of URLs."""
    return (urlsplit(url).hostname or "" for url in urls)
