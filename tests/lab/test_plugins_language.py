"""The language host under the real engine: programs that run, and programs that fail."""

import importlib.metadata
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.plugin_project import Project
from tests.lab.waiting import wait_until

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("language"), {"HEARTH_PYTHON": sys.executable})


def test_a_program_sees_its_folder_its_configuration_and_its_own_modules(project: Project) -> None:
    project.run("config", "set", "plain", "one").ok()
    project.run("config", "set", "--secret", "hidden", "canary-config").ok()
    project.write("VALUE = 'from a module'\n", "beside.py")
    project.write(
        "import os, sys, pulumi, beside\n"
        "config = pulumi.Config()\n"
        "pulumi.export('here', os.getcwd())\n"
        "pulumi.export('plain', config.require('plain'))\n"
        "pulumi.export('hidden', config.require_secret('hidden'))\n"
        "pulumi.export('beside', beside.VALUE)\n"
        "pulumi.export('stack', pulumi.get_stack())\n"
        "pulumi.export('organization', pulumi.get_organization())\n"
        "print('said by the program')\n"
    )
    ended = project.up().ok()
    assert "said by the program" in ended.text
    assert "canary-config" not in ended.text + project.state_text()
    outputs = project.outputs()
    assert outputs["here"] == str(project.folder)
    assert (outputs["plain"], outputs["hidden"]) == ("one", "canary-config")
    assert (outputs["beside"], outputs["stack"]) == ("from a module", "dev")


@pytest.mark.parametrize(
    ("program", "shown", "not_shown"),
    [
        (
            "import pulumi\nraise pulumi.RunError('a.b is 3, must be odd')\n",
            "error: a.b is 3, must be odd",
            "Traceback",
        ),
        (
            "def wrong():\n    raise ValueError('kaputt')\nwrong()\n",
            "line 2, in wrong",
            "runpy",
        ),
        (
            "import pulumi\npulumi.Output.from_input(0).apply(lambda x: 1 / x)\n",
            "ZeroDivisionError: division by zero",
            "site-packages",
        ),
        ("def wrong(:\n", "SyntaxError: invalid syntax", "run_in_stack"),
        ("import sys\nsys.exit(3)\n", "Program exited with non-zero exit code: 3", "Traceback"),
        ("import sys\nsys.exit('not today')\n", "error: not today", "Traceback"),
    ],
)
def test_a_failing_program_shows_its_own_frames_and_none_of_ours(
    project: Project, program: str, shown: str, not_shown: str
) -> None:
    project.write(program)
    ended = project.run("preview")
    assert ended.status != 0
    assert shown in ended.text
    assert not_shown not in ended.text


def test_a_program_that_exits_with_zero_has_succeeded(project: Project) -> None:
    project.write("import sys\nsys.exit(0)\n")
    project.run("preview").ok()


def test_about_names_the_python_and_the_sdk(project: Project) -> None:
    text = project.run("about").ok().text
    version = importlib.metadata.version("pulumi")
    assert sys.executable in text
    assert f"language  python  {version}" in text


def test_a_killed_cli_leaves_no_process_of_a_plugin(project: Project, tmp_path: Path) -> None:
    started = tmp_path / "started"
    mark = f"HEARTH_TEST_MARK={tmp_path.name}"
    project.write(
        "import pathlib, time, pulumi, pulumi_random\n"
        "pulumi_random.RandomUuid('u')\n"
        "def hold(_):\n"
        f"    pathlib.Path({str(started)!r}).touch()\n"
        "    time.sleep(60)\n"
        "pulumi_random.RandomPet('p').id.apply(hold)\n"
    )
    name, _, value = mark.partition("=")
    child = subprocess.Popen(
        project.command("up", "--yes", "--skip-preview"),
        env={**project.environment(), name: value},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(started.exists, "the program to be held up")
        names = {command for command in _marked(mark) if "launch.py" in command}
        assert any("pulumi-resource-random" in command for command in names), names
        assert any("pulumi-language-python" in command for command in names), names
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait(10)
    wait_until(lambda: not _marked(mark), "every marked process to end", 10)
    project.run("cancel", "--yes").ok()


def _marked(mark: str) -> list[str]:
    """The command lines of processes that carry `mark` in their environment."""
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        try:
            environment = (process / "environ").read_bytes().split(b"\0")
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # gone, or somebody else's
            continue
        if mark.encode() in environment and command:
            found.append(command)
    return found
