"""Anchor: the life of a cluster as one object that nothing ever replaces.

What lives in the cluster carries `deleted_with` this, so that a destroy drops it from state instead
of asking a dying API for it, object by object. Newer engines replace whatever hangs on a replaced
target (pulumi/pulumi#23818): so the target has no input that could replace it.
"""

from provider.rpc import Properties, Resource


class Anchor(Resource):
    """Input: `cluster`, a name for people. Its id never changes."""

    def create(self, inputs: Properties, preview: bool, timeout: float) -> tuple[str, Properties]:
        """Nothing to make: state is all there is."""
        del timeout
        return ("" if preview else "anchor"), inputs

    def update(
        self,
        id: str,  # noqa: A002
        olds: Properties,
        news: Properties,
        preview: bool,
        timeout: float,
    ) -> Properties:
        """Only the name for people changes."""
        del id, olds, preview, timeout
        return news

    def delete(self, id: str, state: Properties, timeout: float) -> None:  # noqa: A002
        """Nothing to remove."""
        del id, state, timeout
