"""The DNS layer at Cloudflare: a tunnel with its rules, the names that lead to it, API tokens.

All of it stands outside the cluster, before the machines are made and until they are gone: while a
machine still runs cloudflared, Cloudflare keeps the tunnel. Our records say in their comment whose
they are; what is not ours is refused by the preflight and never touched. Who needs a token in the
cluster gets one of its own that opens this zone alone. Records that applications ask for are
external-dns's: what it leaves behind goes by its own marks.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_cloudflare as cloudflare
from pulumi import Input, Output, ResourceOptions

from components import hearth
from components.naming import child, token
from config import naming
from config.services import CloudflareDns, Delegation, Tunnel

AUTOMATIC = 1
DELEGATION_SECONDS = 300
# cloudflared's connections are gone seconds after its machine is; this is for slow clocks.
RELEASE_SECONDS = 120
EVERYTHING_ELSE = "http_status:404"


@dataclass(frozen=True, kw_only=True)
class CloudflareArgs:
    """The facts, the token that makes everything here, and who in the cluster needs one (`users`).

    `owners` are the owner IDs of its external-dns. `domain` is delegated to the cluster's own name
    server where there is a `delegation`.
    """

    stack: str
    domain: str
    facts: CloudflareDns
    users: tuple[str, ...]
    owners: tuple[str, ...]
    delegation: Delegation | None
    token: Input[str]
    hearth: hearth.Provider


@dataclass(frozen=True, kw_only=True)
class Record:
    """A record that is to be, and the fact that asks for it."""

    name: str
    type: str
    key: str = field(repr=False)


class Cloudflare(pulumi.ComponentResource):
    """Names at Cloudflare. `tokens` are API tokens by their users, `tunnel_token` cloudflared's."""

    tokens: Mapping[str, Output[str]]
    tunnel_token: Output[str] | None

    def __init__(
        self, name: str, args: CloudflareArgs, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__(token("dns", "Cloudflare"), name, None, opts)
        self._name, self._args = name, args
        provider = cloudflare.Provider(
            child(name, "cloudflare"), api_token=args.token, opts=ResourceOptions(parent=self)
        )
        self._there = ResourceOptions(parent=self, provider=provider)
        self._preflight = hearth.CloudflarePreflight(
            child(name, "preflight"),
            stack=args.stack,
            zone=args.facts.zone,
            account=args.facts.account,
            records=[vars(record) for record in records(args)],
            tunnel=naming.tunnel(args.stack) if args.facts.tunnel else None,
            makes_tokens=bool(args.users),
            opts=ResourceOptions(parent=self, provider=args.hearth),
        )
        self.tunnel_token = self._tunnel(args.facts.tunnel) if args.facts.tunnel else None
        if args.delegation is not None:
            self._record(args.domain, "NS", args.delegation.nameserver, DELEGATION_SECONDS)
        self.tokens = {user: self._api_token(user) for user in args.users}
        if args.owners:
            # Stands before the machines as all of this does: who writes records is gone by then.
            hearth.RecordSweep(
                child(name, "record-sweep"),
                zone=args.facts.zone,
                zone_id=self._preflight.zone_id,
                owners=args.owners,
                opts=ResourceOptions(parent=self, provider=args.hearth),
            )
        self.register_outputs({})

    def _tunnel(self, facts: Tunnel) -> Output[str]:
        """The tunnel, its rules, the names that lead to it; what cloudflared connects with."""
        account, called = self._args.facts.account, naming.tunnel(self._args.stack)
        tunnel = cloudflare.ZeroTrustTunnelCloudflared(
            child(self._name, "tunnel"),
            # From the zone that passed, so that no tunnel is made before the preflight.
            account_id=self._preflight.zone_id.apply(lambda _: account),
            name=called,
            # The default is `local`: then Cloudflare would ignore the rules below.
            config_src="cloudflare",
            opts=self._there,
        )
        cloudflare.ZeroTrustTunnelCloudflaredConfig(
            child(self._name, "tunnel-config"),
            account_id=account,
            tunnel_id=tunnel.id,
            source="cloudflare",
            config=cloudflare.ZeroTrustTunnelCloudflaredConfigConfigArgs(ingresses=rules(facts)),
            opts=self._there,
        )
        for hostname in facts.hostnames:
            target = tunnel.id.apply(lambda identifier: f"{identifier}.cfargotunnel.com")
            self._record(hostname, "CNAME", target, AUTOMATIC, proxied=True)
        return hearth.TunnelConnections(
            child(self._name, "tunnel-connections"),
            account=account,
            tunnel=called,
            tunnel_id=tunnel.id,
            deadline_seconds=RELEASE_SECONDS,
            opts=ResourceOptions(parent=self, provider=self._args.hearth),
        ).token

    def _record(
        self, name: str, kind: str, content: Input[str], ttl: int, *, proxied: bool = False
    ) -> None:
        """One record with our mark; its name stands for it in the state, `*` spelt out."""
        cloudflare.DnsRecord(
            child(self._name, kind.lower(), name.replace("*", "any")),
            zone_id=self._preflight.zone_id,
            name=name,
            type=kind,
            content=content,
            ttl=ttl,
            proxied=proxied,
            comment=naming.ownership(self._args.stack),
            opts=self._there,
        )

    def _api_token(self, user: str) -> Output[str]:
        """A token that finds this zone and changes its records, and nothing else."""
        made = cloudflare.AccountToken(
            child(self._name, "token", user),
            account_id=self._args.facts.account,
            name=naming.api_token(self._args.stack, user),
            policies=[
                {
                    "effect": "allow",
                    "permission_groups": self._preflight.dns_groups.apply(
                        lambda groups: [{"id": group} for group in groups]
                    ),
                    "resources": self._preflight.zone_id.apply(zone_alone),
                }
            ],
            opts=self._there,
        )
        return Output.secret(made.value)


def records(args: CloudflareArgs) -> Iterator[Record]:
    """What is to stand in the zone."""
    hostnames = args.facts.tunnel.hostnames if args.facts.tunnel else ()
    for index, hostname in enumerate(hostnames):
        key = f"dns.cloudflare.tunnel.hostnames[{index}]"
        yield Record(name=hostname, type="CNAME", key=key)
    if args.delegation is not None:
        yield Record(name=args.domain, type="NS", key="domain")


def rules(facts: Tunnel) -> list[cloudflare.ZeroTrustTunnelCloudflaredConfigConfigIngressArgs]:
    """What comes in by a tunnel: each hostname to the service; whatever else is asked for, 404.

    The service has certificates for the names that people ask for, not for its own in the cluster.
    """
    rule = cloudflare.ZeroTrustTunnelCloudflaredConfigConfigIngressArgs
    asked = cloudflare.ZeroTrustTunnelCloudflaredConfigConfigIngressOriginRequestArgs(
        match_sn_ito_host=True
    )
    inward = asked if facts.service.startswith("https://") else None
    named = [
        rule(hostname=hostname, service=facts.service, origin_request=inward)
        for hostname in facts.hostnames
    ]
    return [*named, rule(service=EVERYTHING_ELSE)]


def zone_alone(zone: str) -> str:
    """A policy's resources: one zone. The vendor wants JSON in a string."""
    return json.dumps({f"com.cloudflare.api.account.zone.{zone}": "*"})
