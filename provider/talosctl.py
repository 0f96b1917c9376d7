"""Talos machines as our resources ask them: a small typed client over the `talosctl` on PATH.

One call is one run of talosctl against one machine, at its own address and with a deadline. The
credentials go through a file that has no name, so they are on no command line and stay on no disk.
Nothing is retried here, and nothing is decided: waiting and judging are the resources' work. What
talosctl prints is read in `talos_output`; machines without a configuration are `blank_machine`'s.
"""

import json
import os
import re
import shutil
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from provider import talos_output
from provider.rpc import Cancelled, Refused, life
from provider.talos_output import EtcdStatus, Member, Service

PROGRAM = "talosctl"
SECONDS = 20.0
# What a reset wipes and nothing else: configuration and identity, and the disk's own data.
WIPED = ("STATE", "EPHEMERAL")
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


class Asked(ABC):
    """What can be asked of every Talos machine, configured or not."""

    __slots__ = ()

    @abstractmethod
    def run(self, *arguments: str, timeout: float = SECONDS) -> str:
        """What talosctl prints; `TalosError` when it fails."""

    def get(self, kind: str, timeout: float = SECONDS) -> list[dict[str, Any]]:
        """All resources of a kind, each with its `metadata` and `spec`."""
        return talos_output.resources(self.run("get", kind, "--output", "json", timeout=timeout))


@dataclass(frozen=True, slots=True)
class Machine(Asked):
    """One machine, asked at its own address: no call depends on another machine's relaying it."""

    address: str
    credentials: Credentials
    program: str = PROGRAM

    def members(self, timeout: float = SECONDS) -> list[Member]:
        """etcd's members as this machine's own member knows them; an error when it has none."""
        return talos_output.members(self.run("etcd", "members", timeout=timeout))

    def etcd_status(self, timeout: float = SECONDS) -> EtcdStatus:
        """This machine's own member; an error when it has none."""
        found = talos_output.etcd_statuses(self.run("etcd", "status", timeout=timeout))
        if len(found) != 1:
            raise TalosError(f"talosctl told the status of {len(found)} members instead of one")
        return found[0]

    def version(self, timeout: float = SECONDS) -> str:
        """The Talos version that runs, as in v1.13.0."""
        return str(json.loads(self.run("version", "--json", timeout=timeout))["version"]["tag"])

    def service(self, name: str, timeout: float = SECONDS) -> Service | None:
        """A service's state; None when this machine has no such service."""
        found = talos_output.services(self.run("services", timeout=timeout))
        return next((item for item in found if item.name == name), None)

    def names_in(self, directory: str, timeout: float = SECONDS) -> set[str]:
        """What lies in a directory of the machine; an error when there is no such directory."""
        return talos_output.names(self.run("ls", directory, timeout=timeout))

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

    def reset(self, *, graceful: bool, disks: Sequence[str] = (), timeout: float = SECONDS) -> None:
        """Have it wipe `WIPED` and these disks (device paths), and reboot; says yes, then does it.

        The installed system and all other disks stay. `graceful`: it leaves etcd first, and does
        nothing when it cannot.
        """
        labels = [part for label in WIPED for part in ("--system-labels-to-wipe", label)]
        wiped = [part for disk in disks for part in ("--user-disks-to-wipe", disk)]
        how = f"--graceful={str(graceful).lower()}"
        self.run("reset", how, "--reboot", "--wait=false", *labels, *wiped, timeout=timeout)

    def run(self, *arguments: str, timeout: float = SECONDS) -> str:
        """What talosctl prints; `TalosError` when it fails, ends too late or warns of a failure."""
        with unnamed_file(self.credentials.talosconfig()) as descriptor:
            access = ["--talosconfig", f"/dev/fd/{descriptor}"]
            access += ["--endpoints", self.address, "--nodes", self.address]
            argv = [self.program, *arguments, *access]
            return launch(argv, self.address, timeout, [descriptor])


def launch(
    argv: Sequence[str], address: str, timeout: float, descriptors: Sequence[int] = ()
) -> str:
    """Run talosctl to its end; what it prints, or `TalosError` with the machine's address."""
    if shutil.which(argv[0]) is None:
        raise Refused(
            f"{argv[0]} is not on PATH, and machines are asked through it. Install the "
            "release that config/versions.py names from "
            "https://github.com/siderolabs/talos/releases and run again"
        )
    try:
        done = life.run(
            argv,
            timeout=timeout,
            pass_fds=descriptors,
            env={name: text for name, text in os.environ.items() if name != "TALOSCONFIG"},
        )
    except Cancelled:
        raise
    except Refused as late:
        raise TalosError(f"{address}: {late}", "DeadlineExceeded") from None
    # Asked through apid, a failure comes as a warning, and the exit status is 0. Other warnings
    # are harmless: a machine that is older than talosctl is one.
    if done.status != 0 or FAILED.search(done.stderr):
        raise failure(address, done.stderr)
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
