"""Preflight of Cloudflare: what must be true of an account before anything is made there.

A resource, because it has to run in `up` and before everything else. It looks and changes nothing;
all problems are told at once, each with what to do. What it learns on its way is its output: the
zone's identifier, and those of the permission groups that tokens are made of. Whether a record is
ours is told by its comment, `hearth:STACK`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from provider import cloudflare
from provider.cloudflare import Api
from provider.rpc import LookOnly, Properties, Refused, plain

# Whether a token may write is told by no list that it may read itself. So a change of something
# that cannot exist is asked for: Cloudflare answers 403 without the right, 404 with it.
NOTHING, NO_TUNNEL = "0" * 32, "00000000-0000-0000-0000-000000000000"
# What may not stand beside a record of ours; a TXT record of the same name is no contradiction.
EXCLUSIVE = frozenset({"A", "AAAA", "CNAME", "NS"})
# What a program needs that keeps records of one zone: to change them, and to find the zone.
GROUPS = ("DNS Write", "Zone Read")


@dataclass(frozen=True, kw_only=True)
class Right:
    """A right by its name at Cloudflare, and the change of nothing that only it allows."""

    name: str
    method: str
    path: str


class CloudflarePreflight(LookOnly):
    """Inputs: `stack`, `zone` and `account`; `records` [{name, type, key}], `tunnel` (a name).

    `key` is the place in the stack's facts that asks for a record. `makesTokens`: whether API
    tokens are to be made. Outputs: `zoneId`, and `dnsGroups`, identifiers of permission groups.
    """

    required = ("stack", "zone", "account", "records")
    computed = ("zoneId", "dnsGroups")

    def __init__(self) -> None:
        self.credentials: cloudflare.Credentials | None = None

    def create(self, inputs: Properties, preview: bool, timeout: float) -> tuple[str, Properties]:
        """Check everything."""
        del timeout
        if preview:
            return "", self.planned(inputs)
        return "passed", {**inputs, **self.passed(plain(inputs), {})}

    def update(
        self,
        id: str,  # noqa: A002
        olds: Properties,
        news: Properties,
        preview: bool,
        timeout: float,
    ) -> Properties:
        """Check again: what is asked of Cloudflare has changed."""
        del id, timeout
        before, wanted = plain(olds), plain(news)
        if not preview:
            return {**news, **self.passed(wanted, before)}
        moved = any(before.get(name) != wanted[name] for name in ("zone", "account"))
        return {**self.planned(news, {} if moved else olds)}

    def passed(self, wanted: dict[str, Any], before: dict[str, Any]) -> Properties:
        """The outputs; `Refused` with every reason not to go on."""
        with cloudflare.connected(self.credentials) as api:
            check_token(api, wanted["account"])
            zone, found = find_zone(api, wanted)
            found += rights_problems(api, wanted, zone)
            groups, missing = permission_groups(api, wanted) if not found else ([], [])
            found += missing
            if zone is not None:
                found += record_problems(api, wanted, before, zone["id"])
            found += tunnel_problems(api, wanted, before)
        if found or zone is None:
            raise Refused("\n".join(["Cloudflare is not ready for this stack:", *found]))
        return {"zoneId": zone["id"], "dnsGroups": groups}


def check_token(api: Api, account: str) -> None:
    """Whether Cloudflare knows the token and it is in force; without that nothing can be asked."""
    answer = api.answer("GET", "/user/tokens/verify")
    if not answer.succeeded:
        # An account's own token is known only there.
        answer = api.answer("GET", f"/accounts/{account}/tokens/verify")
    if not answer.succeeded:
        raise Refused(
            f"Cloudflare does not know the token ({answer}): is hearth:cloudflareToken the one "
            f"that {cloudflare.WHERE} lists, and was it not rolled since?"
        )
    status = (answer.body.get("result") or {}).get("status")
    if status != "active":
        raise Refused(
            f"the token in hearth:cloudflareToken is {status}: see {cloudflare.WHERE}; make "
            "another, or prolong this one"
        )


def find_zone(api: Api, wanted: dict[str, Any]) -> tuple[dict[str, Any] | None, list[str]]:
    """The zone, and why it cannot be the one that is meant."""
    name, account = wanted["zone"], wanted["account"]
    zones = [zone for zone in api.all("/zones", name=name) if zone["name"] == name]
    if not zones:
        seen = ", ".join(sorted(zone["name"] for zone in api.all("/zones"))) or "none"
        return None, [
            (
                f"  there is no zone {name} that the token may see (it sees: {seen}): give it "
                f"Zone > Zone > Read on {name}, or correct dns.cloudflare.zone"
            )
        ]
    owner = zones[0].get("account") or {}
    whose = f"{owner.get('id')} ({owner.get('name')})"
    if owner.get("id") != account:
        return zones[0], [
            (
                f"  the zone {name} belongs to the account {whose}, and "
                f"dns.cloudflare.account is {account}: take the zone's"
            )
        ]
    return zones[0], []


def rights(wanted: dict[str, Any], zone: dict[str, Any] | None) -> Iterator[Right]:
    """What the token needs for what is wanted."""
    if zone is not None:
        path = f"/zones/{zone['id']}/dns_records/{NOTHING}"
        yield Right(name=f"Zone > DNS > Edit on {wanted['zone']}", method="PATCH", path=path)
    account = f"/accounts/{wanted['account']}"
    if zone is not None and (zone.get("account") or {}).get("id") != wanted["account"]:
        return  # of rights on another account nothing follows
    if wanted.get("tunnel"):
        path = f"{account}/cfd_tunnel/{NO_TUNNEL}"
        yield Right(name="Account > Cloudflare Tunnel > Edit", method="PATCH", path=path)
    if wanted.get("makesTokens"):
        path = f"{account}/tokens/{NOTHING}"
        yield Right(name="Account > Account API Tokens > Edit", method="PUT", path=path)


def rights_problems(api: Api, wanted: dict[str, Any], zone: dict[str, Any] | None) -> Iterator[str]:
    """The rights that the token lacks."""
    for right in rights(wanted, zone):
        if api.answer(right.method, right.path, {}).denied:
            yield f"  the token lacks {right.name}; docs/cloudflare.md lists the rights it needs"


def permission_groups(api: Api, wanted: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The identifiers of `GROUPS`, and which of them there are not.

    They are not documented to stay as they are, so they are looked up by name.
    """
    if not wanted.get("makesTokens"):
        return [], []
    path = f"/accounts/{wanted['account']}/tokens/permission_groups"
    known = {str(group["name"]): str(group["id"]) for group in api.get(path)}
    missing = [
        f"  Cloudflare has no permission group {name}" for name in GROUPS if name not in known
    ]
    return [known[name] for name in GROUPS if name in known], missing


