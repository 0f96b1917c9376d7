"""Both committed stacks' clusters for tests of pure parts, as they are or with facts changed."""

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from config.cluster import Cluster
from config.load import read_stack_file
from config.machines import Machine

ROOT = Path(__file__).resolve().parents[3]
STACKS = ("home-ops", "test-cluster")


@cache
def raw(stack: str) -> dict[str, Any]:
    """`hearth:cluster` as it stands in the file."""
    found = read_stack_file(ROOT / f"Pulumi.{stack}.yaml").cluster
    assert isinstance(found, dict)
    return found


@cache
def cluster(stack: str) -> Cluster:
    return Cluster.model_validate(raw(stack))


def edited(stack: str, change: Callable[[dict[str, Any]], object]) -> Cluster:
    """The cluster after `change` has had its way with the raw facts; no cross-checks."""
    facts = deepcopy(raw(stack))
    change(facts)
    return Cluster.model_validate(facts)


def machine(stack: str, name: str) -> Machine:
    return next(item for item in cluster(stack).machines if item.name == name)
