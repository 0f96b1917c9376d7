"""Scenario names are fixed, and the file a scenario edits stays the same file."""

from pathlib import Path

import pytest
import yaml

from lab.scenarios.catalog import CATALOG, CORE, chosen
from lab.scenarios.facts_file import Facts, FactsFile, machine

pytestmark = pytest.mark.unit


def test_the_core_is_create_second_up_refresh_destroy_recreate() -> None:
    assert CORE == ("create", "second-up", "refresh", "destroy", "recreate")


def test_no_two_scenarios_have_one_name() -> None:
    names = [entry.name for entry in CATALOG]
    assert len(names) == len(set(names))


def test_scenarios_run_in_their_own_order_whatever_order_they_are_named_in() -> None:
    assert [entry.name for entry in chosen("destroy, create")] == ["create", "destroy"]


def test_an_unknown_scenario_is_named_beside_those_there_are() -> None:
    with pytest.raises(
        ValueError, match=r"no scenario creat; did you mean create.*create, second-up"
    ):
        chosen("creat")


def stack_file(folder: Path) -> FactsFile:
    path = folder / "Pulumi.home.yaml"
    facts = {"machines": [{"name": "cp1", "vm": {"cores": 4}}]}
    path.write_text(yaml.safe_dump({"encryptionsalt": "v1:x", "config": {"hearth:cluster": facts}}))
    return FactsFile(path=path)


def more_cores(facts: Facts) -> None:
    machine(facts, "cp1")["vm"]["cores"] = 6


def test_an_edit_changes_facts_and_nothing_else_in_the_very_same_file(tmp_path: Path) -> None:
    file = stack_file(tmp_path)
    inode = file.path.stat().st_ino
    file.edit(more_cores)
    document = yaml.safe_load(file.path.read_text())
    assert document["config"]["hearth:cluster"]["machines"][0]["vm"] == {"cores": 6}
    assert document["encryptionsalt"] == "v1:x"
    assert file.path.stat().st_ino == inode


def fail_while_edited(file: FactsFile) -> None:
    with file.edited(more_cores):
        file.edit(lambda facts: machine(facts, "cp9").clear())


def test_an_edit_for_a_while_is_undone_even_when_the_scenario_fails(tmp_path: Path) -> None:
    file = stack_file(tmp_path)
    before = file.path.read_text()
    with pytest.raises(KeyError, match="no machine cp9"):
        fail_while_edited(file)
    assert file.path.read_text() == before
