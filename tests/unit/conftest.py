"""What holds for unit tests: how hard properties are tried, and what is not collected again."""

import gc

from hypothesis import settings

# A busy machine is no slow function: tests have a deadline of their own.
settings.register_profile("unit", max_examples=50, deadline=None)
settings.load_profile("unit")


def pytest_collection_finish() -> None:
    """Vendors' packages stay for good: every full collection would look through them again."""
    gc.collect()
    gc.freeze()
