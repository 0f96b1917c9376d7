"""A protected stack's destroy meets a refusal before anything else."""

import pytest

from tests.graph import harness
from tests.graph.recorded import Graph, Registered

pytestmark = pytest.mark.graph


def first_refusal(graph: Graph) -> list[Registered]:
    return [item for item in graph.resources if item.name == "protection"]


def test_what_refuses_first_depends_on_everything_else(metal: Graph) -> None:
    (refusal,) = first_refusal(metal)
    assert refusal.request.protect
    others = {item.urn for item in metal.custom()} - {refusal.urn}
    assert set(refusal.request.dependencies) >= others


def test_a_stack_that_is_not_protected_refuses_nothing(graph: Graph) -> None:
    assert not first_refusal(graph)
    assert not [item.urn for item in graph.resources if item.request.protect]


def test_a_stack_whose_protection_is_taken_away_has_no_such_resource() -> None:
    settings = harness.changed("home-ops", lambda cluster: cluster.update(protected=False))
    assert not first_refusal(harness.run("home-ops", settings=settings))
