"""Finding a blank box, making sure that it is the right one, and having it answer at its address.

One step at a time, so that its caller can wait in between. What it gives the box is an incomplete
configuration, host name and addresses: Talos 1.13 takes such a one in maintenance mode and stays
there (`stateMaintenance` in its `acquire.go`), so the box answers blank at its production address.
"""

from collections.abc import Callable, Mapping
from typing import Any

import yaml

from provider.blank_machine import BlankMachine
from provider.host_check import box_findings
from provider.host_facts import Host, block, identity_findings
from provider.host_probe import hardware
from provider.machine_answers import refuse_foreign
from provider.rpc import Refused
from provider.talos_probe import PORT, Answer, Look
from provider.talosctl import Credentials, Machine, TalosError


class Adoption:
    """One attempt at taking a host in."""

    def __init__(
        self,
        wanted: Mapping[str, Any],
        look: Look,
        reach: Callable[[str, Credentials], Machine],
        reach_blank: Callable[[str], BlankMachine],
    ) -> None:
        self.wanted, self.host = wanted, Host.of(wanted)
        self.look, self.reach, self.reach_blank = look, reach, reach_blank
        self.given = False

    def missing(self) -> str:
        """Go one step; what is missing still, "" when the machine answers at its address."""
        try:
            return self.step()
        except TalosError as error:
            if error.unanswered:
                return str(error)
            raise

    def step(self) -> str:
        """Look who answers where; `Refused` when it is somebody else."""
        host = self.host
        at_home = self.look(host.address)
        if isinstance(at_home, Answer):
            refuse_foreign(at_home, host.machine, host.address, self.wanted["authority"])
            if not at_home.is_blank:
                self.insist_own()
            elif not self.given:
                self.insist_blank(host.address)
            return ""
        there = self.look(host.maintenance_address)
        if isinstance(there, Answer) and not there.is_blank:
            raise Refused(self.not_blank())
        if isinstance(there, Answer) and not self.given:
            self.move()
        if self.given:
            return (
                f"{host.machine} was given its addresses and does not answer at {host.address} yet "
                f"({at_home})"
            )
        return (
            f"nobody answers, blank, at {host.maintenance_address} ({there}) or at "
            f"{host.address} ({at_home})"
        )

    def move(self) -> None:
        """Give the blank box its addresses, which takes it from where it was asked."""
        address = self.host.maintenance_address
        self.insist_blank(address)
        self.reach_blank(address).apply(self.wanted["network"])
        self.given = True

    def insist_blank(self, address: str) -> None:
        """`Refused` unless the blank box at an address is the right one, with its disks."""
        given = links(self.wanted["network"])
        if findings := box_findings(self.host, self.reach_blank(address), given):
            title = f"{self.host.machine} was not adopted. The blank box at {address}"
            raise Refused(block(title, findings))

    def insist_own(self) -> None:
        """`Refused` when this cluster's machine at the address is another box than is meant."""
        address = self.host.address
        own = self.reach(address, Credentials.of(self.wanted["clientConfiguration"]))
        if findings := list(identity_findings(self.host, hardware(own))):
            title = (
                f"{self.host.machine} was not adopted. The machine at {address} is of this cluster "
                "already"
            )
            raise Refused(block(title, findings))

    def not_blank(self) -> str:
        """The error when somebody configured answers where the blank box should."""
        host = self.host
        return (
            f"{host.machine} was not adopted: what answers at {host.maintenance_address} is not "
            "blank, but a member of some cluster.\nIf it is the box that is meant, wipe it with "
            "`talosctl reset` and its own talosconfig; if it is not, mend the DHCP reservation of "
            f"{host.mac.upper()}. Then run `pulumi up` again"
        )

    def told(self, missing: str, seconds: float) -> str:
        """The error when the time is up."""
        host = self.host
        way = self.wanted.get("hint") or (
            f"Switch it on, booted from its stick; the DHCP server has to give "
            f"{host.maintenance_address} to {host.mac.upper()}. Then run `pulumi up` again."
        )
        if self.given:
            way = (
                "Compare address, gateways and the card's name in its facts with the network that "
                f"its cable is in; switched off and on it is back at {host.maintenance_address}. "
                "Then run `pulumi up` again."
            )
        return (
            f"waited {seconds:.0f} s for {host.machine} to answer at {host.address}:{PORT}: "
            f"{missing}.\n{way}"
        )


def links(network: str) -> list[str]:
    """The links that documents of a configuration give addresses to, by name."""
    documents = [item for item in yaml.safe_load_all(network) if isinstance(item, dict)]
    aliases = {item.get("name") for item in documents if item.get("kind") == "LinkAliasConfig"}
    names = [str(item["name"]) for item in documents if item.get("kind") == "LinkConfig"]
    return [name for name in names if name not in aliases]
