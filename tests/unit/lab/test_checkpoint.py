"""What a killed run left open, as it lies in a file backend."""

import json
from pathlib import Path
from typing import Any

import pytest

from lab.checkpoint import Checkpoint

pytestmark = pytest.mark.unit


def backend(folder: Path, latest: dict[str, Any] | None) -> Checkpoint:
    stacks = folder / ".pulumi" / "stacks" / "hearth"
    stacks.mkdir(parents=True)
    document = {"version": 3, "checkpoint": {"stack": "home", "latest": latest}}
    (stacks / "home.json").write_text(json.dumps(document))
    return Checkpoint(folder.as_uri(), "hearth", "home")


def test_open_operations_are_read_with_what_they_do(tmp_path: Path) -> None:
    operations = [
        {"resource": {"urn": "a"}, "type": "creating"},
        {"resource": {"urn": "b"}, "type": "deleting"},
    ]
    checkpoint = backend(tmp_path, {"pending_operations": operations})
    assert checkpoint.pending() == ["a", "b"]


def test_a_stack_without_a_state_has_nothing_open(tmp_path: Path) -> None:
    assert backend(tmp_path, None).pending() == []
    assert Checkpoint((tmp_path / "none").as_uri(), "hearth", "home").pending() == []


def test_any_lock_of_the_stack_counts(tmp_path: Path) -> None:
    checkpoint = backend(tmp_path, None)
    assert not checkpoint.locked()
    locks = tmp_path / ".pulumi" / "locks" / "organization" / "hearth" / "home"
    locks.mkdir(parents=True)
    (locks / "0d5c.json").write_text("{}")
    assert checkpoint.locked()
