"""AdoptedHost: a physical machine of the cluster, taken as it is and given back blank.

Its create finds the box where DHCP has put it, makes sure that it is the one that is meant, and
gives it the addresses of its facts, so that it answers blank where a virtual machine would: from
there on both are configured alike. A box that this cluster has configured already is left alone, so
an `up` that was interrupted goes on; one that has gone back to where DHCP puts it, because it could
not be installed or lost its power before, is brought to its address again. Its delete is the safe
reset. Nothing is installed here.
"""

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from provider import talos_probe
from provider.adoption import Adoption
from provider.blank_machine import BlankMachine
from provider.rpc import (
    Diff,
    Failure,
    Properties,
    Refused,
    Resource,
    has_unknown,
    operation,
    plain,
)
from provider.rpc.diff import Kind
from provider.rpc.waiting import missing_after
from provider.safe_reset import KEEP, LOST, SWEEP, SafeReset
from provider.talos_probe import Answer, Look
from provider.talosctl import Credentials, Machine

POLL_SECONDS = 1.0
Reach = Callable[[str, Credentials], Machine]
ReachBlank = Callable[[str], BlankMachine]


class AdoptedHost(Resource):
    """Inputs: `machine`, `address`, `maintenanceAddress`, `mac`, `uuid`, `installDisk` {model,
    serial, minSizeGib}, `dataDisks` [{name, match}], `network` (the documents of its host name and
    links, YAML), `authority` (the cluster's, base64 of PEM), `clientConfiguration`,
    `controlPlanes` (addresses of all), `dataOnDestroy` (keep or sweep), `deadlineSeconds`, `hint`.

    Whoever needs the machine takes `address` from here. `hint`: where to look when nobody answers.
    """

    required = (
        "machine",
        "address",
        "maintenanceAddress",
        "mac",
        "installDisk",
        "network",
        "authority",
        "clientConfiguration",
        "controlPlanes",
        "dataOnDestroy",
        "deadlineSeconds",
    )
    replace_on = ("mac", "uuid", "address", "installDisk")
    # Side by side the old box would answer where the new one is to be found.
    delete_before_replace = True
    secret_outputs = ("clientConfiguration",)

    def __init__(
        self,
        look: Look = talos_probe.ask,
        reach: Reach = Machine,
        reach_blank: ReachBlank = BlankMachine,
        pause: float = POLL_SECONDS,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self.look, self.reach, self.reach_blank, self.pause = look, reach, reach_blank, pause
        self.environment = environment
        # Two at once would each count the other one's member of etcd.
        self.resetting = threading.Lock()

    def check(self, olds: Properties, news: Properties) -> tuple[Properties, list[Failure]]:
        """Refuse what nobody can do with data when the machine goes."""
        inputs, failures = super().check(olds, news)
        fate = plain(inputs.get("dataOnDestroy"))
        if isinstance(fate, str) and fate not in (KEEP, SWEEP):
            reason = f"data disks are left alone ({KEEP}) or wiped ({SWEEP}), not {fate!r}"
            failures.append(Failure("dataOnDestroy", reason))
        return inputs, failures

    def diff(
        self,
        identity: str,
        olds: Properties,
        old_inputs: Properties,
        news: Properties,
        ignore: Sequence[str],
    ) -> Diff:
        """As the inputs say; but a UUID that becomes known is the same machine's.

        And a box that waits where DHCP has put it has to be brought to its address again.
        """
        found = super().diff(identity, olds, old_inputs, news, ignore)
        replaces = tuple(
            path for path in found.replaces if path != "uuid" or found.detailed[path] is Kind.UPDATE
        )
        return Diff(
            replaces=replaces,
            delete_before_replace=bool(replaces),
            detailed=found.detailed,
            changes=found.changed or self.is_astray(news),
        )

    def is_astray(self, inputs: Properties) -> bool:
        """Whether nobody answers at the machine's address, and a blank box where DHCP puts it."""
        if has_unknown(inputs):
            return False
        wanted = plain(inputs)
        if isinstance(self.look(wanted["address"]), Answer):
            return False
        there = self.look(wanted["maintenanceAddress"])
        return isinstance(there, Answer) and there.is_blank

    def create(self, inputs: Properties, preview: bool, timeout: float) -> tuple[str, Properties]:
        """Have it answer at its address, blank or as this cluster's own."""
        if preview:
            return "", self.planned(inputs)
        self.adopt(plain(inputs), timeout)
        return str(plain(inputs["machine"])), inputs

    def adopt(self, wanted: Mapping[str, Any], timeout: float) -> None:
        """Wait until it answers at its address; `Refused` when it does not, or is another."""
        adoption = Adoption(wanted, self.look, self.reach, self.reach_blank)
        seconds = timeout or float(wanted["deadlineSeconds"])
        missing = missing_after(seconds, adoption.missing, pause=self.pause)
        if missing:
            raise Refused(adoption.told(missing, seconds))

    def update(
        self,
        id: str,  # noqa: A002
        olds: Properties,
        news: Properties,
        preview: bool,
        timeout: float,
    ) -> Properties:
        """Remember what a reset will need, and bring back a box that went astray."""
        if not preview and self.is_astray(news):
            self.adopt(plain(news), timeout)
            call = operation.current()
            call.warn(
                f"{id} was blank, and has been given its addresses again. If it has been a member "
                f"of the cluster before, have it join anew: pulumi up --replace '{call.urn}'"
            )
        return self.planned(news, olds)

    def delete(self, id: str, state: Properties, timeout: float) -> None:  # noqa: A002
        """Give it back blank, one machine at a time, unless its owner says that it is no more."""
        wanted = plain(state)
        if id in self.environment.get(LOST, "").replace(",", " ").split():
            operation.current().warn(
                f"{id} was not reset, because {LOST} names it. Should it ever be switched on "
                "again, it is a member of the old cluster, and keeps its keys: wipe it before, "
                'by booting it from a Talos stick and choosing "Reset Talos installation"'
            )
            return
        with self.one_at_a_time(id):
            reset = SafeReset(wanted, self.look, self.reach, self.reach_blank, self.pause)
            reset.until_blank(timeout or float(wanted["deadlineSeconds"]))

    @contextmanager
    def one_at_a_time(self, machine: str) -> Iterator[None]:
        """Wait for the reset of another machine."""
        call = operation.current()
        while not self.resetting.acquire(timeout=self.pause):
            call.status(f"{machine} is reset when the one before it is blank")
            call.check_cancelled()
        try:
            yield
        finally:
            self.resetting.release()
