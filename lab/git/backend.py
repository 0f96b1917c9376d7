"""Git's own HTTP backend behind one request: a CGI program, run and read.

The protocol is Git's; nothing here knows packs or references.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab.git.repository import SECONDS, environment

_PASSED: Final = {
    "Content-Type": "CONTENT_TYPE",
    "Content-Encoding": "HTTP_CONTENT_ENCODING",
    "Git-Protocol": "GIT_PROTOCOL",
}


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a client asks; `service` is the path inside the repository."""

    method: str
    service: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What the backend answered."""

    status: int
    headers: dict[str, str]
    body: bytes


async def ask(repository: Path, question: Question) -> Reply:
    """Run `git http-backend` for one request."""
    headers, body = question.headers, question.body
    variables = {
        "GIT_PROJECT_ROOT": str(repository.parent),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{repository.name}/{question.service}",
        "QUERY_STRING": question.query,
        "REQUEST_METHOD": question.method,
        "CONTENT_LENGTH": str(len(body)),
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_USER": "lab",  # who may push; whoever reaches this address may
    }
    variables |= {name: headers[key] for key, name in _PASSED.items() if key in headers}
    process = await asyncio.create_subprocess_exec(
        *("git", "-c", "safe.directory=*", "http-backend"),
        env=environment(repository.parent) | variables,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(body), SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return _read(output)


def _read(output: bytes) -> Reply:
    """Split a CGI answer; one without a head is a backend that broke."""
    head, separator, body = output.partition(b"\r\n\r\n")
    if not separator:
        return Reply(500, {"Content-Type": "text/plain"}, b"git http-backend failed\n")
    pairs = [line.partition(": ")[::2] for line in head.decode().split("\r\n")]
    headers = {key: value for key, value in pairs if key.lower() != "status"}
    status = next((value for key, value in pairs if key.lower() == "status"), "200")
    return Reply(int(status.split()[0]), headers, body)
