"""HostPreflight: whether every box of a stack is there, is the right one, and runs the right Talos.

One resource for all hosts, created before anything is applied to any: a person has to walk to the
boxes, so every mismatch of every host is told at once. It only asks. A host that this cluster has
configured already passes unseen; one that is blank is looked at through its maintenance mode, at
its production address when an `up` was interrupted, else where DHCP has put it.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from provider import talos_probe
from provider.blank_machine import BlankMachine
from provider.host_survey import Reach, Survey
from provider.rpc import UNKNOWN, LookOnly, Properties, has_unknown, plain
from provider.rpc.diff import compare
from provider.rpc.waiting import missing_after
from provider.talos_probe import Look

POLL_SECONDS = 1.0
Facts = Mapping[str, Any]


class HostPreflight(LookOnly):
    """Inputs: `hosts` [{machine, address, maintenanceAddress, mac, uuid, interface, installDisk,
    dataDisks [{name, match}]}], `talosVersion`, `schematic`, `extensions`, `image` (where the
    bootable image lies), `authority` (the cluster's, base64 of PEM), `deadlineSeconds`.

    A disk is meant by {model, serial, minSizeGib}; `uuid`, `interface` and `dataDisks` may be left
    out. Output `checked`: the machines' names.
    """

    required = (
        "hosts",
        "talosVersion",
        "schematic",
        "extensions",
        "image",
        "authority",
        "deadlineSeconds",
    )

    def __init__(
        self,
        look: Look = talos_probe.ask,
        reach: Reach = BlankMachine,
        pause: float = POLL_SECONDS,
    ) -> None:
        self.look, self.reach, self.pause = look, reach, pause

    def create(self, inputs: Properties, preview: bool, timeout: float) -> tuple[str, Properties]:
        """Check every host; the id stands for hosts that passed."""
        if preview:
            return "", outputs(inputs)
        wanted = plain(inputs)
        self.insist(wanted["hosts"], {}, wanted, timeout)
        return "passed", outputs(inputs)

    def update(
        self,
        id: str,  # noqa: A002
        olds: Properties,
        news: Properties,
        preview: bool,
        timeout: float,
    ) -> Properties:
        """Check the hosts that are new or whose facts have changed."""
        del id
        if not preview:
            wanted, before = plain(news), {item["machine"]: item for item in plain(olds)["hosts"]}
            changed = [
                item
                for item in wanted["hosts"]
                if any(compare(before.get(item["machine"], {}), item))
            ]
            self.insist(changed, before, wanted, timeout)
        return outputs(news)

    def insist(
        self, hosts: Sequence[Facts], before: Mapping[str, Facts], wanted: Facts, timeout: float
    ) -> None:
        """Wait until all of them have been looked at; `Refused` with everything that is wrong."""
        survey = Survey(self.look, self.reach, wanted, before)
        seconds = timeout or float(wanted["deadlineSeconds"])
        missing_after(
            seconds,
            partial(survey.still_silent, hosts),
            pause=self.pause,
            say=lambda silent: f"waiting for {', '.join(sorted(silent))} to answer",
        )
        survey.refuse(hosts, seconds)


def outputs(inputs: Properties) -> Properties:
    """The inputs, and whose hosts they are about."""
    hosts = plain(inputs)["hosts"]
    names = UNKNOWN if has_unknown(hosts) else [item["machine"] for item in hosts]
    return {**inputs, "checked": names}
