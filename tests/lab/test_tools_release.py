"""Official releases, from a real server on loopback: good, wrong, cut off, silent, absent."""

import hashlib
import io
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lab.tools.errors import ToolsMissing
from lab.tools.model import Progress, Tool
from lab.tools.recipe import this_platform
from lab.tools.release import Patience
from lab.tools.resolve import Surroundings, resolve
from lab.tools.rows import Release
from tests.lab.tools_world import ScriptBuilder, around, row, script

pytestmark = pytest.mark.lab

PROGRAM = script("1.2.3").encode()


def _tar(name: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tape:
        entry = tarfile.TarInfo(name)
        entry.size = len(PROGRAM)
        tape.addfile(entry, io.BytesIO(PROGRAM))
    return buffer.getvalue()


def _zip(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as box:
        box.writestr(name, PROGRAM)
    return buffer.getvalue()


FILES = {
    "/tool": PROGRAM,
    "/tool.tar.gz": _tar("linux/tool"),
    "/tool.zip": _zip("linux/tool"),
    "/broken.tar.gz": b"not an archive",
    "/cut-off": PROGRAM,
    "/silent": PROGRAM,
}


class Vendor(ThreadingHTTPServer):
    """Serves the files above, some of them badly."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.closing = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    server: Vendor

    def do_GET(self) -> None:
        body = FILES.get(self.path)
        if body is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if self.path not in {"/cut-off", "/silent"} else body[:10])
        self.wfile.flush()
        if self.path == "/silent":
            self.server.closing.wait(60)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Stay quiet."""


@pytest.fixture
def vendor() -> Iterator[str]:
    with Vendor() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.closing.set()
        server.shutdown()
        thread.join()


def _release(vendor: str, path: str, *, member: str | None = None, sha: str = "") -> Release:
    checksum = sha or hashlib.sha256(FILES.get(path, b"")).hexdigest()
    return Release(platform=this_platform(), url=f"{vendor}{path}", sha256=checksum, member=member)


def _get(root: Path, release: Release, patience: Patience | None = None) -> Tool:
    here = around(root)
    patient = Surroundings(
        cache=here.cache, builder=here.builder, folders="", patience=patience or Patience()
    )
    return resolve([row("tool", module=None, releases=(release,))], patient)["tool"]


@pytest.mark.parametrize(
    ("path", "member"),
    [("/tool", None), ("/tool.tar.gz", "linux/tool"), ("/tool.zip", "linux/tool")],
)
def test_a_release_with_the_pinned_checksum_is_taken(
    tmp_path: Path, vendor: str, path: str, member: str | None
) -> None:
    tool = _get(tmp_path, _release(vendor, path, member=member))
    assert tool.origin == "release"
    assert tool.path.read_bytes() == PROGRAM
    again = _get(tmp_path, _release(vendor, path, member=member))
    assert again.origin == "cache"


@pytest.mark.parametrize(
    ("path", "member", "sentence"),
    [
        ("/absent", None, "answered 404"),
        ("/cut-off", None, f"ended after 10 of {len(PROGRAM)} bytes"),
        ("/tool.tar.gz", "elsewhere/tool", "holds no file elsewhere/tool"),
        ("/tool.zip", "elsewhere/tool", "holds no file elsewhere/tool"),
        ("/broken.tar.gz", "linux/tool", "is no archive of its kind"),
    ],
)
def test_a_release_that_cannot_be_used_is_refused(
    tmp_path: Path, vendor: str, path: str, member: str | None, sentence: str
) -> None:
    with pytest.raises(ToolsMissing, match=sentence):
        _get(tmp_path, _release(vendor, path, member=member))
    _nothing_is_kept(tmp_path)


def test_a_release_with_another_checksum_is_thrown_away(tmp_path: Path, vendor: str) -> None:
    with pytest.raises(ToolsMissing, match="the file is thrown away"):
        _get(tmp_path, _release(vendor, "/tool", sha="0" * 64))
    _nothing_is_kept(tmp_path)


def _nothing_is_kept(root: Path) -> None:
    assert list((root / "cache" / "tools").glob("tool/*")) == []
    assert list((root / "cache" / "tools" / ".partial").iterdir()) == []


def test_a_silent_server_is_given_up_in_time(tmp_path: Path, vendor: str) -> None:
    started = time.monotonic()
    with pytest.raises(ToolsMissing, match="sent nothing for"):
        _get(tmp_path, _release(vendor, "/silent"), Patience(silence=0.5))
    assert time.monotonic() - started < 10


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ToolsMissing, match="cannot be reached"):
        _get(tmp_path, _release("http://127.0.0.1:1", "/tool"))


def test_a_release_for_another_platform_is_not_looked_at(tmp_path: Path, vendor: str) -> None:
    release = Release(platform="plan9-mips", url=f"{vendor}/tool", sha256="0" * 64)
    with pytest.raises(ToolsMissing, match="no release for"):
        _get(tmp_path, release)


def test_a_bad_release_is_reported_and_the_program_built_instead(
    tmp_path: Path, vendor: str
) -> None:
    said: list[Progress] = []
    releases = (_release(vendor, "/tool", sha="0" * 64),)
    here = around(tmp_path, ScriptBuilder())
    tools = resolve([row("tool", releases=releases)], here, said.append)
    assert tools["tool"].origin == "built"
    notes = [progress.note for progress in said if progress.note]
    assert len(notes) == 1
    assert "thrown away" in notes[0]
