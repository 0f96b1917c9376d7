"""Near misses are proposed, and real keys that merely look alike are not taken for misspelt."""

import pytest

from config.rules.cni import chart_keys
from config.spelling import distance, meant, near_miss
from config.versions import CILIUM

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [("", "", 0), ("abc", "", 3), ("abc", "abd", 1), ("abc", "acb", 1), ("abcd", "abd", 1)],
)
def test_edits_are_counted_with_swapped_neighbours_as_one(one: str, other: str, edits: int) -> None:
    assert distance(one, other) == edits
    assert distance(other, one) == edits


def test_a_word_that_differs_by_case_alone_is_a_near_miss() -> None:
    assert near_miss("mtu", ["MTU", "mode"]) == "MTU"


def test_words_that_differ_in_a_digit_are_two_words() -> None:
    assert near_miss("enableIPv4Masquerade", ["enableIPv6Masquerade"]) is None


def test_a_short_word_needs_more_than_one_common_letter() -> None:
    assert near_miss("cert", ["key"]) is None
    assert meant("altas", ["atlas", "other"]) == "atlas"


def test_hardly_any_real_key_would_pass_for_a_misspelt_sibling() -> None:
    """The list omits real keys: what the rule would say of one, were it the one left out."""
    every = [(p, k) for p, keys in sorted(chart_keys(CILIUM.version).items()) for k in sorted(keys)]
    sample = every[::8]  # all of them take a second
    siblings = chart_keys(CILIUM.version)
    taken = [(p, k) for p, k in sample if near_miss(k, siblings[p] - {k})]
    assert len(every) > 1000
    assert len(taken) / len(sample) < 0.02, taken
