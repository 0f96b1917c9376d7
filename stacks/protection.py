"""A protected stack refuses its destroy at once, and not halfway.

The engine looks at a resource's mark of protection when its turn to be deleted has come. By then
all that depends on it is gone from the state: `pulumi destroy --skip-preview` would stop at the
machines, with a cluster running that the state knows nothing of. So a protected stack has one more
resource, which depends on everything else: its turn comes first.
"""

import pulumi
from pulumi import Resource, ResourceOptions

from config.cluster import Cluster

NAME = "protection"


class Protection:
    """Notes every resource from here on; `stand` puts the one that is refused first before them."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._everything: list[Resource] = []
        if cluster.protected:
            pulumi.runtime.register_stack_transformation(self._note)

    def _note(
        self, args: pulumi.ResourceTransformationArgs
    ) -> pulumi.ResourceTransformationResult | None:
        """Keep what is being made, as it is."""
        self._everything.append(args.resource)
        return None

    def stand(self) -> None:
        """Refuse to go before everything else, where the stack is protected."""
        if not self._cluster.protected:
            return
        everything = [item for item in self._everything if isinstance(item, pulumi.CustomResource)]
        pulumi.Stash(
            NAME,
            input=f"./hearth unprotect {self._cluster.name}",
            # No value flows: it is about the order alone in which a destroy goes.
            opts=ResourceOptions(protect=True, depends_on=everything),
        )
