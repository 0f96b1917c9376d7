"""Our resources at Cloudflare against the simulator, which knows the vendor's API and not them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from provider.cloudflare import Credentials
from provider.cloudflare_preflight import CloudflarePreflight
from provider.rpc import Refused
from provider.tunnel_connections import TunnelConnections
from tests.lab.cloudflare_world import (
    ACCOUNT,
    DNS_TOKEN,
    OWNER_TOKEN,
    READER_TOKEN,
    ZONE,
    World,
    cloudflare_in,
)
from tests.lab.simulator_process import make_authority

pytestmark = [pytest.mark.lab, pytest.mark.timeout(60)]

NAME = "*.lab.example.org"
WANTED: dict[str, Any] = {
    "stack": "home",
    "zone": "example.org",
    "account": ACCOUNT,
    "records": [{"name": NAME, "type": "CNAME", "key": "dns.cloudflare.tunnel.hostnames[0]"}],
    "tunnel": "hearth-home",
    "makesTokens": True,
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("cloudflare")
    with cloudflare_in(directory, make_authority(directory)) as running:
        yield running


def credentials(world: World, token: str) -> Credentials:
    return Credentials(
        token=token,
        endpoint=f"{world.simulator.url}/client/v4",
        authorities=str(world.authority.bundle),
    )


def look(world: World, token: str = OWNER_TOKEN, **change: Any) -> Mapping[str, Any]:
    preflight = CloudflarePreflight()
    preflight.credentials = credentials(world, token)
    return preflight.create({**WANTED, **change}, False, 0.0)[1]


@contextmanager
def record(world: World, **given: Any) -> Iterator[None]:
    """A record that somebody made."""
    with world.client() as client:
        made = client.dns.records.create(zone_id=ZONE, name=NAME, ttl=1, **given)
        assert made is not None
        try:
            yield
        finally:
            client.dns.records.delete(made.id, zone_id=ZONE)


@pytest.fixture
def tunnel(world: World) -> Iterator[dict[str, Any]]:
    """A tunnel as our program makes one; deleted at the end, which needs it without connections."""
    with world.client() as client:
        made = client.zero_trust.tunnels.cloudflared.create(
            account_id=ACCOUNT, name="hearth-home", config_src="cloudflare"
        )
        assert made.id is not None
        yield {
            "account": ACCOUNT,
            "tunnelId": made.id,
            "tunnel": "hearth-home",
            "deadlineSeconds": 20,
        }
        client.zero_trust.tunnels.cloudflared.delete(made.id, account_id=ACCOUNT)


def connections(world: World) -> TunnelConnections:
    made = TunnelConnections()
    made.credentials = credentials(world, OWNER_TOKEN)
    return made


def test_an_account_with_everything_passes_and_is_left_as_it_was(world: World) -> None:
    before = world.lab("GET", "world").json()
    passed = look(world)
    assert passed["zoneId"] == ZONE
    assert len(passed["dnsGroups"]) == 2
    assert world.lab("GET", "world").json() == before


def test_a_token_for_dns_alone_lacks_the_accounts_rights(world: World) -> None:
    with pytest.raises(Refused) as error:
        look(world, DNS_TOKEN)
    assert "Cloudflare Tunnel > Edit" in str(error.value)
    assert "Account API Tokens > Edit" in str(error.value)
    assert "DNS > Edit" not in str(error.value)
    assert look(world, DNS_TOKEN, tunnel=None, makesTokens=False)["zoneId"] == ZONE


def test_a_token_that_may_only_read_is_not_taken_for_one_that_may_write(world: World) -> None:
    with pytest.raises(Refused, match=r"lacks Zone > DNS > Edit on example\.org"):
        look(world, READER_TOKEN, tunnel=None, makesTokens=False)


def test_a_token_that_nobody_made_is_unknown(world: World) -> None:
    with pytest.raises(Refused, match=r"does not know the token \(401 Invalid API Token"):
        look(world, "x" * 40)


def test_an_accounts_own_token_passes_as_a_users_does(world: World) -> None:
    with world.client() as client:
        groups = client.accounts.tokens.permission_groups.list(account_id=ACCOUNT)
        wanted = {g.name: str(g.id) for g in groups if g.name in {"Zone Read", "DNS Write"}}
        made = client.accounts.tokens.create(
            account_id=ACCOUNT,
            name="own",
            policies=[
                {
                    "effect": "allow",
                    "permission_groups": [{"id": group} for group in wanted.values()],
                    "resources": {f"com.cloudflare.api.account.zone.{ZONE}": "*"},
                }
            ],
        )
        assert made is not None
        assert look(world, str(made.value), tunnel=None, makesTokens=False)["zoneId"] == ZONE
        client.accounts.tokens.delete(str(made.id), account_id=ACCOUNT)


def test_somebody_elses_record_is_named_with_its_comment(world: World) -> None:
    with (
        record(world, type="A", content="192.0.2.7", comment="the blog"),
        pytest.raises(Refused, match=r"lab\.example\.org A 192\.0\.2\.7 \(comment: the blog"),
    ):
        look(world)


def test_a_tunnel_of_our_name_is_told(world: World, tunnel: dict[str, Any]) -> None:
    with pytest.raises(Refused, match=f"a tunnel {tunnel['tunnel']} already"):
        look(world)


def test_the_token_is_the_one_that_cloudflared_connects_with(
    world: World, tunnel: dict[str, Any]
) -> None:
    made = connections(world)
    _, outputs = made.create(tunnel, False, 0.0)
    connected = world.lab("POST", "connectors", {"token": outputs["token"]})
    assert connected.ok, connected.text
    # A machine that is reset does not say goodbye.
    identifier = connected.json()["id"]
    world.lab("DELETE", f"connectors/{identifier}?abruptly=true")
    made.delete(tunnel["tunnelId"], outputs, 0.0)


def test_a_cloudflared_that_still_runs_keeps_its_tunnel_and_is_named(
    world: World, tunnel: dict[str, Any]
) -> None:
    made = connections(world)
    _, outputs = made.create(tunnel, False, 0.0)
    connected = world.lab("POST", "connectors", {"token": outputs["token"]}).json()
    with pytest.raises(Refused, match=r"connected from 192\.0\.2\.1"):
        made.delete(tunnel["tunnelId"], {**outputs, "deadlineSeconds": 0}, 0.0)
    world.lab("DELETE", f"connectors/{connected['id']}")
    made.delete(tunnel["tunnelId"], outputs, 0.0)


def test_a_refresh_knows_the_same_token_and_notices_a_tunnel_that_is_gone(world: World) -> None:
    with world.client() as client:
        made = client.zero_trust.tunnels.cloudflared.create(account_id=ACCOUNT, name="short")
        state = {"account": ACCOUNT, "tunnelId": made.id, "tunnel": "short", "deadlineSeconds": 1}
        _, outputs = connections(world).create(state, False, 0.0)
        assert connections(world).read(str(made.id), outputs, state)[1] == outputs
        client.zero_trust.tunnels.cloudflared.delete(str(made.id), account_id=ACCOUNT)
    assert connections(world).read(str(made.id), outputs, state)[0] is None
