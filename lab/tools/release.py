"""Fetching an official release: the file the row names, and nothing that has another checksum.

It never follows a "latest" and never keeps a file it could not prove.
"""

import http.client
import tarfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab.tools.cache import sha256
from lab.tools.errors import ToolError
from lab.tools.rows import Release

_CHUNK = 1 << 18


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a download may take in all, and how long it may be silent. Seconds."""

    total: float = 1200.0
    silence: float = 30.0


def fetch(
    release: Release, into: Path, tick: Callable[[], None], patience: Patience | None = None
) -> Path:
    """Download, check and unpack; return the program inside `into`."""
    patience = patience or Patience()
    archive = into / release.url.rsplit("/", 1)[-1]
    try:
        _download(release.url, archive, tick, patience)
    except urllib.error.HTTPError as error:
        error.close()
        raise ToolError(
            f"{release.url} answered {error.code} {error.reason}: correct the row's URL in"
            " lab/tools/catalog.py"
        ) from None
    except TimeoutError:
        raise ToolError(
            f"{release.url} sent nothing for {patience.silence:.0f} s: try again, or set"
            " HTTPS_PROXY when the network needs one"
        ) from None
    except urllib.error.URLError as error:
        raise ToolError(
            f"{release.url} cannot be reached ({error.reason}): check the network, or set"
            " HTTPS_PROXY when it needs one"
        ) from None
    except (http.client.HTTPException, ConnectionError) as error:
        raise ToolError(f"{release.url} broke off ({error}): try again") from None
    seen = sha256(archive)
    if seen != release.sha256:
        raise ToolError(
            f"{release.url} has SHA-256 {seen}, the row in lab/tools/catalog.py pins"
            f" {release.sha256}: the file is thrown away; find out which of the two is right"
        )
    return _unpack(archive, release.member, into)


def _download(url: str, target: Path, tick: Callable[[], None], patience: Patience) -> None:
    end = time.monotonic() + patience.total
    request = urllib.request.Request(url, headers={"User-Agent": "hearth"})  # noqa: S310 - the catalog's own
    with urllib.request.urlopen(request, timeout=patience.silence) as response:  # noqa: S310
        expected = response.headers.get("Content-Length")
        received = 0
        with target.open("wb") as file:
            while chunk := response.read1(_CHUNK):
                received += file.write(chunk)
                tick()
                if time.monotonic() > end:
                    raise ToolError(
                        f"{url} took longer than {patience.total:.0f} s ({received} bytes came):"
                        " try again on a faster line"
                    )
    if expected is not None and received != int(expected):
        raise ToolError(f"{url} ended after {received} of {expected} bytes: try again")


def _unpack(archive: Path, member: str | None, into: Path) -> Path:
    program = into / "program"
    if member is None:
        return archive.rename(program)
    extract = _from_zip if archive.name.endswith(".zip") else _from_tar
    try:
        found = extract(archive, member, program)
    except (tarfile.TarError, zipfile.BadZipFile) as error:
        raise ToolError(f"{archive.name} is no archive of its kind ({error})") from None
    if not found:
        raise ToolError(
            f"{archive.name} holds no file {member}: correct `member` in lab/tools/catalog.py"
        )
    return program


def _from_zip(archive: Path, member: str, target: Path) -> bool:
    with zipfile.ZipFile(archive) as box:
        if member not in box.namelist():
            return False
        with box.open(member) as source:
            _copy(source.read, target)
    return True


def _from_tar(archive: Path, member: str, target: Path) -> bool:
    with tarfile.open(archive) as tape:
        source = tape.extractfile(member) if member in tape.getnames() else None
        if source is None:
            return False
        with source:
            _copy(source.read, target)
    return True


def _copy(read: Callable[[int], bytes], target: Path) -> None:
    with target.open("wb") as file:
        while chunk := read(_CHUNK):
            file.write(chunk)
