"""The committed stack, rehearsed as `make rehearse` does it, and judged by what the report says.

One rehearsal serves all tests of this file: it takes a few minutes. One killed run and one fault
stand for all of them; the others are for `SCENARIOS=all`. It never runs as root: where the tests
do, an ordinary user runs it, in a copy of the project.
"""

import json
import os
import subprocess
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from lab.scenarios.catalog import chosen
from lab.world.inventory import members
from tests.lab.ordinary_user import ordinary_user

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500)]

ROOT = Path(__file__).resolve().parents[2]
STACK = "test-cluster"
KILL = "kill-dns-record"
FAULT = "fault-proxmox-rights"
SCENARIOS = f"core,cni-missing,{KILL},{FAULT}"
REHEARSAL_SECONDS = 1400
# Stages are timed when the engine's log is looked at, which is done in steps.
WATCHED_SECONDS = 0.2
SVG = "{http://www.w3.org/2000/svg}"
CANARIES = ("tskey-auth-lab", "AGE-SECRET-KEY-", "BEGIN OPENSSH PRIVATE KEY", "BEGIN PRIVATE KEY")


@dataclass(frozen=True)
class Rehearsal:
    """The tree that it ran in, and how it ended."""

    tree: Path
    done: "subprocess.CompletedProcess[str]"


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Rehearsal:
    argv, tree = [".venv/bin/python", "hearth", "rehearse", STACK], ROOT
    argv += ["--scenarios", SCENARIOS]
    if os.geteuid() == 0:
        user = ordinary_user(tmp_path_factory.mktemp("ordinary"))
        argv, tree = user.command(argv), user.tree
    (tree / ".lab" / "report.json").unlink(missing_ok=True)
    done = subprocess.run(
        argv,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=REHEARSAL_SECONDS,
        check=False,
    )
    return Rehearsal(tree=tree, done=done)


@pytest.fixture(scope="module")
def report(rehearsal: Rehearsal) -> dict[str, Any]:
    done = rehearsal.done
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    path = rehearsal.tree / ".lab" / "report.json"
    assert path.stat().st_uid != 0
    found: dict[str, Any] = json.loads(path.read_text())[STACK]
    return found


def test_the_core_cni_missing_a_killed_run_and_a_fault_pass(
    report: dict[str, Any],
) -> None:
    names = [entry["name"] for entry in report["scenarios"]]
    assert names == [entry.name for entry in chosen(SCENARIOS)]
    failed = [entry for entry in report["scenarios"] if not entry["passed"]]
    assert not failed


def test_a_destroy_leaves_nothing_in_any_vendors_world(report: dict[str, Any]) -> None:
    assert report["leftovers"] == 0


def test_a_second_up_changes_nothing(report: dict[str, Any]) -> None:
    assert report["secondUpChanges"] == 0


def test_the_next_cluster_has_the_same_identity(report: dict[str, Any]) -> None:
    assert report["identityStable"] is True


def test_the_report_says_where_every_program_plugin_and_chart_came_from(
    report: dict[str, Any],
) -> None:
    assert {"pulumi", "talosctl", "etcd", "kube-apiserver", "helm"} <= report["tools"].keys()
    origins = {entry["origin"] for entry in report["providers"].values()}
    assert origins <= {"real", "stand-in"}
    assert {"talos", "proxmoxve", "kubernetes", "random"} <= report["providers"].keys()
    assert set(report["charts"].values()) <= {"real", "lab"}
    assert report["replaced"]


def test_every_stage_has_its_layer_and_its_times(report: dict[str, Any]) -> None:
    layers = {stage["layer"] for stage in report["stages"]}
    expected = {"auth", "infrastructure", "cni", "storage", "secrets", "gitops", "dns"}
    assert expected <= layers
    assert all(0 <= stage["start"] <= stage["end"] for stage in report["stages"])


def test_the_critical_path_is_in_the_report_and_in_the_picture(
    rehearsal: Rehearsal, report: dict[str, Any]
) -> None:
    path = report["criticalPath"]
    ends = {stage["urn"]: (stage["start"], stage["end"]) for stage in report["stages"]}
    assert len(path["urns"]) > 5
    assert 0 < path["seconds"] <= report["createSeconds"]
    for before, after in pairwise(path["urns"]):
        assert ends[before][1] <= ends[after][0] + WATCHED_SECONDS
    drawn = ET.fromstring((rehearsal.tree / ".lab" / "timeline.svg").read_text())  # noqa: S314 (our own)
    marked = drawn.findall(f".//{SVG}rect[@class='path']")
    # One more stands in the legend.
    assert len(marked) == len(path["urns"]) + 1


def test_no_secret_is_printed_or_logged_in_clear(
    rehearsal: Rehearsal, report: dict[str, Any]
) -> None:
    del report
    texts = {"output": rehearsal.done.stdout + rehearsal.done.stderr}
    kept = rehearsal.tree / ".lab"
    folder = kept / STACK
    pictures = [kept / "timeline.svg", kept / "report.json"]
    for path in [*(folder / "engine").glob("*"), *(folder / "logs").glob("*"), *pictures]:
        if path.is_file():
            texts[path.name] = path.read_text(errors="replace")
    leaks = [f"{name}: {word}" for name, text in texts.items() for word in CANARIES if word in text]
    assert not leaks


def test_nothing_is_left_running_and_the_stacks_file_is_as_committed(
    rehearsal: Rehearsal, report: dict[str, Any]
) -> None:
    del report
    # Namespaces and ports go with the processes: the lab's live in namespaces of their own.
    # The rehearsal looks for its lab's mark itself; other worlds may run beside it.
    assert "left behind" not in rehearsal.done.stderr
    mine = str(rehearsal.tree / ".lab" / STACK)
    assert not [member for member in members() if mine in member.command]
    for name in (f"Pulumi.{STACK}.yaml", "Pulumi.yaml"):
        assert (rehearsal.tree / name).read_bytes() == (ROOT / name).read_bytes()
