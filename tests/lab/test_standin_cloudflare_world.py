"""The cloudflare stand-in against the simulated Cloudflare, without an engine in between."""

from collections.abc import Iterator
from typing import Any

import pytest

from lab.plugins.cloudflare.api import Api
from lab.plugins.cloudflare.functions import Functions
from lab.plugins.cloudflare.resources import DnsRecord, Tunnel, TunnelConfig
from lab.plugins.cloudflare.tokens import AccountToken, ApiToken
from provider.rpc import UNKNOWN, Refused, Secret, plain
from tests.lab.cloudflare_world import ACCOUNT, READER_TOKEN, ZONE, World, cloudflare_in
from tests.lab.simulator_process import make_authority
from tests.lab.standin_life import Life

pytestmark = pytest.mark.lab
RULES = [{"hostname": "a.example.org", "service": "http://a"}, {"service": "http_status:404"}]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("cloudflare")
    with cloudflare_in(folder, make_authority(folder)) as running:
        yield running


@pytest.fixture
def api(world: World) -> Iterator[Api]:
    with world.client() as client:
        yield Api(lambda *_: client)


def record(name: str, **more: Any) -> dict[str, Any]:
    return {"zoneId": ZONE, "name": name, "type": "A", "ttl": 1, "content": "192.0.2.1", **more}


def test_a_record_lives_and_drifts(world: World, api: Api) -> None:
    life = Life(DnsRecord(api)).create(record("www.example.org"))
    assert life.changed(record("www.example.org")) == []
    with world.client() as client:
        client.dns.records.edit(
            life.id, zone_id=ZONE, name="www.example.org", type="A", ttl=1, content="192.0.2.9"
        )
    assert life.read()
    assert life.changed(record("www.example.org")) == ["content"]
    life.update(record("www.example.org", comment="by a test"))
    assert life.state["content"] == "192.0.2.1"
    assert life.read()
    assert life.changed(record("www.example.org", comment="by a test")) == []
    life.delete()
    assert life.read() is None
    assert "will be removed from state" in life.engine.said[-1]
    life.delete()


def test_a_short_name_is_kept_as_written(api: Api) -> None:
    life = Life(DnsRecord(api)).create(record("short"))
    assert life.state["name"] == "short"
    assert life.read()
    assert life.changed(record("short")) == []
    life.delete()


def test_a_record_that_is_there_is_refused_in_cloudflares_words(api: Api) -> None:
    life = Life(DnsRecord(api)).create(record("twice.example.org"))
    with pytest.raises(Refused) as refused:
        Life(DnsRecord(api)).create(record("twice.example.org"))
    assert '/dns_records": 400 Bad Request {' in str(refused.value)
    assert "An identical record already exists." in str(refused.value)
    life.delete()


def tunnel(name: str, **more: Any) -> dict[str, Any]:
    return {"accountId": ACCOUNT, "name": name, "configSrc": "cloudflare", **more}


def test_a_tunnel_with_its_rules_and_token(world: World, api: Api) -> None:
    secret = Secret("c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldCE=")
    life = Life(Tunnel(api)).create(tunnel("t1", tunnelSecret=secret))
    assert isinstance(life.resource.sealed(life.state)["tunnelSecret"], Secret)
    assert life.state["status"] == "inactive"
    rules = {"accountId": ACCOUNT, "tunnelId": life.id, "config": {"ingresses": RULES}}
    config = Life(TunnelConfig(api)).create(rules)
    assert config.changed(rules) == []
    assert config.read() == life.id
    assert config.changed(rules) == []
    spelt = [{**RULES[0], "originRequest": {"matchSnItoHost": True}}, RULES[1]]
    config.update({**rules, "config": {"ingresses": spelt}})
    # The API has capitals of its own, which a program never sees.
    live = api.call("get", f"/accounts/{ACCOUNT}/cfd_tunnel/{life.id}/configurations")
    assert live["config"]["ingress"][0]["originRequest"] == {"matchSNItoHost": True}
    assert config.read()
    assert config.state["config"] == {"ingresses": spelt}
    fewer = {**rules, "config": {"ingresses": RULES[1:]}}
    assert config.changed(fewer)
    config.update(fewer)
    assert config.read()
    assert config.state["config"] == {"ingresses": RULES[1:]}
    asked = {"accountId": ACCOUNT, "tunnelId": life.id}
    token = Functions(api).tunnel_token(asked)["token"]
    assert world.lab("POST", "connectors", {"token": token}).status_code == 201
    assert life.read()
    assert life.state["status"] == "healthy"
    assert life.changed(tunnel("t1", tunnelSecret=secret)) == []
    life.update(tunnel("t2", tunnelSecret=secret))
    assert life.state["name"] == "t2"
    config.delete()


