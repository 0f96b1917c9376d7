"""Our provider itself, with what its resources ask vendors with."""

import pulumi
from pulumi import Input, Output


class Provider(pulumi.ProviderResource):
    """Our provider with the credentials that preflight and sweep read at run time."""

    def __init__(
        self,
        name: str,
        *,
        proxmox_endpoint: Input[str] | None = None,
        proxmox_token: Input[str] | None = None,
        proxmox_insecure: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        token = None if proxmox_token is None else Output.secret(proxmox_token)
        inputs = {
            "proxmoxEndpoint": proxmox_endpoint,
            "proxmoxToken": token,
            "proxmoxInsecure": "true" if proxmox_insecure else None,
        }
        super().__init__("hearth", name, inputs, opts)
