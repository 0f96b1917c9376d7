"""Whatever a stack file holds, the answer is findings: no rule falls over another one's."""

from copy import deepcopy
from random import Random
from typing import Any

import pytest

from config.load import examine
from config.rules import Finding
from tests.unit.config.cases import base

pytestmark = pytest.mark.unit

JUNK: tuple[Any, ...] = (
    None,
    "",
    "x",
    0,
    -1,
    10**12,
    True,
    [],
    {},
    [None],
    {"x": 1},
    "10.0.0.1",
    "::1",
    "fd00::/8",
)


def nodes(data: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a tree."""
    items = list(data.items()) if isinstance(data, dict) else list(enumerate(data))
    deeper = [n for _, value in items if isinstance(value, dict | list) for n in nodes(value)]
    return [(data, key) for key, _ in items] + deeper


def mutated(data: Any, seed: int) -> Any:
    """A tree with a few values gone, repeated, replaced by junk or by a value from elsewhere."""
    data, chance = deepcopy(data), Random(seed)  # noqa: S311 - the same changes in every run
    for _ in range(chance.randint(1, 4)):
        container, key = chance.choice(nodes(data))
        other, other_key = chance.choice(nodes(data))
        change = chance.choice(("drop", "junk", "copy", "repeat"))
        if change == "drop":
            del container[key]
        elif change == "junk":
            container[key] = deepcopy(chance.choice(JUNK))
        elif change == "repeat" and isinstance(container, list):
            container.append(deepcopy(container[key]))
        else:
            container[key] = deepcopy(other[other_key])
    return data


@pytest.mark.parametrize("stack", ["test-cluster", "home-ops"])
@pytest.mark.parametrize("seed", range(30))
def test_any_change_of_a_stack_ends_in_findings_or_in_a_cluster(stack: str, seed: int) -> None:
    cluster, found = examine(mutated(base(stack), seed), stack)
    assert cluster is not None or found
    assert all(isinstance(finding, Finding) and finding.rule and str(finding) for finding in found)
