"""The committed schema is current, accepts what loads, and refuses what no type would take."""

import jsonschema
import pytest

from checks.config import RULES_FILE, rules_text
from config.load import stack_paths
from config.rules import titles
from config.schema import FIRST_LINE, SCHEMA_FILE, schema_text, stack_schema
from config.yaml_text import parse
from tests.unit.config.cases import HERE, Case, cases, raw

pytestmark = pytest.mark.unit

ROOT = HERE.parents[2]
VALIDATOR = jsonschema.Draft202012Validator(stack_schema())


def mistakes(data: object) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(data)]


def test_the_committed_schema_is_current() -> None:
    assert (ROOT / SCHEMA_FILE).read_text() == schema_text(), "run `./hearth config schema`"


def test_the_committed_list_of_rules_is_current() -> None:
    assert (ROOT / RULES_FILE).read_text() == rules_text(), "run `./hearth config schema`"
    assert all(f"| `{rule}` |" in rules_text() for rule in titles())


@pytest.mark.parametrize("stack", stack_paths(ROOT))
def test_a_committed_stack_validates_and_names_the_schema(stack: str) -> None:
    text = stack_paths(ROOT)[stack].read_text()
    assert text.splitlines()[0] == FIRST_LINE
    assert mistakes(parse(text, stack)) == []


@pytest.mark.parametrize("case", cases("valid"), ids=lambda case: case.path.stem)
def test_what_loads_validates(case: Case) -> None:
    assert mistakes({"config": {"hearth:cluster": raw(case.spec)}}) == []


@pytest.mark.parametrize("rule", ["unknown-key", "missing-key"])
def test_unknown_and_missing_keys_are_seen_by_editors(rule: str) -> None:
    for case in cases(f"invalid/{rule}"):
        assert mistakes({"config": {"hearth:cluster": raw(case.spec)}}), case.path


def test_a_secret_in_plain_text_is_refused() -> None:
    config = {"hearth:cluster": raw({"base": "test-cluster"}), "hearth:proxmoxToken": "x@pve!y=z"}
    assert mistakes({"config": config})


def test_keys_of_other_programs_are_none_of_its_business() -> None:
    config = {"hearth:cluster": raw({"base": "test-cluster"}), "pulumi:tags": {"a": "b"}}
    assert mistakes({"config": config}) == []
    assert mistakes({"config": config | {"hearth:clustr": {}}})
