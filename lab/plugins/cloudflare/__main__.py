"""The plugin `pulumi-resource-cloudflare`: what it offers, by token."""

from __future__ import annotations

from lab.plugins import sdk
from lab.plugins.cloudflare.api import Api, check_config
from lab.plugins.cloudflare.functions import Functions
from lab.plugins.cloudflare.resources import DnsRecord, Tunnel, TunnelConfig
from lab.plugins.cloudflare.tokens import AccountToken, ApiToken
from provider.rpc import Plugin, serve


def plugin() -> Plugin:
    """The plugin as data."""
    api = Api()
    functions = Functions(api)
    index = "cloudflare:index"
    tunnel = "ZeroTrustTunnelCloudflared"
    groups = "TokenPermissionGroupsList"
    return Plugin(
        name="cloudflare",
        version=sdk.provider_version("pulumi_cloudflare"),
        resources={
            f"{index}/dnsRecord:DnsRecord": DnsRecord(api),
            f"{index}/zeroTrustTunnelCloudflared:{tunnel}": Tunnel(api),
            f"{index}/zeroTrustTunnelCloudflaredConfig:{tunnel}Config": TunnelConfig(api),
            f"{index}/apiToken:ApiToken": ApiToken(api),
            f"{index}/accountToken:AccountToken": AccountToken(api),
        },
        functions={
            f"{index}/getZone:getZone": functions.zone,
            f"{index}/getZones:getZones": functions.zones,
            f"{index}/get{tunnel}Token:get{tunnel}Token": functions.tunnel_token,
            f"{index}/getApi{groups}:getApi{groups}": functions.permission_groups,
            f"{index}/getAccountApi{groups}:getAccountApi{groups}": functions.permission_groups,
        },
        configure=api.configure,
        check_config=check_config,
    )


def main() -> None:
    """Serve the engine that started us."""
    serve(plugin())
