"""The stack of adopted hosts, rehearsed as `make rehearse` does it, judged by its report.

One rehearsal serves all tests of this file. One fault stands for all of them; the others, and the
killed runs, are for `SCENARIOS=all`.
"""

import pytest

from tests.lab.rehearsing import Rehearsal, Report, rehearsed

pytestmark = [pytest.mark.lab, pytest.mark.timeout(2100)]

STACK = "home-ops"
SCENARIOS = "core,cni-missing,fault-wrong-box"
LAYERS = ("auth", "infrastructure", "cni", "secrets", "gitops")


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Rehearsal:
    return rehearsed(tmp_path_factory.mktemp("ordinary"), STACK, SCENARIOS)


@pytest.fixture(scope="module")
def report(rehearsal: Rehearsal) -> Report:
    return rehearsal.report()


def said_of(report: Report, name: str) -> str:
    return next(str(item["detail"]) for item in report["scenarios"] if item["name"] == name)


def test_the_core_cni_missing_and_a_fault_pass(rehearsal: Rehearsal, report: Report) -> None:
    rehearsal.insist_passed(report)


def test_a_protected_stack_is_destroyed_only_after_it_was_unprotected(report: Report) -> None:
    assert "while the stack was protected; then " in said_of(report, "destroy")


def test_a_destroy_leaves_the_boxes_blank_and_their_data_alone(report: Report) -> None:
    assert report["leftovers"] == 0
    told = said_of(report, "destroy")
    assert "3 boxes blank, installed, at their DHCP addresses" in told
    assert "3 data volumes untouched" in told


def test_a_second_up_changes_nothing(report: Report) -> None:
    assert report["secondUpChanges"] == 0


def test_the_next_cluster_has_the_same_identity(report: Report) -> None:
    assert report["identityStable"] is True


def test_every_stage_has_its_layer_and_the_critical_path_is_drawn(
    rehearsal: Rehearsal, report: Report
) -> None:
    rehearsal.insist_stages(report, LAYERS)
    rehearsal.insist_picture(report)


def test_no_secret_is_printed_or_logged_in_clear(rehearsal: Rehearsal, report: Report) -> None:
    del report
    rehearsal.insist_no_secret()


def test_nothing_is_left_running_and_the_stacks_file_is_as_committed(
    rehearsal: Rehearsal, report: Report
) -> None:
    del report
    rehearsal.insist_nothing_left()
