"""What the real engine makes of the answers of `provider.rpc`."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.plugin_project import PLUGINS, ROOT, Project
from tests.lab.tools_bin import tool
from tests.lab.waiting import wait_until

pytestmark = pytest.mark.lab

TOY = """
import pulumi, pulumi_random as random
config = pulumi.Config()
class Toy(pulumi.CustomResource):
    made: pulumi.Output[str]
    def __init__(self, name, opts=None, **inputs):
        super().__init__("toy:index:Toy", name, {**inputs, "made": None}, opts)
class Provider(pulumi.ProviderResource):
    def __init__(self, name, **inputs):
        super().__init__("toy", name, inputs)
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "bin"
    folder.mkdir()
    executable = folder / "pulumi-resource-toy"
    script = ROOT / "tests" / "lab" / "toy_plugin.py"
    executable.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -P {script} "$@"\n')
    executable.chmod(0o755)
    path = f"{folder}:{PLUGINS}:{tool('pulumi').parent}:/usr/bin:/bin"
    return Project(tmp_path / "project", {"PATH": path, "HEARTH_PYTHON": sys.executable})


def toy(mood: str, more: str = "") -> str:
    return f"{TOY}\npulumi.export('made', Toy('toy', mood={mood!r}{more}).made)\n"


def test_a_warning_stays_on_the_screen_and_a_secret_does_not(project: Project) -> None:
    project.write(toy("glad"))
    text = project.up().ok().text
    assert "warning: this toy talks" in text
    assert "canary-output" not in text + project.state_text()
    assert project.outputs() == {"made": "canary-output"}


def test_a_refusal_is_shown_as_its_sentence(project: Project) -> None:
    project.write(toy("refuses"))
    ended = project.up()
    assert ended.status != 0
    assert "error: not in this house" in ended.text
    assert "rpc error" not in ended.text


def test_a_fault_is_shown_as_one_line_that_names_the_log(project: Project) -> None:
    project.write(toy("broken"))
    ended = project.up()
    log = project.folder / "logs" / "toy.log"
    assert "the toy plugin failed in Create of toy (ZeroDivisionError). " in ended.text
    assert str(log) in ended.text
    assert "canary-fault" not in ended.text
    assert "canary-fault" in log.read_text()


def test_what_was_half_made_is_kept_and_put_right_by_the_next_run(project: Project) -> None:
    project.write(toy("half"))
    ended = project.up()
    assert ended.status != 0
    assert "the other half is missing" in ended.text
    assert project.resources()["toy"]["id"] == "toy-1"
    project.write(toy("glad"))
    assert "~ 1 updated" in project.up().ok().text


def test_a_change_at_a_replacing_path_replaces(project: Project) -> None:
    project.write(toy("glad", ", shape='round'"))
    project.up().ok()
    project.write(toy("glad", ", shape='square'"))
    assert "+-1 replaced" in project.up().ok().text


def test_a_provider_whose_inputs_are_not_known_yet_is_previewed_without_it(
    project: Project, tmp_path: Path
) -> None:
    log = tmp_path / "configured"
    project.write(
        f"{TOY}\n"
        f"p = Provider('p', key=random.RandomUuid('u').result, log={str(log)!r})\n"
        "Toy('toy', pulumi.ResourceOptions(provider=p), mood='glad')\n"
    )
    assert "+ 4 to create" in project.run("preview").ok().text
    assert not log.exists()
    assert "+ 4 created" in project.up().ok().text
    assert log.exists()


def test_a_function_answers_the_program(project: Project) -> None:
    project.write(
        f"{TOY}\n"
        "said = pulumi.runtime.invoke('toy:index:hello', {'name': 'you'}).value['said']\n"
        "pulumi.export('said', said)\n"
    )
    project.up().ok()
    assert project.outputs() == {"said": "hello you"}


def test_the_users_timeout_ends_a_wait(project: Project, tmp_path: Path) -> None:
    options = ", opts=pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create='1s'))"
    project.write(toy("waits", f", started={str(tmp_path / 'started')!r}{options}"))
    ended = project.up()
    assert ended.status != 0
    assert "timed out (customTimeouts of this resource)" in ended.text


def test_ctrl_c_ends_a_wait_in_order(project: Project, tmp_path: Path) -> None:
    started = tmp_path / "started"
    project.write(toy("waits", f", started={str(started)!r}"))
    child = subprocess.Popen(
        project.command("up", "--yes", "--skip-preview"),
        env=project.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_until(started.exists, "the toy to wait")
        child.send_signal(signal.SIGINT)
        text, _ = child.communicate(timeout=20)
    finally:
        child.kill()
        child.wait(10)
    assert "error: cancelled" in text
    assert "transport" not in text
    assert project.resources() == {}
