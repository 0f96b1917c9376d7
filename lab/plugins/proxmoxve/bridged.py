"""What the small resources share: compare with the state, not with the last inputs.

Terraform's rule, which every bridged provider follows: a refresh writes what it found into the
state, and whatever differs from the program is changed back. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from lab.plugins.proxmoxve.api import Api, ApiError
from provider.rpc import Diff, Failure, Properties, Refused, Resource, field_wise, plain


class Bridged(Resource):
    """A resource whose state holds its inputs as last seen. `api` gives the logged-in client."""

    sets: ClassVar[Sequence[str]] = ()
    """Lists whose order means nothing; kept sorted."""
    kept: ClassVar[Sequence[str]] = ()
    """Properties that, left out by the program, keep what the API says."""

    def __init__(self, api: Callable[[], Api]) -> None:
        self._api = api

    def check(self, olds: Properties, news: Properties) -> tuple[Properties, list[Failure]]:
        """Defaults, required properties, sorted sets."""
        inputs, failures = super().check(olds, news)
        for name in self.sets:
            value = plain(inputs.get(name))
            if isinstance(value, list) and all(isinstance(item, str) for item in value):
                inputs[name] = sorted(value)
        return inputs, failures

    def diff(
        self,
        id: str,  # noqa: A002
        olds: Properties,
        old_inputs: Properties,
        news: Properties,
        ignore: Sequence[str],
    ) -> Diff:
        """What differs from the state."""
        del id
        state, wanted = plain(olds), plain(news)
        names = {*plain(old_inputs), *wanted} - {name for name in self.kept if name not in wanted}
        before = {name: state[name] for name in names if name in state}
        return field_wise(before, wanted, ignore=ignore, replace_on=self.replace_on)

    def update(
        self,
        id: str,  # noqa: A002
        olds: Properties,
        news: Properties,
        preview: bool,
        timeout: float,
    ) -> Properties:
        """Change it, and keep what the state alone knows."""
        del timeout
        old, new = plain(olds), plain(news)
        computed = {key: value for key, value in olds.items() if key not in new}
        if not preview:
            self.change(id, old, new)
        kept = {
            key: value for key, value in computed.items() if key in (*self.computed, *self.kept)
        }
        return {**kept, **news}

    def change(self, identifier: str, old: Properties, new: Properties) -> None:
        """The calls of an update."""
        raise NotImplementedError


def refused(what: str, error: Exception) -> Refused:
    """An error with what was being done in front."""
    return Refused(f"{what}: {error}" if what else str(error))


def seen(inputs: Mapping[str, Any], live: Mapping[str, Any]) -> Properties:
    """Inputs with what the API says of them."""
    return {key: live.get(key, value) for key, value in inputs.items()}


def gone(error: ApiError) -> bool:
    """Whether an error means that the thing is not there."""
    return error.missing


def flag(value: object) -> int:
    """A boolean as the API takes it."""
    return 1 if value else 0
