"""The auth layer of a stack on physical hosts: there is no hypervisor to ask for anything.

Hosts in maintenance mode let anybody in who reaches them; afterwards their own PKI decides.
"""

from dataclasses import dataclass

import pulumi
from pulumi import Input, ResourceOptions

from components import hearth
from components.naming import child, token


@dataclass(frozen=True, kw_only=True)
class HostAuthArgs:
    """The credentials of vendors that are not about machines; None where a stack has none."""

    cloudflare_token: Input[str] | None = None


class HostAuth(pulumi.ComponentResource):
    """Our own provider, without credentials of a hypervisor."""

    hearth: hearth.Provider

    def __init__(self, name: str, args: HostAuthArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(token("auth", "HostAuth"), name, None, opts)
        self.hearth = hearth.Provider(
            child(name, "hearth"),
            cloudflare_token=args.cloudflare_token,
            opts=ResourceOptions(parent=self),
        )
        self.register_outputs({})
