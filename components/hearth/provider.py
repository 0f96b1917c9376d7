"""Our provider itself, with what its resources ask vendors with."""

import pulumi
from pulumi import Input, Output


class Provider(pulumi.ProviderResource):
    """Our provider with the credentials that its resources read at run time."""

    def __init__(
        self,
        name: str,
        *,
        proxmox_endpoint: Input[str] | None = None,
        proxmox_token: Input[str] | None = None,
        proxmox_insecure: bool = False,
        cloudflare_token: Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "proxmoxEndpoint": proxmox_endpoint,
            "proxmoxToken": None if proxmox_token is None else Output.secret(proxmox_token),
            "proxmoxInsecure": "true" if proxmox_insecure else None,
            "cloudflareToken": (
                None if cloudflare_token is None else Output.secret(cloudflare_token)
            ),
        }
        super().__init__("hearth", name, inputs, opts)
