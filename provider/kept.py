"""Kept: a resource that lives in the engine's state alone; what it is for lies in its other parts.

Nothing is made, changed or removed anywhere, so nothing here can fail or take time.
"""

from typing import ClassVar

from provider.rpc import Properties, Resource


class Kept(Resource):
    """Outputs are the inputs; `identity` is the id, the same for ever."""

    identity: ClassVar[str]

    def create(self, inputs: Properties, preview: bool, timeout: float) -> tuple[str, Properties]:
        """Nothing to make: state is all there is."""
        del timeout
        return ("" if preview else self.identity), inputs

    def update(
        self,
        id: str,  # noqa: A002
        olds: Properties,
        news: Properties,
        preview: bool,
        timeout: float,
    ) -> Properties:
        """Remember the new inputs."""
        del id, olds, preview, timeout
        return news

    def delete(self, id: str, state: Properties, timeout: float) -> None:  # noqa: A002
        """Nothing to remove."""
        del id, state, timeout
