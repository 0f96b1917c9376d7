"""Building with the real Go, and every way in which Go can be missing or refuse."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lab.tools.ask import ask
from lab.tools.errors import ToolError
from lab.tools.gobuild import GoBuilder
from lab.tools.rows import GoBuild, Question
from tests.lab.tools_world import program
from tests.lab.waiting import wait_until

pytestmark = pytest.mark.lab

ROOT = Path(__file__).resolve().parents[2]
MAIN = """package main

import "os"

var version = "unset"

func main() { os.Stdout.WriteString("hello " + version + "\\n") }
"""


def _module(folder: Path, go_mod: str = "module hello\n\ngo 1.21\n", main: str = MAIN) -> GoBuild:
    folder.mkdir(exist_ok=True)
    (folder / "go.mod").write_text(go_mod)
    (folder / "main.go").write_text(main)
    return GoBuild(module=folder, package=".", binary="hello", ldflags="-X main.version=7")


def _needing_a_module(folder: Path) -> GoBuild:
    """Return a module that must download another, with nothing of it in any cache."""
    required = "module hello\n\ngo 1.21\n\nrequire example.com/absent v1.0.0\n"
    build = _module(folder, required, 'package main\n\nimport _ "example.com/absent"\n')
    absent = "example.com/absent v1.0.0"
    sums = f"{absent} h1:{'A' * 43}=\n{absent}/go.mod h1:{'A' * 43}=\n"
    (folder / "go.sum").write_text(sums)
    return build


def _run(build: GoBuild, into: Path, builder: GoBuilder) -> int:
    ticks: list[float] = []
    builder.build([build], into, into / "go.log", lambda: ticks.append(time.monotonic()))
    return len(ticks)


def _failure(build: GoBuild, into: Path, **environment: str) -> str:
    with pytest.raises(ToolError) as caught:
        _run(build, into, GoBuilder(environment=os.environ | environment))
    return str(caught.value)


def _ended(stat: Path) -> bool:
    try:
        return ") Z " in stat.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_module_is_built_and_stamped_with_its_version(tmp_path: Path) -> None:
    assert _run(_module(tmp_path / "module"), tmp_path, GoBuilder()) > 0
    question = Question(arguments=(), pattern=r"^hello (\S+)")
    assert ask(tmp_path / "hello", question) == "7"


def test_a_build_ends_with_the_run_that_started_it_also_when_that_is_killed(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    program(
        tmp_path / "bin",
        "go",
        f"#!/bin/sh\necho $$ > {pid}.new\nmv {pid}.new {pid}\nexec sleep 600\n",
    )
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    command = [sys.executable, "-m", "tests.lab.tools_world", str(tmp_path), "go"]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PATH": path}) as process:
        try:
            wait_until(pid.exists, "the build to start")
        finally:
            process.kill()
    stat = Path(f"/proc/{pid.read_text().strip()}/stat")
    wait_until(lambda: _ended(stat), "the build to end")


def test_a_machine_without_go_is_told_which_to_install(tmp_path: Path) -> None:
    said = _failure(_module(tmp_path / "m"), tmp_path, PATH=str(tmp_path))
    assert said.startswith("Go is not installed")
    assert "install Go 1.21 or newer from https://go.dev/dl" in said


def test_a_go_that_is_too_old_is_told_what_to_do(tmp_path: Path) -> None:
    build = _module(tmp_path / "m", "module hello\n\ngo 1.999\n")
    said = _failure(build, tmp_path, GOTOOLCHAIN="local")
    assert said.startswith("this Go is too old (requires go >= 1.999")
    assert str(tmp_path / "go.log") in said


def test_an_unreachable_module_proxy_is_named(tmp_path: Path) -> None:
    build = _needing_a_module(tmp_path / "m")
    said = _failure(
        build, tmp_path, GOPROXY="http://127.0.0.1:1", GOMODCACHE=str(tmp_path / "modules")
    )
    assert said.startswith("Go cannot reach the module proxy")


@pytest.fixture
def refusing_proxy() -> Iterator[str]:
    class Refusal(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(403)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            """Stay quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusal) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_module_the_proxy_refuses_is_named(tmp_path: Path, refusing_proxy: str) -> None:
    build = _needing_a_module(tmp_path / "m")
    said = _failure(build, tmp_path, GOPROXY=refusing_proxy, GOMODCACHE=str(tmp_path / "modules"))
    assert said.startswith("the Go module proxy refuses example.com/absent@v1.0.0 (403)")


def test_a_folder_without_a_module_is_named(tmp_path: Path) -> None:
    build = GoBuild(module=tmp_path / "gone", package=".", binary="x", ldflags="")
    assert "there is no Go module in" in _failure(build, tmp_path)


def test_a_compile_error_is_quoted_with_the_log(tmp_path: Path) -> None:
    said = _failure(_module(tmp_path / "m", main="package main\n\nfunc main() { x }\n"), tmp_path)
    assert "undefined: x" in said
    assert "undefined: x" in (tmp_path / "go.log").read_text()


def test_a_build_that_hangs_is_ended_with_everything_it_started(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    program(tmp_path / "bin", "go", f"#!/bin/sh\nsleep 600 &\necho $! > {pid}\nwait\n")
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    builder = GoBuilder(deadline=1.0, environment=os.environ | {"PATH": path})
    with pytest.raises(ToolError, match="took longer than 1 s"):
        _run(_module(tmp_path / "m"), tmp_path, builder)
    child = Path(f"/proc/{pid.read_text().strip()}/stat")
    wait_until(lambda: _ended(child), "the build's child to end")
