"""The check of a blank box against its facts, as preflight and adoption both make it.

It asks the box and judges what it is made of; which Talos it runs is preflight's question alone.
"""

from collections.abc import Sequence

from provider.blank_machine import BlankMachine
from provider.disk_contents import content_findings
from provider.host_facts import Finding, Host, disk_findings, identity_findings, link_findings
from provider.host_probe import hardware, volumes


def box_findings(host: Host, machine: BlankMachine, links: Sequence[str]) -> list[Finding]:
    """All that is wrong with a box; `links` are the cards that addresses are given to, by name."""
    box = hardware(machine)
    found = volumes(machine) if host.data_disks else []
    return [
        *identity_findings(host, box),
        *link_findings(host, links, box),
        *disk_findings(host, box),
        *content_findings(host, box, found, machine.address),
    ]
