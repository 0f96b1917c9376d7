"""What the real engine makes of a membership's options: who goes before whom, and who is asked.

A machine with what stands behind it, related as `components/infrastructure` relates them. The
engine looks up `replace_with` in a map without order, so a replacement is repeated.
"""

import sys
from pathlib import Path

import pytest

from tests.lab.plugin_project import PLUGINS, ROOT, Project
from tests.lab.tools_bin import tool

pytestmark = pytest.mark.lab

PROGRAM = """
import pulumi
from pulumi import ResourceOptions
class Thing(pulumi.CustomResource):
    def __init__(self, name, opts=None, shape=None):
        super().__init__("diary:index:Thing", name, {{"folder": {folder!r}, "shape": shape}}, opts)
anchor = Thing("anchor")
machine = Thing("machine", shape={shape!r}, opts=ResourceOptions(delete_before_replace=True))
config = Thing("config", opts=ResourceOptions(depends_on=[machine], replace_with=[machine]))
founded = Thing("founded", opts=ResourceOptions(depends_on=[config]))
inside = Thing("inside", opts=ResourceOptions(depends_on=[founded], deleted_with=anchor))
member = Thing("member", opts=ResourceOptions(
    depends_on=[config, founded], replace_with=[machine], deleted_with=anchor))
"""


class Diary:
    """A project whose plugin keeps a diary."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        executable = folder / "bin" / "pulumi-resource-diary"
        executable.parent.mkdir()
        script = ROOT / "tests" / "lab" / "diary_plugin.py"
        executable.write_text(
            f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -P {script} "$@"\n'
        )
        executable.chmod(0o755)
        path = f"{executable.parent}:{PLUGINS}:{tool('pulumi').parent}:/usr/bin:/bin"
        variables = {"PATH": path, "HEARTH_PYTHON": sys.executable}
        self.project = Project(folder / "project", variables)

    def wanted(self, shape: str) -> None:
        self.project.write(PROGRAM.format(folder=str(self.folder), shape=shape))

    def entries(self) -> list[str]:
        """What has been written since the last look."""
        file = self.folder / "diary"
        found = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return found


@pytest.fixture
def diary(tmp_path: Path) -> Diary:
    made = Diary(tmp_path)
    made.wanted("round")
    made.project.up().ok()
    made.entries()
    return made


def test_a_machine_that_is_made_anew_is_left_first_and_joined_last(diary: Diary) -> None:
    for shape in ("oval", "square", "flat"):
        diary.wanted(shape)
        diary.project.up().ok()
        entries = diary.entries()
        assert set(entries[:2]) == {"delete member", "delete config"}
        assert entries[2:] == ["delete machine", "create machine", "create config", "create member"]


def test_a_machine_that_may_not_leave_stays(diary: Diary) -> None:
    stays = diary.folder / "member stays"
    stays.touch()
    diary.wanted("oval")
    ended = diary.project.up()
    assert ended.status != 0
    assert "member stays, because it is told to" in ended.text
    assert "delete machine" not in diary.entries()
    assert {"machine", "member"} <= diary.project.resources().keys()
    stays.unlink()
    diary.project.up().ok()
    entries = diary.entries()
    assert entries.index("delete member") < entries.index("delete machine")
    assert entries[-1] == "create member"
    diary.project.up().ok()
    assert diary.entries() == []


def test_the_end_of_everything_asks_neither_the_member_nor_what_is_inside(diary: Diary) -> None:
    diary.project.run("destroy", "--yes", "--skip-preview").ok()
    entries = diary.entries()
    assert "delete machine" in entries
    assert "delete member" not in entries
    assert "delete inside" not in entries
