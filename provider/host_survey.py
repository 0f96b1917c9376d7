"""A look at many hosts at once: who answers, whether it is the right box, and all that is wrong.

It waits for nobody and changes nothing; asking again those that were silent is its caller's loop.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provider.blank_machine import BlankMachine
from provider.host_check import box_findings
from provider.host_facts import Finding, Host, Image, block, system_findings
from provider.host_probe import system
from provider.rpc import Refused
from provider.rpc.parallel import at_once
from provider.talos_probe import Look
from provider.talosctl import TalosError

Reach = Callable[[str], BlankMachine]
Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Report:
    """What a host turned out to be: where it answered, and what is wrong with it."""

    where: str
    findings: Sequence[Finding] = ()


class Survey:
    """Hosts against their facts; `before` are those of the last run, by machine."""

    def __init__(
        self, look: Look, reach: Reach, wanted: Facts, before: Mapping[str, Facts]
    ) -> None:
        self.look, self.reach, self.before = look, reach, before
        self.authority = str(wanted["authority"])
        self.image = Image(
            version=wanted["talosVersion"],
            schematic=wanted["schematic"],
            extensions=frozenset(wanted["extensions"]),
            url=wanted["image"],
        )
        self.reports: dict[str, Report] = {}
        self.silent: dict[str, str] = {}

    def still_silent(self, hosts: Sequence[Facts]) -> dict[str, str]:
        """Ask those that have not answered; why they still do not, by machine.

        Nobody is missed once anything is wrong: a run that cannot go on waits for no box to boot.
        """
        pending = [item for item in hosts if item["machine"] not in self.reports]
        self.silent = {}
        for facts, found in zip(pending, at_once(self.seen, pending), strict=True):
            if isinstance(found, Report):
                self.reports[facts["machine"]] = found
            else:
                self.silent[facts["machine"]] = found
        return {} if self.wrong else self.silent

    @property
    def wrong(self) -> list[str]:
        """Machines about which something is wrong."""
        return [machine for machine, report in self.reports.items() if report.findings]

    def seen(self, facts: Facts) -> Report | str:
        """What a host is, or why nothing can be said of it yet."""
        host = Host.of(facts)
        at_home = self.look(host.address)
        if isinstance(at_home, str):
            return self.seen_blank(host, facts, at_home)
        if at_home.is_blank:
            return self.examined(host, host.address, facts.get("interface"))
        if not at_home.is_of(self.authority):
            return self.taken(host.address)
        if another_box(self.before.get(host.machine), facts):
            return self.seen_blank(host, facts, "there the box still runs that it had before")
        return Report(host.address)

    def seen_blank(self, host: Host, facts: Facts, at_home: str) -> Report | str:
        """What answers where DHCP puts the blank box, if not at its production address."""
        there = self.look(host.maintenance_address)
        if isinstance(there, str):
            return (
                f"nobody answers, blank, at {host.maintenance_address} ({there}) or at "
                f"{host.address} ({at_home})"
            )
        if there.is_blank:
            return self.examined(host, host.maintenance_address, facts.get("interface"))
        if there.is_of(self.authority):
            return self.doubled(host.maintenance_address)
        return self.taken(host.maintenance_address)

    def examined(self, host: Host, address: str, interface: str | None) -> Report | str:
        """A blank machine against the facts."""
        machine = self.reach(address)
        try:
            findings = box_findings(host, machine, [interface] if interface else [])
            running = system(machine)
        except TalosError as error:
            return str(error)
        return Report(address, [*findings, *system_findings(self.image, running)])

    def taken(self, address: str) -> Report:
        """Somebody else's machine, which nobody here may touch."""
        finding = Finding(
            "a machine of another cluster answers (its certificate is not of this cluster's "
            "authority)",
            "if it is the box that is meant, wipe it: `talosctl reset` with its own talosconfig, "
            f'or boot it from a stick with {self.image.url} and choose "Reset Talos installation"; '
            "if it is not, give one of the two another address",
        )
        return Report(address, [finding])

    def doubled(self, address: str) -> Report:
        """A configured machine of our own where a blank one was expected."""
        finding = Finding(
            "a machine of this very cluster answers there, configured already",
            "see which one it is (`talosctl get hostname`), and whether two machines of the facts "
            "or of the DHCP server share an address",
        )
        return Report(address, [finding])

    def refuse(self, hosts: Sequence[Facts], seconds: float) -> None:
        """Raise with everything that is wrong, host by host in their order."""
        blocks = [
            text for facts in hosts if (text := self.told(Host.of(facts), seconds)) is not None
        ]
        if not blocks:
            return
        count = f"{len(blocks)} of {len(hosts)} hosts {'is' if len(blocks) == 1 else 'are'}"
        raise Refused(
            "\n".join([f"{count} not ready for this stack; nothing was changed on any:", *blocks])
        )

    def told(self, host: Host, seconds: float) -> str | None:
        """What is wrong with one host; None when nothing is."""
        report = self.reports.get(host.machine)
        if report is not None:
            title = f"{host.machine}, at {report.where}"
            return block(title, report.findings) if report.findings else None
        how_long = (
            "; it was not waited for, because of the others"
            if self.wrong
            else f" for {seconds:.0f} s"
        )
        finding = Finding(
            f"{self.silent[host.machine]}{how_long}",
            f"switch it on, booted from a stick with {self.image.url}; if it is on, its screen "
            f"shows its address: the DHCP server has to give {host.maintenance_address} to "
            f"{host.mac.upper()}",
        )
        return block(host.machine, [finding])


def another_box(before: Facts | None, now: Facts) -> bool:
    """Whether the facts now mean another box than last time, which then must not be the old one."""
    if before is None:
        return False
    macs = [str(item["mac"]).lower() for item in (before, now)]
    uuids = [str(item.get("uuid") or "").lower() for item in (before, now)]
    return macs[0] != macs[1] or bool(uuids[0] and uuids[1] and uuids[0] != uuids[1])
