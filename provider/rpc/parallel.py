"""The same question to several parties at once, each within the operation that is being served."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

Asked = TypeVar("Asked")
Told = TypeVar("Told")


def at_once(ask: Callable[[Asked], Told], parties: Sequence[Asked]) -> list[Told]:
    """What each says, in the same order: one that does not answer costs its deadline only once."""
    # Threads do not inherit the operation that is being served, with its deadline and its cancel.
    contexts = [copy_context() for _ in parties]
    with ThreadPoolExecutor(max_workers=len(parties) or 1) as pool:
        asked = [
            pool.submit(context.run, ask, party)
            for context, party in zip(contexts, parties, strict=True)
        ]
        return [future.result() for future in asked]
