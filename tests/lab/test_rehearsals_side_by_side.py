"""Both stacks rehearsed at once on one machine, in one tree: neither is in the other's way.

Each in a process of its own, with a scenario that takes seconds: worlds, folders and the report
are what could collide, not what the program builds.
"""

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.lab.rehearsing import Rehearsal, ended, tree_in

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

WANTED = {"test-cluster": "fault-proxmox-rights", "home-ops": "fault-wrong-uuid"}


@pytest.fixture(scope="module")
def rehearsals(tmp_path_factory: pytest.TempPathFactory) -> list[Rehearsal]:
    tree = tree_in(tmp_path_factory.mktemp("ordinary"))
    (tree.folder / ".lab" / "report.json").unlink(missing_ok=True)
    running = {stack: tree.start(stack, name) for stack, name in WANTED.items()}
    with ExitStack() as stopped:
        for process in running.values():
            stopped.callback(process.kill)
        return [
            Rehearsal(tree=tree, stack=stack, scenarios=WANTED[stack], done=ended(process))
            for stack, process in running.items()
        ]


def test_both_pass_and_the_report_has_both(rehearsals: list[Rehearsal]) -> None:
    for rehearsal in rehearsals:
        rehearsal.insist_passed(rehearsal.report())
    assert set(rehearsals[0].tree.reports()) == set(WANTED)


def test_each_keeps_its_files_in_a_folder_of_its_own(rehearsals: list[Rehearsal]) -> None:
    for rehearsal in rehearsals:
        folder: Path = rehearsal.kept / rehearsal.stack
        assert (folder / "engine").is_dir()
        assert (folder / f"Pulumi.{rehearsal.stack}.yaml").is_file()


def test_nothing_of_either_is_left_running(rehearsals: list[Rehearsal]) -> None:
    for rehearsal in rehearsals:
        rehearsal.insist_nothing_left()
