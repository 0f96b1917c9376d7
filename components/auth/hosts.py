"""The auth layer of a stack on physical hosts: there is no hypervisor to ask for anything.

Hosts in maintenance mode let anybody in who reaches them; afterwards their own PKI decides.
"""

import pulumi
from pulumi import ResourceOptions

from components import hearth
from components.naming import child, token


class HostAuth(pulumi.ComponentResource):
    """Our own provider, without credentials of a hypervisor."""

    hearth: hearth.Provider

    def __init__(self, name: str, opts: ResourceOptions | None = None) -> None:
        super().__init__(token("auth", "HostAuth"), name, None, opts)
        self.hearth = hearth.Provider(child(name, "hearth"), opts=ResourceOptions(parent=self))
        self.register_outputs({})
