# SPDX-License-Identifier: AGPL-3.0-or-later
"""How the host fetches an image: a real request to the URL it was given.

The URL is asked for real (the lab's image factory answers), so a wrong schematic fails here as it
fails on a host. Of the body only the size and the first bytes are kept: a qcow2 header says how
large the disk in it is. Nothing is written to disk. The factory also tells what an image carries.
"""

import ssl
import struct
from dataclasses import dataclass
from typing import Final

import aiohttp
import yaml
from yarl import URL

QCOW2_MAGIC: Final = b"QFI\xfb"
HEADER_BYTES: Final = 4096
SECONDS: Final = 60.0
# wget's exit statuses, which is all PVE tells of a failed download.
EXIT_NETWORK: Final = 4
EXIT_TLS: Final = 5
EXIT_ANSWER: Final = 8


class TransferError(Exception):
    """A download that failed, with wget's exit status."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Metadata:
    """What a HEAD request tells."""

    filename: str | None
    size: int | None
    mimetype: str | None


@dataclass(frozen=True)
class Download:
    """What came: the file's size, and the size of the disk inside."""

    size: int
    virtual_size: int


def virtual_size(header: bytes, size: int) -> int:
    """The disk's size in bytes as `qemu-img info` reads it; the file's own for a raw image."""
    if header[:4] == QCOW2_MAGIC and len(header) >= 32:
        return int(struct.unpack(">Q", header[24:32])[0])
    return size


async def metadata(url: str, *, verify: bool) -> Metadata:
    """Ask for a file's name, size and type; raises `TransferError`."""
    async with _session(verify=verify) as session:
        try:
            async with session.head(url, allow_redirects=True) as answer:
                if answer.status != 200:
                    reason = f"invalid server response: '{answer.status} {answer.reason}'"
                    raise TransferError(EXIT_ANSWER, reason)
                disposition = answer.content_disposition
                named = disposition.filename if disposition else None
                return Metadata(
                    filename=named or URL(url).name or None,
                    size=answer.content_length,
                    mimetype=answer.content_type,
                )
        except (aiohttp.ClientError, TimeoutError) as error:
            host = URL(url).host
            reason = f"invalid server response: '500 Can't connect to {host} ({error})'"
            raise TransferError(_exit_status(error), reason) from error


async def fetch(url: str, *, verify: bool) -> Download:
    """Download a file; raises `TransferError`."""
    async with _session(verify=verify) as session:
        try:
            async with session.get(url) as answer:
                if answer.status != 200:
                    reason = f"ERROR {answer.status}: {answer.reason}."
                    raise TransferError(EXIT_ANSWER, reason)
                header, size = b"", 0
                async for chunk in answer.content.iter_chunked(1 << 16):
                    header = (header + chunk)[:HEADER_BYTES]
                    size += len(chunk)
                return Download(size, virtual_size(header, size))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TransferError(_exit_status(error), str(error)) from error


async def extensions(origin: str, schematic: str) -> list[str]:
    """The system extensions in a schematic, from the factory that `origin` is a URL of."""
    base = URL(origin).origin()
    async with _session(verify=True) as session:
        try:
            async with session.get(base / "schematics" / schematic) as answer:
                if answer.status != 200:
                    raise TransferError(EXIT_ANSWER, f"ERROR {answer.status}: {answer.reason}.")
                read = yaml.safe_load(await answer.text()) or {}
        except (aiohttp.ClientError, TimeoutError, yaml.YAMLError) as error:
            raise TransferError(_exit_status(error), str(error)) from error
    chosen = (read.get("customization") or {}).get("systemExtensions") or {}
    return [str(name) for name in chosen.get("officialExtensions") or []]


def _session(*, verify: bool) -> aiohttp.ClientSession:
    context = ssl.create_default_context()  # reads SSL_CERT_FILE: the lab's authority
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context),
        timeout=aiohttp.ClientTimeout(total=SECONDS),
        auto_decompress=False,
    )


def _exit_status(error: Exception) -> int:
    return EXIT_TLS if isinstance(error, aiohttp.ClientSSLError) else EXIT_NETWORK
