"""Every rule refuses what its fixtures show, says so in these words, and nothing else does."""

import pytest

from config.load import examine, read_stack_file, stack_paths
from config.rules import TYPE_RULES, over_cluster, over_stacks, over_versions, titles
from tests.unit.config.cases import HERE, Case, cases

pytestmark = pytest.mark.unit

INVALID = cases("invalid")
# What a type refuses leaves no cluster, so it cannot be switched off, except canonical-network.
SHAPE = {rule.id for rule in TYPE_RULES} - {"canonical-network"}
ROOT = HERE.parents[2]
FINDING_KEYS = ("path", "message", "fix")


def name(case: Case) -> str:
    return f"{case.rule}/{case.path.stem}"


@pytest.mark.parametrize("case", INVALID, ids=name)
def test_a_fixture_is_refused_with_the_words_it_expects(case: Case) -> None:
    keys = ("stack", "path", "message", "fix") if "beside" in case.spec else FINDING_KEYS
    found = [vars(finding) | {"path": finding.where} for finding in case.findings()]
    assert [{key: item[key] for key in keys} for item in found] == case.spec["expect"]


@pytest.mark.parametrize("case", INVALID, ids=name)
def test_a_fixture_breaks_the_rule_of_its_folder_alone(case: Case) -> None:
    assert {finding.rule for finding in case.findings()} == {case.rule}
    assert all(finding.message and finding.fix for finding in case.findings())


@pytest.mark.parametrize("case", [c for c in INVALID if c.rule not in SHAPE], ids=name)
def test_a_fixture_passes_with_its_rule_switched_off(case: Case) -> None:
    assert case.findings(off={case.rule}) == []


@pytest.mark.parametrize("case", [c for c in INVALID if c.rule not in SHAPE], ids=name)
def test_switching_all_other_rules_off_changes_nothing_for_a_fixture(case: Case) -> None:
    assert case.findings(off=set(titles()) - {case.rule}) == case.findings()


def test_every_rule_has_a_failing_fixture_and_every_fixture_a_rule() -> None:
    assert {case.rule for case in INVALID} == set(titles())


def test_rule_ids_are_unique_over_all_kinds() -> None:
    kinds = [*over_cluster.rules, *over_versions.rules, *over_stacks.rules]
    assert len(titles()) == len(TYPE_RULES) + len(kinds)


@pytest.mark.parametrize("case", cases("valid"), ids=lambda case: case.path.stem)
def test_a_valid_stack_passes(case: Case) -> None:
    assert case.findings() == []


@pytest.mark.parametrize("stack", stack_paths(ROOT))
def test_a_committed_stack_passes(stack: str) -> None:
    file = read_stack_file(stack_paths(ROOT)[stack])
    assert examine(file.cluster, stack)[1] == []


def test_committed_stacks_share_nothing() -> None:
    files = [read_stack_file(path) for path in stack_paths(ROOT).values()]
    stacks = {file.stack: examine(file.cluster, file.stack)[0] for file in files}
    assert len(stacks) >= 2
    assert over_stacks.run({stack: c for stack, c in stacks.items() if c}) == []
