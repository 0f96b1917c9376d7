"""Talos machines as our resources ask them: a small typed client over the `talosctl` on PATH.

One call is one run of talosctl against one machine, at its own address and with a deadline. The
credentials go through a file that has no name, so they are on no command line and stay on no disk.
What talosctl only prints as a table is read by its columns. Nothing is retried here, and nothing
is decided: waiting and judging are the resources' work.
"""

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from provider.rpc import Cancelled, Refused, life

PROGRAM = "talosctl"
SECONDS = 20.0
HEADING = re.compile(r"\S+(?: \S+)*")
CODE = re.compile(r"code = (\w+)")
FAILED = re.compile(r"WARNING: \d+ errors? occurred")
# Codes of a machine that gave no answer, as opposed to one that said no.
SILENT = frozenset({"Unavailable", "DeadlineExceeded", "Canceled"})


class TalosError(Refused):
    """A call failed: talosctl's own words, and the gRPC code when there was one ("" else)."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code

    @property
    def unanswered(self) -> bool:
        """Whether nobody answered, so that nothing is known of the machine."""
        return self.code in SILENT


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """A client of the machines, PEM in base64 as the talosconfig has it."""

    ca: str
    certificate: str
    key: str

    @classmethod
    def of(cls, client: Mapping[str, str]) -> "Credentials":
        """From a plain `clientConfiguration` of the Talos provider."""
        return cls(client["caCertificate"], client["clientCertificate"], client["clientKey"])

    def talosconfig(self) -> bytes:
        """The file that talosctl reads; JSON is YAML too."""
        context = {"endpoints": [], "ca": self.ca, "crt": self.certificate, "key": self.key}
        return json.dumps({"context": "hearth", "contexts": {"hearth": context}}).encode()


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


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine, asked at its own address: no call depends on another machine's relaying it."""

    address: str
    credentials: Credentials
    program: str = PROGRAM

    def members(self, timeout: float = SECONDS) -> list[Member]:
        """etcd's members as this machine's own member knows them; an error when it has none."""
        return members(self.run("etcd", "members", timeout=timeout))

    def etcd_status(self, timeout: float = SECONDS) -> EtcdStatus:
        """This machine's own member; an error when it has none."""
        return etcd_status(self.run("etcd", "status", timeout=timeout))

    def version(self, timeout: float = SECONDS) -> str:
        """The Talos version that runs, as in v1.13.0."""
        return str(json.loads(self.run("version", "--json", timeout=timeout))["version"]["tag"])

    def service(self, name: str, timeout: float = SECONDS) -> Service | None:
        """A service's state; None when this machine has no such service."""
        found = services(self.run("services", timeout=timeout))
        return next((item for item in found if item.name == name), None)

    def names_in(self, directory: str, timeout: float = SECONDS) -> set[str]:
        """What lies in a directory of the machine; an error when there is no such directory."""
        return names(self.run("ls", directory, timeout=timeout))

    def bootstrap(self, timeout: float = SECONDS) -> None:
        """Have this machine found etcd; it refuses when it holds data of a member."""
        self.run("bootstrap", timeout=timeout)

    def forfeit_leadership(self, timeout: float = SECONDS) -> None:
        """Have another member lead; nothing when this one does not."""
        self.run("etcd", "forfeit-leadership", timeout=timeout)

    def leave_etcd(self, timeout: float = SECONDS) -> None:
        """Have this machine's member leave; its data is wiped."""
        self.run("etcd", "leave", timeout=timeout)

    def remove_member(self, member: str, timeout: float = SECONDS) -> None:
        """Take another machine's member, by its id, out of etcd."""
        self.run("etcd", "remove-member", member, timeout=timeout)

    def run(self, *arguments: str, timeout: float = SECONDS) -> str:
        """What talosctl prints; `TalosError` when it fails, ends too late or warns of a failure."""
        if shutil.which(self.program) is None:
            raise Refused(
                f"{self.program} is not on PATH, and machines are asked through it. Install the "
                "release that config/versions.py names from "
                "https://github.com/siderolabs/talos/releases and run again"
            )
        with unnamed_file(self.credentials.talosconfig()) as descriptor:
            access = ["--talosconfig", f"/dev/fd/{descriptor}"]
            access += ["--endpoints", self.address, "--nodes", self.address]
            try:
                done = life.run(
                    [self.program, *arguments, *access],
                    timeout=timeout,
                    pass_fds=[descriptor],
                    env={name: text for name, text in os.environ.items() if name != "TALOSCONFIG"},
                )
            except Cancelled:
                raise
            except Refused as late:
                raise TalosError(f"{self.address}: {late}", "DeadlineExceeded") from None
        # Asked through apid, a failure comes as a warning, and the exit status is 0. Other warnings
        # are harmless: a machine that is older than talosctl is one.
        if done.status != 0 or FAILED.search(done.stderr):
            raise failure(self.address, done.stderr)
        return done.stdout.decode(errors="replace")


@contextmanager
def unnamed_file(content: bytes) -> Iterator[int]:
    """A file that only holders of its descriptor can read, at its beginning."""
    if sys.platform == "linux":
        descriptor = os.memfd_create(PROGRAM)
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    try:
        with os.fdopen(descriptor, "r+b", closefd=False) as file:
            file.write(content)
            file.flush()
            file.seek(0)
        yield descriptor
    finally:
        os.close(descriptor)


def failure(address: str, stderr: str) -> TalosError:
    """talosctl's words as an error; the gRPC status, when there is one, without what led to it."""
    text = stderr.strip()
    at = text.find("rpc error:")
    code = CODE.search(text)
    words = text[at:] if at >= 0 else text
    return TalosError(f"{address}: {words or 'talosctl failed'}", code[1] if code else "")


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


def etcd_status(text: str) -> EtcdStatus:
    """`talosctl etcd status` of one machine."""
    rows = table(text)
    if len(rows) != 1:
        raise TalosError(f"talosctl told the status of {len(rows)} members instead of one")
    (row,) = rows
    return EtcdStatus(
        member=row["MEMBER"],
        leader=row["LEADER"],
        learner=row["LEARNER"] == "true",
        raft_term=int(row["RAFT TERM"]),
        raft_index=int(row["RAFT INDEX"]),
        raft_applied_index=int(row["RAFT APPLIED INDEX"]),
        errors=listed(row["ERRORS"]),
    )


def services(text: str) -> list[Service]:
    """`talosctl services` of one machine."""
    return [
        Service(name=row["SERVICE"], state=row["STATE"], health=row["HEALTH"])
        for row in table(text)
    ]


def listed(cell: str) -> tuple[str, ...]:
    """A cell with values between commas."""
    return tuple(part.strip() for part in cell.split(",") if part.strip())
