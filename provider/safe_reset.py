"""The safe reset: a physical machine forgets its cluster, and nothing else on it is lost.

Only STATE and EPHEMERAL are wiped; the installed system stays, and so do data disks unless the
stack says `sweep`. The machine leaves etcd first as long as the others keep a quorum of their own,
which is decided now and not when it was made: the last one has nobody to leave to. It is done when
the box answers blank. One that does not answer is an error, for it would come back as a member of
the old cluster.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from provider.blank_machine import BlankMachine
from provider.control_planes import ETCD_DATA
from provider.etcd_seat import Census, Seat
from provider.host_facts import Disk, Host, block, identity_findings, listed
from provider.host_probe import disks, hardware, installed_on
from provider.rpc import Refused, operation
from provider.rpc.waiting import missing_after
from provider.talos_probe import Answer, Look
from provider.talosctl import Credentials, Machine, TalosError

# An answer says only that the reset has begun. Asked again while it goes on, Talos refuses without
# harm; asked again after it failed, because etcd was not ready to lose a member, it begins anew.
AGAIN_SECONDS = 20.0
# A machine whose reset was interrupted may be booting; one that is off is told of after that.
SILENCE_SECONDS = 120.0
LOST = "HEARTH_LOST_MACHINES"
KEEP, SWEEP = "keep", "sweep"


@dataclass(frozen=True, slots=True)
class Sight:
    """The machine as it is seen now: of this cluster, blank, or why neither."""

    own: bool = False
    blank: bool = False
    why: str = ""


class SafeReset:
    """One machine's way back to blank."""

    def __init__(
        self,
        wanted: Mapping[str, Any],
        look: Look,
        reach: Callable[[str, Credentials], Machine],
        reach_blank: Callable[[str], BlankMachine],
        pause: float,
    ) -> None:
        self.wanted, self.host = wanted, Host.of(wanted)
        self.look, self.reach_blank, self.pause = look, reach_blank, pause
        credentials = Credentials.of(wanted["clientConfiguration"])
        self.own = reach(self.host.address, credentials)
        self.others = [
            reach(address, credentials)
            for address in wanted["controlPlanes"]
            if address != self.host.address
        ]
        self.asked: float | None = None
        self.wiping: list[Disk] | None = None

    def until_blank(self, seconds: float) -> None:
        """Reset it unless it is blank already, and wait until it is."""
        patience = min(seconds, SILENCE_SECONDS)
        if silence := missing_after(patience, lambda: self.sight().why, pause=self.pause):
            raise Refused(self.told_silent(silence))
        if missing := missing_after(seconds, self.unfinished, pause=self.pause):
            raise Refused(self.told_unfinished(missing, seconds))

    def sight(self) -> Sight:
        """What is there now."""
        host, authority = self.host, self.wanted["authority"]
        at_home = self.look(host.address)
        if isinstance(at_home, Answer):
            if at_home.is_blank:
                return self.blank(host.address)
            if at_home.is_of(authority):
                return Sight(own=True)
            at_home = "a machine of another cluster answers there"
        there = self.look(host.maintenance_address)
        if isinstance(there, Answer):
            if there.is_blank:
                return self.blank(host.maintenance_address)
            there = "what answers there is not blank"
        return Sight(
            why=f"{host.machine} answers neither at {host.address} ({at_home}) nor, blank, at "
            f"{host.maintenance_address} ({there})"
        )

    def blank(self, address: str) -> Sight:
        """A blank machine, if it is this one."""
        try:
            others = list(identity_findings(self.host, hardware(self.reach_blank(address))))
        except TalosError as error:
            return Sight(why=str(error))
        if others:
            return Sight(
                why=f"a blank machine answers at {address}, and it is not {self.host.machine}: "
                f"{others[0].what}"
            )
        return Sight(blank=True)

    def unfinished(self) -> str:
        """What is missing still, "" when it is blank; a reset that came to nothing begins anew."""
        seen, host = self.sight(), self.host
        if not seen.own:
            return seen.why
        if self.asked is None or time.monotonic() - self.asked >= AGAIN_SECONDS:
            try:
                self.reset()
            except TalosError as error:
                if not error.unanswered:
                    raise
                return str(error)
        return f"{host.machine} is being reset and still answers at {host.address}"

    def reset(self) -> None:
        """Ask for it; a call that nobody answered may have been heard, the next look tells."""
        if self.wiping is None:
            self.insist_on_box()
            self.wiping = self.swept()
        graceful, machine = self.can_leave_etcd(), self.host.machine
        leaving = ", which leaves etcd first" if graceful else ""
        operation.current().status(f"resetting {machine}{leaving}")
        try:
            self.own.reset(graceful=graceful, disks=[disk.path for disk in self.wiping])
        except TalosError as error:
            if error.unanswered:
                raise
            raise Refused(
                f"{machine} refuses to be reset: {error}\nNothing on it was wiped. Mend what it "
                "names and run the same command again"
            ) from None
        self.asked = time.monotonic()

    def insist_on_box(self) -> None:
        """`Refused` when this cluster's machine at the address is another box than was adopted."""
        if others := list(identity_findings(self.host, hardware(self.own))):
            title = (
                f"{self.host.machine} was not reset. The machine at {self.host.address} is of this "
                "cluster, and was left alone"
            )
            raise Refused(block(title, others))

    def can_leave_etcd(self) -> bool:
        """Whether this machine is a member of etcd whom the others can do without.

        Otherwise it must not even try: the last member has nobody to leave to, and a majority that
        is not there can let nobody go.
        """
        answering = [machine for machine in self.others if self.is_own(machine.address)]
        seat = Seat(self.host.machine, self.own, answering)
        try:
            # Without a member, etcd's API would take its whole deadline to say nothing.
            census = seat.census() if self.own.names_in(ETCD_DATA) else Census((), frozenset())
        except Refused:
            return False
        mine = seat.held_by(census)
        if mine is None or mine.id not in census.answering:
            return False
        rest = [item for item in census.members if not item.learner and item.id != mine.id]
        healthy = [item for item in rest if item.id in census.answering]
        return len(healthy) > len(rest) // 2

    def is_own(self, address: str) -> bool:
        """Whether a configured machine of this cluster answers there."""
        found = self.look(address)
        return (
            isinstance(found, Answer)
            and not found.is_blank
            and found.is_of(self.wanted["authority"])
        )

    def swept(self) -> list[Disk]:
        """The data disks to wipe with it: none, unless the stack says so."""
        if self.wanted["dataOnDestroy"] != SWEEP or not self.host.data_disks:
            return []
        call, machine = operation.current(), self.host.machine
        system = installed_on(self.own)
        data = [disk for disk in disks(self.own) if disk.name != system]
        found: list[Disk] = []
        for name, selector in self.host.data_disks.items():
            matching = [disk for disk in data if selector.takes(disk)]
            if len(matching) > 1:
                raise Refused(
                    f"{machine} was not reset: its data disk {name} ({selector}) is to be wiped, "
                    f"and {len(matching)} disks match: {listed(matching)}.\nUnplug the "
                    "one that is not meant, or set dataOnDestroy to keep; then run the same again"
                )
            if not matching:
                call.warn(
                    f"{machine} has no data disk {name} ({selector}) that could be "
                    f"wiped; it has {listed(data)}"
                )
            found += matching
        if found:
            call.warn(f"the data disks of {machine} are wiped: {listed(found)}")
        return found

    def told_silent(self, silence: str) -> str:
        """The error for a machine that cannot be asked."""
        machine = self.host.machine
        return (
            f"{machine} was not reset: {silence}.\n"
            "A machine that is only switched off comes back as a member of the old cluster, with "
            "its keys. Switch it on and run the same command again; when its hardware is gone for "
            f"good, say so: {LOST}={machine} pulumi destroy"
        )

    def told_unfinished(self, missing: str, seconds: float) -> str:
        """The error for a machine that did not come back blank."""
        host = self.host
        return (
            f"{host.machine} was told to wipe itself, and {seconds:.0f} s later it is not back as "
            f"a blank machine: {missing}.\n"
            f"Its screen shows what it does, and its address; the DHCP server has to give "
            f"{host.maintenance_address} to {host.mac.upper()}. Run the same command again: it "
            "goes on from here"
        )
