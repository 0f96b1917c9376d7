"""What counts as a change, at which path, and what makes it a replacement."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.rpc.diff import Diff, Kind, compare, covers, field_wise, join, parts
from provider.rpc.wire import UNKNOWN, Secret, Value

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1}, {"a": 2}, {"a": Kind.UPDATE}),
        ({}, {"a": 1}, {"a": Kind.ADD}),
        ({"a": 1}, {}, {"a": Kind.DELETE}),
        ({"a": None}, {}, {}),
        ({"a": True}, {"a": 1}, {"a": Kind.UPDATE}),
        (
            {"a": {"b": [1, 2]}},
            {"a": {"b": [1, 3, 4]}},
            {"a.b[1]": Kind.UPDATE, "a.b[2]": Kind.ADD},
        ),
        ({"a": {"x.y": 1}}, {"a": {"x.y": 2}}, {'a["x.y"]': Kind.UPDATE}),
        ({"a": Secret("s")}, {"a": "s"}, {}),
        ({"a": Secret("s")}, {"a": Secret("t")}, {"a": Kind.UPDATE}),
        ({"a": 1}, {"a": UNKNOWN}, {"a": Kind.UPDATE}),
        ({"a": [1]}, {"a": {"b": 1}}, {"a": Kind.UPDATE}),
    ],
)
def test_every_changed_path_is_named(
    old: dict[str, Value], new: dict[str, Value], expected: dict[str, Kind]
) -> None:
    assert dict(compare(old, new)) == expected


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_a_path_comes_apart_into_the_keys_it_was_made_of(keys: list[str]) -> None:
    path = ""
    for key in keys:
        path = join(path, key)
    assert parts(path) == tuple(keys)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("a", "a", True),
        ("a", "a.b[0]", True),
        ("a.b", "a", False),
        ("a", "ab", False),
        ("a[*].c", "a[7].c", True),
        ("*", "anything.at[0].all", True),
    ],
)
def test_a_pattern_covers_what_lies_below_it(pattern: str, path: str, *, expected: bool) -> None:
    assert covers(pattern, path) is expected


def test_ignored_paths_do_not_count() -> None:
    diff = field_wise({"a": {"b": 1, "c": 1}}, {"a": {"b": 2, "c": 2}}, ignore=["a.b"])
    assert dict(diff.detailed) == {"a.c": Kind.UPDATE}


def test_a_change_at_a_declared_path_replaces() -> None:
    diff = field_wise({"a": {"b": 1}, "c": 1}, {"a": {"b": 2}, "c": 2}, replace_on=["a"])
    assert diff.replaces == ("a.b",)
    assert not diff.delete_before_replace


def test_adding_a_whole_object_touches_a_declared_path_inside_it() -> None:
    diff = field_wise({}, {"a": {"b": 2}}, replace_on=["a.b"], delete_before_replace=True)
    assert diff.replaces == ("a",)
    assert diff.delete_before_replace


def test_a_resource_may_know_of_a_change_that_no_input_shows() -> None:
    assert Diff(changes=True).changed
    assert not Diff().changed