def test_a_tunnel_in_use_is_said_to_be_deleted_and_is_not(world: World, api: Api) -> None:
    life = Life(Tunnel(api)).create(tunnel("busy"))
    asked = {"accountId": ACCOUNT, "tunnelId": life.id}
    token = Functions(api).tunnel_token(asked)["token"]
    connector = world.lab("POST", "connectors", {"token": token}).json()["id"]
    life.delete()
    assert life.read() == life.id, "the vendor's bug: nothing was deleted"
    with pytest.raises(Refused, match=r"409 Conflict .*already have a tunnel with this name"):
        Life(Tunnel(api)).create(tunnel("busy"))
    world.lab("DELETE", f"connectors/{connector}")
    life.delete()
    assert life.read() is None


def test_an_api_token_is_told_once_and_works(world: World, api: Api) -> None:
    groups = Functions(api).permission_groups({"name": "Zone Read"})["results"]
    policy = {
        "effect": "allow",
        "permissionGroups": [{"id": groups[0]["id"]}],
        "resources": f'{{"com.cloudflare.api.account.zone.{ZONE}": "*"}}',
    }
    wanted = {"name": "reader", "policies": [policy]}
    life = Life(ApiToken(api)).create(wanted)
    value = life.state["value"]
    assert isinstance(value, Secret)
    with world.client(plain(value)) as client:
        assert [zone.name for zone in client.zones.list()] == ["example.org"]
    assert life.read()
    assert plain(life.state["value"]) == plain(value)
    assert life.changed(wanted) == []
    life.update({**wanted, "name": "renamed"})
    assert plain(life.state["value"]) == plain(value)
    life.delete()
    assert life.read() is None
    owned = Life(AccountToken(api)).create({"accountId": ACCOUNT, **wanted})
    assert owned.changed({"accountId": ACCOUNT, **wanted}) == []
    owned.delete()


def test_zones_are_found_by_id_and_by_name(api: Api) -> None:
    functions = Functions(api)
    by_name = functions.zone({"filter": {"match": "all", "name": "example.org"}})
    assert by_name["zoneId"] == ZONE
    assert by_name["account"]["id"] == ACCOUNT
    assert functions.zone({"zoneId": ZONE})["name"] == "example.org"
    assert len(functions.zones({})["results"]) == 2
    with pytest.raises(Refused, match="found 0 zones"):
        functions.zone({"filter": {"match": "all", "name": "nowhere.org"}})


def test_a_token_without_the_right_is_refused(world: World) -> None:
    with world.client(READER_TOKEN) as client:
        weak = Api(lambda *_: client)
        with pytest.raises(Refused, match=r"403 Forbidden .*Authentication error"):
            Life(DnsRecord(weak)).create(record("no.example.org"))


def test_a_preview_asks_nobody() -> None:
    api = Api(lambda *_: pytest.fail("asked"))
    planned = Life(Tunnel(api)).create(tunnel("later"), preview=True)
    assert planned.state["status"] is UNKNOWN
    assert planned.state["name"] == "later"
