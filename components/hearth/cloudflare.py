"""Resources of a Cloudflare account that the vendor's provider has not."""

from collections.abc import Mapping, Sequence
from copy import copy

import pulumi
from pulumi import Input, Output

from components.hearth.wire import camel, snake


class CloudflarePreflight(pulumi.CustomResource):
    """Checks an account before anything is made there.

    `records` are {name, type, key}: what is to be made, and which fact asks for it. Whoever takes
    `zone_id` from it, or the permission groups that a token for DNS is made of, comes after it.
    """

    zone_id: Output[str]
    dns_groups: Output[Sequence[str]]

    def __init__(
        self,
        name: str,
        *,
        stack: str,
        zone: str,
        account: str,
        records: Sequence[Mapping[str, str]],
        tunnel: str | None,
        makes_tokens: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "stack": stack,
            "zone": zone,
            "account": account,
            "records": [dict(record) for record in records],
            "tunnel": tunnel,
            "makes_tokens": makes_tokens,
            "zone_id": None,
            "dns_groups": None,
        }
        super().__init__("hearth:index:CloudflarePreflight", name, inputs, opts)

    def translate_input_property(self, prop: str) -> str:
        """camelCase on the wire."""
        return camel(prop)

    def translate_output_property(self, prop: str) -> str:
        """snake_case in Python."""
        return snake(prop)


class RecordSweep(pulumi.CustomResource):
    """Its delete takes away what external-dns left in a zone under these owner IDs."""

    def __init__(
        self,
        name: str,
        *,
        zone: str,
        zone_id: Input[str],
        owners: Sequence[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {"zone": zone, "zoneId": zone_id, "owners": list(owners)}
        super().__init__("hearth:index:RecordSweep", name, inputs, opts)


class TunnelConnections(pulumi.CustomResource):
    """What cloudflared connects with (`token`); its delete ends what is still connected."""

    token: Output[str]

    def __init__(
        self,
        name: str,
        *,
        account: str,
        tunnel: str,
        tunnel_id: Input[str],
        deadline_seconds: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "account": account,
            "tunnel": tunnel,
            "tunnelId": tunnel_id,
            "deadlineSeconds": deadline_seconds,
            "token": None,
        }
        # A copy: the caller's options are often those of its neighbours too.
        opts = copy(opts) if opts else pulumi.ResourceOptions()
        opts.additional_secret_outputs = ["token"]
        super().__init__("hearth:index:TunnelConnections", name, inputs, opts)
