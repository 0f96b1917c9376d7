"""The report of rehearsals that run side by side: nobody's part is lost, or seen half."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab.report import Report, Result, write

pytestmark = pytest.mark.unit

STACKS = ("home-ops", "test-cluster", "third")
TIMES = 40


def report(number: int) -> Report:
    results = [Result(name=f"s{n}", passed=True, seconds=1.0, detail="") for n in range(number)]
    return Report(tools={}, providers={}, charts={}, replaced=[], scenarios=results)


def write_often(path: Path, stack: str) -> None:
    for number in range(1, TIMES + 1):
        write(path, stack, report(number))
        seen = json.loads(path.read_text())[stack]
        assert len(seen["scenarios"]) == number


def test_runs_side_by_side_keep_each_others_stacks(tmp_path: Path) -> None:
    path = tmp_path / ".lab" / "report.json"
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda stack: write_often(path, stack), STACKS))
    found = json.loads(path.read_text())
    assert {stack: len(part["scenarios"]) for stack, part in found.items()} == dict.fromkeys(
        STACKS, TIMES
    )


def test_a_stack_that_is_rehearsed_again_has_its_last_report_alone(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write(path, "home-ops", report(3))
    write(path, "home-ops", report(1))
    assert len(json.loads(path.read_text())["home-ops"]["scenarios"]) == 1
