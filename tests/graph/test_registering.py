"""The SDK waits for the program's end in the cheap one of its two ways."""

from collections.abc import Awaitable, Callable
from typing import Any

import pulumi
import pytest
from pulumi.runtime.settings import SETTINGS
from pulumi.runtime.stack import run_pulumi_func

from stacks.program import registering
from tests.graph.harness import Monitor, Recorder, event_loop

pytestmark = pytest.mark.graph

PARTS = ("a-part", "another", "a-third")


async def nothing() -> None:
    """What a program does last that ends with its last line."""


def begun_after(last: Callable[[], Awaitable[None]]) -> int:
    """How many registrations have begun when the SDK begins to wait for a program's end."""
    begun: list[Any] = []

    async def program() -> None:
        for name in PARTS:
            pulumi.ComponentResource("test:index:Part", name)
        await last()
        begun.extend(SETTINGS.rpc_manager.rpcs)

    recorder = Recorder(preview=True)
    with event_loop() as loop:
        pulumi.runtime.set_mocks(recorder, preview=True, monitor=Monitor(recorder))
        SETTINGS.rpc_manager.clear()
        loop.run_until_complete(run_pulumi_func(program))
    return len(begun)


def test_every_registration_has_begun_when_the_sdk_begins_to_wait() -> None:
    # The mocked stack's own may have begun by themselves.
    assert begun_after(nothing) < len(PARTS) <= begun_after(registering)