def record_problems(
    api: Api, wanted: dict[str, Any], before: dict[str, Any], zone: str
) -> Iterator[str]:
    """Records that stand where ours are to be, and are not."""
    mark = f"hearth:{wanted['stack']}"
    known = {item["name"] for item in before.get("records") or [] if before.get("zoneId") == zone}
    for item in wanted["records"]:
        answer = api.answer("GET", f"/zones/{zone}/dns_records", name=item["name"])
        if answer.denied:
            continue  # said already: it lacks the right
        for record in cloudflare.result_of(answer, "its records"):
            if record["type"] not in EXCLUSIVE:
                continue
            if record.get("comment") != mark:
                yield (
                    f"  {described(record)} is not this stack's, so it is not touched: delete it "
                    f"at Cloudflare (DNS > Records), or change {item['key']}"
                )
            elif item["name"] not in known:
                yield (
                    f"  {described(record)} is this stack's by its comment, and its state does not "
                    "know it: what a killed run or a lost state left; delete it at Cloudflare "
                    "(DNS > Records)"
                )


def described(record: dict[str, Any]) -> str:
    """A record with all that may tell whose it is."""
    comment, tags = record.get("comment"), record.get("tags")
    notes = [f"comment: {comment}" if comment else "no comment"]
    if tags:
        notes.append(f"tags: {', '.join(tags)}")
    notes.append(f"made {str(record.get('created_on'))[:10]}")
    return f"{record['name']} {record['type']} {record.get('content')} ({'; '.join(notes)})"


def tunnel_problems(api: Api, wanted: dict[str, Any], before: dict[str, Any]) -> Iterator[str]:
    """A tunnel of the name that ours is to have: Cloudflare would refuse the second."""
    name, account = wanted.get("tunnel"), wanted["account"]
    ours = before.get("tunnel") == name and before.get("account") == account
    if not name or ours:
        return
    answer = api.answer("GET", f"/accounts/{account}/cfd_tunnel", name=name, is_deleted="false")
    if answer.denied:
        return  # said already
    for tunnel in cloudflare.result_of(answer, "its tunnels"):
        connections = len(tunnel.get("connections") or [])
        yield (
            f"  there is a tunnel {name} already (made {str(tunnel.get('created_at'))[:10]}, "
            f"{connections} connections), which this stack's state does not know: delete it at "
            "Cloudflare (Zero Trust > Networks > Tunnels), once nothing runs cloudflared with its "
            "token"
        )
