"""Documents as text: whichever writer PyYAML was built with, a preview shows the same."""

import pytest
import yaml

from components.infrastructure.patches import documents
from components.infrastructure.text import dumped
from tests.unit.components.committed import STACKS, cluster

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("stack", STACKS)
def test_both_writers_give_the_same_text_for_every_document_of_a_stack(stack: str) -> None:
    facts = cluster(stack)
    for machine in facts.machines:
        for document in documents(facts, machine, "factory.talos.dev/nocloud-installer/x:v1.13.0"):
            pure = yaml.dump(document, Dumper=yaml.SafeDumper, sort_keys=True, width=100)
            assert dumped(document) == pure


def test_awkward_texts_come_back_as_they_were() -> None:
    awkward = {
        "a": ["true", "1.0", "2026-11-21", "é", "line\nline\n", " x ", "", "x" * 300],
        "b": {},
    }
    assert yaml.safe_load(dumped(awkward)) == awkward
