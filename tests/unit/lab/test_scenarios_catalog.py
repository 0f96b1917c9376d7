"""Scenario names are fixed, stacks run what they can, an edited file stays the same file."""

import re
from pathlib import Path

import pytest
import yaml

from lab.scenarios.catalog import CATALOG, CORE, chosen, divided, runnable
from lab.scenarios.facts_file import Facts, FactsFile, machine
from lab.scenarios.needs import Need, abilities
from tests.unit.components.committed import STACKS, cluster

pytestmark = pytest.mark.unit

README = Path(__file__).resolve().parents[3] / "README.md"
MADE, ADOPTED = abilities(cluster("test-cluster")), abilities(cluster("home-ops"))


def names(words: str, of: frozenset[Need] = MADE) -> list[str]:
    return [entry.name for entry in chosen(words, of)]


def test_the_core_is_create_second_up_refresh_destroy_recreate() -> None:
    assert CORE == ("create", "second-up", "refresh", "destroy", "recreate")
    assert names("core") == names("core", ADOPTED) == list(CORE)


@pytest.mark.parametrize("stack", STACKS)
def test_no_two_scenarios_of_a_stack_have_one_name(stack: str) -> None:
    able = abilities(cluster(stack))
    found = [entry.name for entry in CATALOG if entry.needs <= able]
    assert len(found) == len(set(found)) == len(runnable(able))


def test_every_scenario_can_be_run_by_a_committed_stack() -> None:
    assert all(entry.needs <= MADE or entry.needs <= ADOPTED for entry in CATALOG)


def test_a_stack_has_what_its_facts_say() -> None:
    assert {Need.PROXMOX, Need.WORKERS, Need.CSI, Need.ZONE} <= MADE
    assert {Need.METAL, Need.DATA_DISKS, Need.CLOUDFLARE} <= ADOPTED
    assert not ADOPTED & {Need.PROXMOX, Need.WORKERS, Need.CSI, Need.ZONE}


def test_all_is_what_a_stack_can_run_and_one_name_may_mean_another_thing_to_another() -> None:
    assert "csi-disk" in names("all")
    assert "csi-disk" not in names("all", ADOPTED)
    assert "readopt" in names("all", ADOPTED)
    assert "readopt" not in names("all")
    (made,), (adopted,) = (chosen("control-plane-replace", of) for of in (MADE, ADOPTED))
    assert made.run is not adopted.run


def test_a_scenario_that_a_stack_cannot_run_is_an_error_that_says_why() -> None:
    said = (
        r"^home-ops cannot run worker-add: it has no machines .*, no workers\. It can run: create"
    )
    with pytest.raises(ValueError, match=said):
        chosen("core,worker-add", ADOPTED, "home-ops")


def test_stacks_that_nobody_named_share_what_they_can_run() -> None:
    made, adopted = divided("csi-disk,readopt,create", [MADE, ADOPTED])
    assert [entry.name for entry in made] == ["create", "csi-disk"]
    assert [entry.name for entry in adopted] == ["create", "readopt"]


def test_a_scenario_that_none_of_them_can_run_is_an_error() -> None:
    with pytest.raises(ValueError, match="no committed stack can run csi-disk"):
        divided("csi-disk", [ADOPTED])


def test_scenarios_run_in_their_own_order_whatever_order_they_are_named_in() -> None:
    assert names("destroy, create") == ["create", "destroy"]


def test_an_unknown_scenario_is_named_beside_those_there_are() -> None:
    with pytest.raises(
        ValueError, match=r"no scenario creat; did you mean create.*create, second-up"
    ):
        chosen("creat", MADE)


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


def test_the_readme_says_what_each_scenario_proves() -> None:
    rows = re.findall(r"^\| ([a-z-]+) \|", README.read_text(), flags=re.MULTILINE)
    groups = ("fault-", "kill-")
    single = {entry.name for entry in CATALOG if not entry.name.startswith(groups)}
    assert single - set(rows) == set()
    assert set(rows) - single - {"scenario"} == set()
