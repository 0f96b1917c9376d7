"""What a killed run can leave behind: `recover` has a row for everything the program makes."""

import pytest

from ops.recover.table import row_of
from tests.graph.recorded import Graph

pytestmark = pytest.mark.graph


def test_recover_knows_what_to_do_with_every_type_that_the_program_makes(graph: Graph) -> None:
    made = {item.type for item in graph.resources if item.is_custom}
    assert len(made) > 20
    assert sorted(kind for kind in made if row_of(kind) is None) == []
