"""The Git server's SSH door: one user, one key, one repository, as a Git host's sshd has it.

Authentication is by public key alone; what a session may run are Git's two programs. Packs and
references are Git's. It deliberately offers no shell, no password, no forwarding.
"""

import asyncio
import contextlib
import json
import logging
import re
import shlex
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncssh

from lab.git.repository import Repository, environment
from lab.http_faults import Faults
from lab.serving import LOG_NAME, Address

METHOD: Final = "SSH"  # of faults that hit this door only, and in the log
USER: Final = "git"
CHUNK: Final = 65536
PROGRAMS: Final = ("git-upload-pack", "git-receive-pack")
# A Git host's own words (git.kernel.org's and GitHub's are the same but for the name).
NOT_FOUND: Final = "ERROR: Repository not found.\n"
NO_SHELL: Final = "Hi! You've successfully authenticated, but there is no shell access here.\n"
_PROTOCOL: Final = re.compile(r"version=\d+")  # what Git sends ahead in GIT_PROTOCOL


@dataclass(frozen=True, kw_only=True)
class Door:
    """Where it stands, how it proves itself, and whom it lets in."""

    listen: Address
    host_key: asyncssh.SSHKey
    client_key: asyncssh.SSHKey

    @classmethod
    def read(cls, listen: Address, host_key: Path, client_key: str) -> "Door":
        """A door whose keys are keys; `ValueError` says which is not."""
        try:
            own = asyncssh.read_private_key(host_key)
        except (asyncssh.KeyImportError, OSError) as error:
            raise ValueError(f"{host_key} is no private key: {error}") from None
        try:
            known = asyncssh.import_public_key(client_key)
        except asyncssh.KeyImportError as error:
            raise ValueError(f"--client-key is no public key of OpenSSH: {error}") from None
        return cls(listen=listen, host_key=own, client_key=known)


@asynccontextmanager
async def listening(door: Door, repository: Repository, faults: Faults) -> AsyncIterator[int]:
    """Serve the repository for as long as the block lasts; yields the port."""

    async def session(process: "asyncssh.SSHServerProcess[bytes]") -> None:
        await _Session(repository, faults, process).run()

    acceptor = await asyncssh.listen(
        door.listen.host,
        door.listen.port,
        server_factory=lambda: _Gate(door.client_key, faults),
        server_host_keys=[door.host_key],
        process_factory=session,
        encoding=None,
        allow_scp=False,
        agent_forwarding=False,
        x11_forwarding=False,
        password_auth=False,
        kbdint_auth=False,
    )
    try:
        yield acceptor.get_port()
    finally:
        acceptor.close()
        await acceptor.wait_closed()


class _Gate(asyncssh.SSHServer):
    """Who comes in: the user git, with exactly the one key."""

    def __init__(self, known: asyncssh.SSHKey, faults: Faults) -> None:
        self._known = known
        self._faults = faults

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """Hang up at once while the server is away, as sshd does when it takes no more."""
        if self._faults.take(METHOD, kinds={"unavailable"}):
            conn.abort()

    def public_key_auth_supported(self) -> bool:
        """The only way in."""
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Whether it is the deploy key; a server that denies knows it no more."""
        known = username == USER and key.public_data == self._known.public_data
        return known and not self._faults.take(METHOD, kinds={"denied"})


class _Session:
    """One command of one client."""

    def __init__(
        self,
        repository: Repository,
        faults: Faults,
        process: "asyncssh.SSHServerProcess[bytes]",
    ) -> None:
        self._repository = repository
        self._faults = faults
        self._process = process

    async def run(self) -> None:
        """Run what was asked for, and say in the log how that ended."""
        started = time.monotonic()
        program, path = _words(self._process.command or "")
        status = 255  # as ssh has it for a client that went away
        try:
            status = await self._answer(program, path)
            self._process.exit(status)
        finally:
            milliseconds = round((time.monotonic() - started) * 1000, 1)
            line = {"method": METHOD, "path": f"{path}/{program}", "status": status}
            logging.getLogger(LOG_NAME).info(json.dumps(line | {"ms": milliseconds}))

    async def _answer(self, program: str, path: str) -> int:
        if program not in PROGRAMS:
            return self._refused(NO_SHELL)
        fault = self._faults.take(METHOD, path, kinds={"missing", "slow"})
        if fault and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        if (fault and fault.kind == "missing") or not self._repository.is_called(path):
            return self._refused(NOT_FOUND)
        return await self._git(program)

    def _refused(self, said: str) -> int:
        self._process.stderr.write(said.encode())
        return 1

    async def _git(self, program: str) -> int:
        wanted = self._process.env.get("GIT_PROTOCOL", "")
        protocol = {"GIT_PROTOCOL": wanted} if _PROTOCOL.fullmatch(wanted) else {}
        child = await asyncio.create_subprocess_exec(
            *("git", "-c", "safe.directory=*", program.removeprefix("git-")),
            str(self._repository.path),
            env=environment(self._repository.directory) | protocol,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        feeding = asyncio.create_task(_fed(self._process.stdin, child.stdin))
        try:
            await asyncio.gather(
                _copied(child.stdout, self._process.stdout),
                _copied(child.stderr, self._process.stderr),
            )
            return await child.wait()
        finally:
            feeding.cancel()
            if child.returncode is None:
                child.kill()
                await child.wait()


async def _fed(source: "asyncssh.SSHReader[bytes]", target: asyncio.StreamWriter | None) -> None:
    """Hand on what the client says, until it has said all or nobody listens any more."""
    if target is None:
        return
    # Git ends when it has what it needs, which may be before its client stops.
    with contextlib.suppress(ConnectionError, asyncssh.Error):
        while chunk := await source.read(CHUNK):
            target.write(chunk)
            await target.drain()
    target.close()


async def _copied(source: asyncio.StreamReader | None, target: "asyncssh.SSHWriter[bytes]") -> None:
    """Hand on what Git says, no faster than the client takes it."""
    while source is not None and (chunk := await source.read(CHUNK)):
        target.write(chunk)
        await target.drain()


def _words(command: str) -> tuple[str, str]:
    """The program and the repository's path out of what a client asked to have run."""
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    return (words[0], words[1]) if len(words) == 2 else (command.partition(" ")[0], "")
