"""Anchor: the life of a cluster as one object that nothing ever replaces.

What lives in the cluster carries `deleted_with` this, so that a destroy drops it from state instead
of asking a dying API for it, object by object. Newer engines replace whatever hangs on a replaced
target (pulumi/pulumi#23818): so the target has no input that could replace it.
"""

from provider.kept import Kept


class Anchor(Kept):
    """Input: `cluster`, a name for people. Its id never changes."""

    identity = "anchor"
