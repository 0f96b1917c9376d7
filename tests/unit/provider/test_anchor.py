"""The anchor: a cluster's life, which no change of any input replaces."""

from typing import Any

import pytest

from provider.anchor import Anchor
from provider.rpc import UNKNOWN

pytestmark = pytest.mark.unit


def test_its_id_never_depends_on_its_inputs() -> None:
    made = {Anchor().create({"cluster": name}, False, 0.0)[0] for name in ("a", "b")}
    assert made == {"anchor"}


def test_a_preview_makes_nothing() -> None:
    assert Anchor().create({"cluster": "a"}, True, 0.0) == ("", {"cluster": "a"})


@pytest.mark.parametrize("news", [{"cluster": "b"}, {"cluster": UNKNOWN}, {}, {"new": 1}])
def test_no_change_replaces_it(news: dict[str, Any]) -> None:
    olds = {"cluster": "a"}
    diff = Anchor().diff("anchor", olds, olds, news, [])
    assert diff.changed
    assert list(diff.replaces) == []


def test_an_update_takes_the_new_name() -> None:
    assert Anchor().update("anchor", {}, {"cluster": "b"}, False, 0.0) == {"cluster": "b"}


def test_a_delete_is_never_refused() -> None:
    Anchor().delete("anchor", {"cluster": "a"}, 0.0)
