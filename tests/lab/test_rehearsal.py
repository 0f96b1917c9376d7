"""The committed stack, rehearsed as `make rehearse` does it, and judged by what the report says.

One rehearsal serves all tests of this file: it takes a few minutes. One killed run stands for all
of them; the others are for `SCENARIOS=all`.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lab.scenarios.catalog import CORE
from lab.world.inventory import members

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500)]

ROOT = Path(__file__).resolve().parents[2]
STACK = "test-cluster"
KILL = "kill-identity-secret"
REHEARSAL_SECONDS = 1400
CANARIES = ("tskey-auth-lab", "AGE-SECRET-KEY-", "BEGIN OPENSSH PRIVATE KEY", "BEGIN PRIVATE KEY")


@pytest.fixture(scope="module")
def rehearsal() -> "subprocess.CompletedProcess[str]":
    (ROOT / ".lab" / "report.json").unlink(missing_ok=True)
    return subprocess.run(
        [sys.executable, "hearth", "rehearse", STACK, "--scenarios", f"core,cni-missing,{KILL}"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=REHEARSAL_SECONDS,
        check=False,
    )


@pytest.fixture(scope="module")
def report(rehearsal: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    assert rehearsal.returncode == 0, rehearsal.stdout[-6000:] + rehearsal.stderr[-2000:]
    found: dict[str, Any] = json.loads((ROOT / ".lab" / "report.json").read_text())[STACK]
    return found


def test_every_core_scenario_cni_missing_and_a_killed_run_pass(report: dict[str, Any]) -> None:
    names = [entry["name"] for entry in report["scenarios"]]
    assert [*CORE, "cni-missing", KILL] == names
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


def test_no_secret_is_printed_or_logged_in_clear(
    rehearsal: "subprocess.CompletedProcess[str]", report: dict[str, Any]
) -> None:
    del report
    texts = {"output": rehearsal.stdout + rehearsal.stderr}
    folder = ROOT / ".lab" / STACK
    for path in [*(folder / "engine").glob("*"), *(folder / "logs").glob("*")]:
        if path.is_file():
            texts[path.name] = path.read_text(errors="replace")
    leaks = [f"{name}: {word}" for name, text in texts.items() for word in CANARIES if word in text]
    assert not leaks


def test_nothing_is_left_running_and_the_stacks_file_is_as_committed(
    report: dict[str, Any],
) -> None:
    del report
    # Namespaces and ports go with the processes: the lab's live in namespaces of their own.
    assert not [member for member in members() if member.lab.startswith(f"{STACK}-")]
    status = subprocess.run(
        ["git", "status", "--porcelain", "--", f"Pulumi.{STACK}.yaml", "Pulumi.yaml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert not status.stdout
