"""What a killed run can leave behind: `recover` has a row for everything the program makes."""

import pytest

from ops.recover.table import row_of
from tests.graph.recorded import Graph

pytestmark = pytest.mark.graph


def test_recover_knows_what_to_do_with_every_type_that_the_program_makes(graph: Graph) -> None:
    assert len(made_in(graph)) > 20
    assert sorted(kind for kind in made_in(graph) if row_of(kind) is None) == []


def test_recover_knows_every_type_of_a_stack_on_hosts_with_names_at_cloudflare(
    metal: Graph,
) -> None:
    assert any(kind.startswith("cloudflare:") for kind in made_in(metal))
    assert sorted(kind for kind in made_in(metal) if row_of(kind) is None) == []


def made_in(graph: Graph) -> set[str]:
    return {item.type for item in graph.resources if item.is_custom}
