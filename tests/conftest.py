"""What holds for every test: a tier's deadline, which files begin, and what signals do.

A unit test is pure and takes milliseconds; its deadline is there for what would hang, and wide
enough that a busy machine is not taken for one.
"""

import signal

import pytest

UNIT_SECONDS = 20
# Files run two at a time: what takes minutes must not be left to the end.
FIRST = ("test_rehearsal.py",)


def pytest_configure() -> None:
    """Let programs that tests start hear signals, also when the tests run in the background.

    Who starts something with `nohup` or `&` has it ignore SIGHUP or SIGINT, and a program inherits
    what is ignored; a handler it does not inherit.
    """
    for quiet in (signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(quiet) is signal.SIG_IGN:
            signal.signal(quiet, lambda _signal, _frame: None)


def turn(item: pytest.Item) -> int:
    """When a test's file has its turn: the rehearsals, the lab's other files, all that is quick."""
    if item.path.name in FIRST:
        return FIRST.index(item.path.name)
    return len(FIRST) if item.get_closest_marker("lab") else len(FIRST) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give unit tests without a deadline of their own the tier's."""
    for item in items:
        if item.get_closest_marker("unit") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(UNIT_SECONDS))
    items.sort(key=turn)
