"""What docs/dangers.md promises must exist: the scenarios and the tests that it names."""

import re
from pathlib import Path

import pytest

from lab.scenarios.catalog import CATALOG

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[3]
SHOWN = [
    line.split("|")[3]
    for line in (ROOT / "docs" / "dangers.md").read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| danger")
]
TEST = re.compile(r"(tests/[\w/]+\.py)(?:::(\w+))?")
SCENARIO = re.compile(r"`([a-z][a-z-]*)`")


def test_every_danger_says_what_would_fail() -> None:
    assert len(SHOWN) >= 16
    assert all(text.strip() for text in SHOWN)


def test_every_test_that_the_dangers_name_exists() -> None:
    missing = [
        f"{path}::{name}"
        for text in SHOWN
        for path, name in TEST.findall(text)
        if not (ROOT / path).is_file() or f"def {name}" not in (ROOT / path).read_text()
    ]
    assert not missing


def test_every_scenario_that_the_dangers_name_exists() -> None:
    known = {entry.name for entry in CATALOG}
    assert {name for text in SHOWN for name in SCENARIO.findall(text)} <= known
