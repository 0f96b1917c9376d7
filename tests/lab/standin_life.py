"""One resource of a stand-in through its life, as the engine would lead it, without an engine."""

from contextlib import AbstractContextManager
from typing import Any

from provider.rpc import Diff, Resource, operation


class Engine(operation.Engine):
    """An engine's log that only remembers."""

    def __init__(self) -> None:
        super().__init__(None)
        self.said: list[str] = []

    def log(self, severity: int, message: str, urn: str, *, ephemeral: bool = False) -> None:
        """Keep the message."""
        del severity, urn
        if not ephemeral:
            self.said.append(message)


class Life:
    """A resource with its id, inputs and state between calls."""

    def __init__(self, resource: Resource, kind: str = "test:index/thing:Thing") -> None:
        self.resource = resource
        self.token = kind
        self.engine = Engine()
        self.ignored: tuple[str, ...] = ()
        self.id = ""
        self.inputs: dict[str, Any] = {}
        self.state: dict[str, Any] = {}

    def serving(self) -> AbstractContextManager[operation.Operation]:
        """The call that the resource is serving."""
        urn = f"urn:pulumi:test::small::{self.token}::thing"
        call = operation.Operation(
            urn=urn, type=self.token, engine=self.engine, ignored=self.ignored
        )
        return operation.serving(call)

    def check(self, news: dict[str, Any]) -> dict[str, Any]:
        """The checked inputs; nothing may be refused."""
        with self.serving():
            inputs, failures = self.resource.check(self.inputs, news)
        assert not failures, failures
        return inputs

    def create(self, news: dict[str, Any], *, preview: bool = False) -> "Life":
        """Make it."""
        inputs = self.check(news)
        with self.serving():
            self.id, self.state = self.resource.create(inputs, preview, 0)
        self.inputs = inputs
        return self

    def diff(self, news: dict[str, Any], ignore: tuple[str, ...] = ()) -> Diff:
        """What an update would change."""
        inputs = self.check(news)
        with self.serving():
            return self.resource.diff(self.id, self.state, self.inputs, inputs, ignore)

    def changed(self, news: dict[str, Any]) -> list[str]:
        """The paths that an update would change."""
        return sorted(self.diff(news).detailed)

    def update(self, news: dict[str, Any]) -> "Life":
        """Change it."""
        inputs = self.check(news)
        with self.serving():
            self.state = self.resource.update(self.id, self.state, inputs, False, 0)
        self.inputs = inputs
        return self

    def read(self) -> str | None:
        """Refresh it; None when it is gone."""
        with self.serving():
            found, state, inputs = self.resource.read(self.id, self.state, self.inputs)
        if found:
            self.state, self.inputs = state, inputs
        return found

    def delete(self) -> None:
        """Remove it."""
        with self.serving():
            self.resource.delete(self.id, self.state, 0)
