"""The stack of virtual machines, rehearsed as `make rehearse` does it, judged by its report.

One rehearsal serves all tests of this file: it takes a few minutes. One killed run and one fault
stand for all of them; the others are for `SCENARIOS=all`.
"""

import pytest

from tests.lab.rehearsing import Rehearsal, Report, rehearsed

pytestmark = [pytest.mark.lab, pytest.mark.timeout(2100)]

STACK = "test-cluster"
SCENARIOS = "core,cni-missing,kill-dns-record,fault-proxmox-rights"
LAYERS = ("auth", "infrastructure", "cni", "storage", "secrets", "gitops", "dns")


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Rehearsal:
    return rehearsed(tmp_path_factory.mktemp("ordinary"), STACK, SCENARIOS)


@pytest.fixture(scope="module")
def report(rehearsal: Rehearsal) -> Report:
    return rehearsal.report()


def test_the_core_cni_missing_a_killed_run_and_a_fault_pass(
    rehearsal: Rehearsal, report: Report
) -> None:
    rehearsal.insist_passed(report)


def test_a_destroy_leaves_nothing_in_any_vendors_world(report: Report) -> None:
    assert report["leftovers"] == 0


def test_a_second_up_changes_nothing(report: Report) -> None:
    assert report["secondUpChanges"] == 0


def test_the_next_cluster_has_the_same_identity(report: Report) -> None:
    assert report["identityStable"] is True


def test_the_report_says_where_every_program_plugin_and_chart_came_from(report: Report) -> None:
    assert {"pulumi", "talosctl", "etcd", "kube-apiserver", "helm"} <= report["tools"].keys()
    origins = {entry["origin"] for entry in report["providers"].values()}
    assert origins <= {"real", "stand-in"}
    assert {"talos", "proxmoxve", "kubernetes", "random"} <= report["providers"].keys()
    assert set(report["charts"].values()) <= {"real", "lab"}
    assert report["replaced"]


def test_every_stage_has_its_layer_and_its_times(rehearsal: Rehearsal, report: Report) -> None:
    rehearsal.insist_stages(report, LAYERS)


def test_the_critical_path_is_in_the_report_and_in_the_picture(
    rehearsal: Rehearsal, report: Report
) -> None:
    rehearsal.insist_picture(report)


def test_no_secret_is_printed_or_logged_in_clear(rehearsal: Rehearsal, report: Report) -> None:
    del report
    rehearsal.insist_no_secret()


def test_nothing_is_left_running_and_the_stacks_file_is_as_committed(
    rehearsal: Rehearsal, report: Report
) -> None:
    del report
    rehearsal.insist_nothing_left()
