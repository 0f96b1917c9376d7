"""What holds for every test: a tier's deadline.

A unit test is pure and takes milliseconds; its deadline is there for what would hang, and wide
enough that a busy machine is not taken for one.
"""

import pytest

UNIT_SECONDS = 20


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give unit tests without a deadline of their own the tier's."""
    for item in items:
        if item.get_closest_marker("unit") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(UNIT_SECONDS))
