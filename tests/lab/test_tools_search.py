"""The order of the search, the cache, and what happens when runs are killed or meet."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from lab.tools import bin_directory, ensure
from lab.tools.cache import KEPT, MANIFEST, Cache
from lab.tools.errors import ToolsMissing
from lab.tools.model import Progress
from lab.tools.recipe import source_version
from lab.tools.resolve import resolve
from tests.lab.tools_world import ScriptBuilder, around, program, row, script
from tests.lab.waiting import wait_until

pytestmark = pytest.mark.lab

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def search(root: Path, mode: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "tests.lab.tools_world", str(root), mode]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _leftovers(root: Path) -> list[Path]:
    return list((root / "cache" / "tools" / ".partial").iterdir())


def test_a_program_on_path_in_the_right_version_wins(tmp_path: Path) -> None:
    there = program(tmp_path / "bin", "tool", script("1.2.3"))
    builder = ScriptBuilder()
    tools = resolve([row("tool")], around(tmp_path, builder, str(there.parent)))
    assert (tools["tool"].origin, tools["tool"].path) == ("path", there)
    assert builder.built == []


def test_a_program_without_a_question_is_built_though_one_is_on_path(tmp_path: Path) -> None:
    program(tmp_path / "bin", "tool", script("1.2.3"))
    own = replace(row("tool", version=source_version(Path("/no/module"))), question=None)
    tools = resolve([own], around(tmp_path, folders=str(tmp_path / "bin")))
    assert tools["tool"].origin == "built"


def test_sources_that_change_while_they_are_built_do_not_count(tmp_path: Path) -> None:
    own = replace(row("tool", version="of-other-sources"), question=None)
    with pytest.raises(ToolsMissing, match="changed while it was built: run this again"):
        resolve([own], around(tmp_path))
    assert around(tmp_path).cache.find(own) is None


def test_a_program_on_path_in_another_version_is_passed_over(tmp_path: Path) -> None:
    program(tmp_path / "old", "tool", script("1.2.2"))
    right = program(tmp_path / "new", "tool", script("1.2.3"))
    folders = f"{tmp_path / 'old'}:{tmp_path / 'new'}"
    assert resolve([row("tool")], around(tmp_path, folders=folders))["tool"].path == right
    tools = resolve([row("tool")], around(tmp_path, folders=str(tmp_path / "old")))
    assert tools["tool"].origin == "built"


def test_a_program_that_never_answers_is_passed_over_with_its_children(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    program(tmp_path / "bin", "tool", f"#!/bin/sh\nsleep 600 &\necho $! > {pid}\nwait\n")
    slow = around(tmp_path, folders=str(tmp_path / "bin"))
    hurried = type(slow)(
        cache=slow.cache, builder=slow.builder, folders=slow.folders, ask_deadline=1.0
    )
    assert resolve([row("tool")], hurried)["tool"].origin == "built"
    child = int(pid.read_text())
    wait_until(lambda: _gone(child), "the program's child to end")


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_what_was_built_is_in_the_cache_next_time(tmp_path: Path) -> None:
    builder = ScriptBuilder()
    first = resolve([row("tool")], around(tmp_path, builder))["tool"]
    second = resolve([row("tool")], around(tmp_path, builder))["tool"]
    assert (first.origin, second.origin) == ("built", "cache")
    assert first.path == second.path
    assert builder.built == [["tool"]]
    assert _leftovers(tmp_path) == []


def test_links_to_the_cache_on_path_do_not_count_as_an_installation(tmp_path: Path) -> None:
    built = resolve([row("tool")], around(tmp_path))
    shelf = bin_directory(built, tmp_path / "cache")
    assert (shelf / "tool").readlink() == built["tool"].path
    again = resolve([row("tool")], around(tmp_path, folders=str(shelf)))
    assert again["tool"].origin == "cache"


def test_a_shelf_holds_exactly_its_tools_and_is_mended(tmp_path: Path) -> None:
    built = resolve([row("one"), row("two")], around(tmp_path))
    shelf = bin_directory(built, tmp_path)
    (shelf / "one").unlink()
    program(shelf, "stranger", script("0"))
    assert bin_directory(built, tmp_path) == shelf
    assert {path.name for path in shelf.iterdir()} == {"one", "two"}
    assert [path.name for path in shelf.parent.iterdir()] == [shelf.name]


def test_a_truncated_program_or_a_lost_manifest_is_made_again(tmp_path: Path) -> None:
    builder = ScriptBuilder()
    path = resolve([row("tool")], around(tmp_path, builder))["tool"].path
    path.write_text("#!/bin/sh\n")
    assert resolve([row("tool")], around(tmp_path, builder))["tool"].origin == "built"
    (path.parent / MANIFEST).unlink()
    assert resolve([row("tool")], around(tmp_path, builder))["tool"].origin == "built"
    assert len(builder.built) == 3
    assert path.read_text() == script("1.2.3")


def test_a_full_look_finds_what_a_quick_one_cannot(tmp_path: Path) -> None:
    here = around(tmp_path)
    path = resolve([row("tool")], here)["tool"].path
    facts = path.stat()
    path.write_text(script("6.6.6"))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert here.cache.find(row("tool")) == path
    assert "has changed" in (here.cache.verify(row("tool")) or "")


def test_of_our_own_program_only_the_newest_few_are_kept(tmp_path: Path) -> None:
    source = tmp_path / "module" / "main.go"
    source.parent.mkdir()
    for number in range(KEPT + 2):
        source.write_text(f"package main // {number}\n")
        version = source_version(source.parent)
        own = replace(row("tool", version=version, module=source.parent), question=None)
        newest = resolve([own], around(tmp_path))["tool"].path
    entries = list((tmp_path / "cache" / "tools" / "tool").iterdir())
    assert len(entries) == KEPT
    assert newest.parent in entries


def test_rows_of_one_module_are_built_together_and_only_those_missing(tmp_path: Path) -> None:
    builder = ScriptBuilder()
    resolve([row("one")], around(tmp_path, builder))
    tools = resolve([row("one"), row("two"), row("three")], around(tmp_path, builder))
    assert builder.built == [["one"], ["two", "three"]]
    assert list(tools) == ["one", "two", "three"]


def test_the_failure_of_one_takes_nothing_from_the_others(tmp_path: Path) -> None:
    rows = [row("good"), row("bad", module=Path("/other/module"))]
    with pytest.raises(ToolsMissing) as caught:
        resolve(rows, around(tmp_path, ScriptBuilder(failing=["bad"])))
    assert set(caught.value.failures) == {"bad"}
    assert caught.value.found["good"].origin == "built"
    assert "all it said: " in caught.value.failures["bad"]
    assert _leftovers(tmp_path) == []


def test_a_program_that_was_built_with_a_wrong_stamp_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolsMissing, match=r"says it is 9\.9\.9, not 1\.2\.3"):
        resolve([row("tool")], around(tmp_path, ScriptBuilder(version="9.9.9")))
    assert around(tmp_path).cache.find(row("tool")) is None


def test_a_killed_build_never_counts_and_the_next_run_clears_it(tmp_path: Path) -> None:
    with search(tmp_path, "stuck") as process:
        wait_until((tmp_path / "half-built").exists, "the build to be half done")
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    assert len(_leftovers(tmp_path)) == 1
    assert Cache(tmp_path / "cache").find(row("tool", module=tmp_path)) is None
    with search(tmp_path, "plain") as process:
        output, _ = process.communicate(timeout=30)
    assert output.splitlines()[-1].startswith("built ")
    assert _leftovers(tmp_path) == []


def test_a_second_run_waits_for_the_first_and_takes_what_it_made(tmp_path: Path) -> None:
    with search(tmp_path, "stuck") as first:
        wait_until((tmp_path / "half-built").exists, "the first run to build")
        with search(tmp_path, "plain") as second:
            assert second.stdout is not None
            waiting = second.stdout.readline()
            (tmp_path / "go-on").touch()
            rest, _ = second.communicate(timeout=30)
        made, _ = first.communicate(timeout=30)
    assert waiting == f"waiting for another run (pid {first.pid}): tool\n"
    assert rest.splitlines()[-1].startswith("cache ")
    assert made.splitlines()[-1].startswith("built ")


def test_a_run_that_waits_too_long_says_for_whom(tmp_path: Path) -> None:
    with search(tmp_path, "stuck") as first:
        wait_until((tmp_path / "half-built").exists, "the first run to build")
        here = around(tmp_path)
        hurried = type(here)(cache=here.cache, builder=here.builder, folders="", lock_deadline=0.3)
        with pytest.raises(ToolsMissing, match=rf"another run \(pid {first.pid}\)"):
            resolve([row("tool")], hurried)


def test_a_full_disk_ends_in_one_sentence(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    search_there = f"{sys.executable} -m tests.lab.tools_world {small} large"
    mounted = f"mount -t tmpfs -o size=1m tmpfs {small} && exec {search_there}"
    result = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mounted],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 1, result.stderr
    assert result.stdout.splitlines()[-1].startswith("tool: no space left on the disk")
    assert result.stderr == ""


def test_progress_counts_every_program_once(tmp_path: Path) -> None:
    seen: list[Progress] = []
    rows = [row("one"), row("two", module=Path("/other")), row("three", module=Path("/other"))]
    resolve(rows, around(tmp_path), seen.append)
    settled = [(item.label, item.first, item.last, item.total) for item in seen if item.settled]
    assert settled == [("one", 1, 1, 3), ("two and 1 more", 2, 3, 3)]


def test_the_real_etcd_is_had_and_says_its_version() -> None:
    etcd = ensure(["etcd"])["etcd"]
    said = subprocess.run([etcd.path, "--version"], capture_output=True, timeout=20, check=True)
    assert said.stdout.decode().startswith(f"etcd Version: {etcd.version}\n")
