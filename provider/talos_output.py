"""What talosctl prints, read: tables by their columns, and resources as it spells them in JSON.

Pure: text in, values out. No call is made here.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

HEADING = re.compile(r"\S+(?: \S+)*")


@dataclass(frozen=True, slots=True)
class Member:
    """A member of etcd; `id` in hexadecimal, `name` is empty until it has started."""

    id: str
    name: str
    peer_urls: tuple[str, ...]
    client_urls: tuple[str, ...]
    learner: bool


@dataclass(frozen=True, slots=True)
class EtcdStatus:
    """A member as it sees itself; `leader` is the member's id that leads, zeros when none does."""

    member: str
    leader: str
    learner: bool
    raft_term: int
    raft_index: int
    raft_applied_index: int
    errors: tuple[str, ...]

    @property
    def leads(self) -> bool:
        """Whether this member leads."""
        return self.member == self.leader


@dataclass(frozen=True, slots=True)
class Service:
    """A Talos service: `state` as in Running or Preparing, `health` as in OK, Fail or ?."""

    name: str
    state: str
    health: str


def table(text: str) -> list[dict[str, str]]:
    """Rows of a table by its headings; a cell may be empty, so columns are told by their place."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return []
    headings = [(found.start(), found[0]) for found in HEADING.finditer(lines[0])]
    ends = [start for start, _ in headings[1:]] + [None]
    return [
        {name: line[start:end].strip() for (start, name), end in zip(headings, ends, strict=True)}
        for line in lines[1:]
    ]


def names(text: str) -> set[str]:
    """`talosctl ls`: one name per line, behind the machine's own when apid tells it."""
    return {line.split()[-1] for line in text.splitlines() if line.strip()} - {"NAME", "."}


def members(text: str) -> list[Member]:
    """`talosctl etcd members`."""
    return [
        Member(
            id=row["ID"],
            name=row["HOSTNAME"],
            peer_urls=listed(row["PEER URLS"]),
            client_urls=listed(row["CLIENT URLS"]),
            learner=row["LEARNER"] == "true",
        )
        for row in table(text)
    ]


def etcd_statuses(text: str) -> list[EtcdStatus]:
    """`talosctl etcd status`, one per machine asked."""
    return [
        EtcdStatus(
            member=row["MEMBER"],
            leader=row["LEADER"],
            learner=row["LEARNER"] == "true",
            raft_term=int(row["RAFT TERM"]),
            raft_index=int(row["RAFT INDEX"]),
            raft_applied_index=int(row["RAFT APPLIED INDEX"]),
            errors=listed(row["ERRORS"]),
        )
        for row in table(text)
    ]


def services(text: str) -> list[Service]:
    """`talosctl services` of one machine."""
    return [
        Service(name=row["SERVICE"], state=row["STATE"], health=row["HEALTH"])
        for row in table(text)
    ]


def listed(cell: str) -> tuple[str, ...]:
    """A cell with values between commas."""
    return tuple(part.strip() for part in cell.split(",") if part.strip())


def resources(text: str) -> list[dict[str, Any]]:
    """`talosctl get ... --output json`: one document after the other, each with its `metadata`."""
    decoder, found = json.JSONDecoder(), []
    rest = text.strip()
    while rest:
        document, end = decoder.raw_decode(rest)
        found.append(document)
        rest = rest[end:].lstrip()
    return found
