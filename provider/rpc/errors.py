"""What a resource or function raises to end a call in a way the user can read.

Anything else that is raised counts as a fault of the plugin: the user gets one line that says so
and where the traceback lies.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from provider.rpc.wire import Properties


@dataclass(frozen=True, slots=True)
class Failure:
    """One input that was refused: `property` is its path in the wire's own spelling (camelCase)."""

    property: str
    reason: str


class Refused(Exception):  # noqa: N818 (reads as what happened)
    """The call failed for a reason that the message explains; shown as it is, no traceback."""


class Cancelled(Refused):
    """The user cancelled; raised by `Operation.wait` and `Operation.check_cancelled`."""


class InvalidArguments(Exception):  # noqa: N818 (reads as what happened)
    """A function's arguments were refused, all of them at once."""

    def __init__(self, failures: Sequence[Failure]) -> None:
        super().__init__("; ".join(f"{item.property}: {item.reason}" for item in failures))
        self.failures = tuple(failures)


class PartialFailure(Exception):  # noqa: N818 (reads as what happened)
    """The object exists, but is not what was asked for.

    The engine keeps it in state with `state` as its outputs, fails the run with `reasons`, and the
    next `up` updates it. Without this a half-created object would be forgotten.
    """

    def __init__(
        self,
        id: str,  # noqa: A002 (Pulumi's word)
        state: Properties,
        reasons: Sequence[str],
        inputs: Properties | None = None,
    ) -> None:
        super().__init__("; ".join(reasons))
        self.id = id
        self.state = state
        self.reasons = tuple(reasons)
        self.inputs = inputs
