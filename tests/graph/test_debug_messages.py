"""What the SDK says to itself is sent to the engine only for whoever wants to read it."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import pulumi
import pytest

from stacks.program import DEBUG_VARIABLE, without_debug_messages
from tests.graph.harness import Monitor, Recorder, event_loop

pytestmark = pytest.mark.graph

WARNING = "the registration of a-part was watched"


@pytest.fixture(autouse=True)
def _as_it_was(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The SDK's own function back in its place afterwards; the mocked engine logs what it hears."""
    caplog.set_level(logging.DEBUG)
    kept = pulumi.log.debug
    yield
    pulumi.log.debug = kept


def heard(caplog: pytest.LogCaptureFixture, environment: Mapping[str, str]) -> list[str]:
    recorder = Recorder(preview=True)
    to_the_end: Any = pulumi.runtime.test
    with event_loop():
        pulumi.runtime.set_mocks(recorder, preview=True, monitor=Monitor(recorder))
        without_debug_messages(environment)
        to_the_end(lambda: pulumi.ComponentResource("test:index:Part", "a-part"))()
        pulumi.log.warn(WARNING)
    return [record.getMessage() for record in caplog.records if "a-part" in record.getMessage()]


def test_the_engine_hears_no_debug_messages(caplog: pytest.LogCaptureFixture) -> None:
    assert heard(caplog, {}) == [WARNING]


def test_whoever_asks_for_them_gets_them(caplog: pytest.LogCaptureFixture) -> None:
    lines = heard(caplog, {DEBUG_VARIABLE: "1"})
    assert any(line.startswith("registering resource") for line in lines), lines
