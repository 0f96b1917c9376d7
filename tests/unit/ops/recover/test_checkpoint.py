"""A checkpoint whose writer was killed can be read again, and is never touched itself."""

import json
from pathlib import Path

import pytest

from ops.recover.checkpoint import mend

pytestmark = pytest.mark.unit

STATE = json.dumps({"version": 3, "checkpoint": {"stack": "home"}})
ATTRIBUTES = json.dumps({"user.content_type": "text/plain", "md5": "iCWz94w+fMA1R2rry+cEgg=="})


def folder(tmp_path: Path, attributes: str, *others: str) -> Path:
    (tmp_path / "home.json").write_text(STATE)
    (tmp_path / "home.json.bak").write_text(STATE)
    (tmp_path / "home.json.attrs").write_text(attributes)
    (tmp_path / "home.json.bak.attrs").write_text(ATTRIBUTES)
    for name in others:
        (tmp_path / name).write_text("{")
    return tmp_path


def names(place: Path) -> set[str]:
    return {path.name for path in place.iterdir()}


@pytest.mark.parametrize("cut", ["", ATTRIBUTES[:20]])
def test_attributes_that_were_cut_short_go_and_the_checkpoint_stays(
    tmp_path: Path, cut: str
) -> None:
    told = mend(folder(tmp_path, cut), "home")
    assert names(tmp_path) == {"home.json", "home.json.bak", "home.json.bak.attrs"}
    assert (tmp_path / "home.json").read_text() == STATE
    assert len(told) == 1
    assert "home.json.attrs" in told[0]


def test_a_checkpoint_that_was_never_finished_goes(tmp_path: Path) -> None:
    told = mend(folder(tmp_path, ATTRIBUTES, "home.json.18ea2800e3304785.tmp"), "home")
    assert "home.json.18ea2800e3304785.tmp" not in names(tmp_path)
    assert len(told) == 1


def test_a_whole_checkpoint_is_left_as_it_is(tmp_path: Path) -> None:
    before = names(folder(tmp_path, ATTRIBUTES))
    assert mend(tmp_path, "home") == []
    assert names(tmp_path) == before


def test_other_stacks_are_nobodys_business(tmp_path: Path) -> None:
    place = folder(tmp_path, ATTRIBUTES, "office.json.attrs", "office.json.1.tmp")
    assert mend(place, "home") == []
    assert {"office.json.attrs", "office.json.1.tmp"} <= names(place)


def test_a_stack_that_was_never_run_has_nothing_to_mend(tmp_path: Path) -> None:
    assert mend(tmp_path / "none", "home") == []
