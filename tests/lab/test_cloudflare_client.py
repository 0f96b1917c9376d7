"""The simulated Cloudflare under Cloudflare's own Python client."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudflare
import pytest
from cloudflare import Cloudflare

from tests.lab.cloudflare_world import (
    ACCOUNT,
    DNS_TOKEN,
    OTHER_ZONE,
    OWNER_TOKEN,
    READER_TOKEN,
    ZONE,
    World,
    cloudflare_in,
)
from tests.lab.simulator_process import Authority, make_authority

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[World]:
    """A simulator for tests that change nothing in it."""
    with cloudflare_in(tmp_path_factory.mktemp("untouched"), authority) as running:
        yield running


@pytest.fixture(scope="module")
def looker(untouched: World) -> Iterator[Cloudflare]:
    with untouched.client() as client:
        yield client


@pytest.fixture
def world(tmp_path: Path, authority: Authority) -> Iterator[World]:
    with cloudflare_in(tmp_path, authority) as running:
        yield running


@pytest.fixture
def owner(world: World) -> Iterator[Cloudflare]:
    with world.client() as client:
        yield client


def codes(refused: pytest.ExceptionInfo[cloudflare.APIStatusError]) -> tuple[int, list[int]]:
    """HTTP status and Cloudflare's codes, those of chains after their own."""
    errors = refused.value.response.json()["errors"]
    found = [error["code"] for error in errors]
    found += [link["code"] for error in errors for link in error.get("error_chain", [])]
    return refused.value.status_code, found


def record(client: Cloudflare, name: str, content: str, kind: Any = "A", **more: Any) -> Any:
    made = {"name": name, "content": content, "type": kind, "ttl": 1, **more}
    return client.dns.records.create(zone_id=ZONE, **made)


# -------------------------------------------------------------------- who may do what


def test_a_token_is_verified(looker: Cloudflare, untouched: World) -> None:
    found = looker.user.tokens.verify()
    assert found is not None
    assert found.status == "active"
    with (
        untouched.client("x" * 40) as nobody,
        pytest.raises(cloudflare.AuthenticationError) as refused,
    ):
        nobody.user.tokens.verify()
    assert codes(refused) == (401, [1000])


@pytest.mark.parametrize(
    ("token", "status", "code"),
    [("x" * 40, 403, 9109), ("short", 400, 6003)],
)
def test_an_unknown_token_and_a_malformed_one_are_told_apart(
    untouched: World, token: str, status: int, code: int
) -> None:
    with untouched.client(token) as nobody, pytest.raises(cloudflare.APIStatusError) as refused:
        nobody.zones.list()
    assert codes(refused)[0] == status
    assert codes(refused)[1][0] == code


def test_a_token_sees_only_its_zones(untouched: World) -> None:
    seen = {}
    for token in (OWNER_TOKEN, DNS_TOKEN, READER_TOKEN):
        with untouched.client(token) as client:
            seen[token] = [zone.name for zone in client.zones.list()]
    assert seen[DNS_TOKEN] == ["example.org"]
    assert seen[OWNER_TOKEN] == seen[READER_TOKEN] == ["example.net", "example.org"]


def test_a_right_that_is_missing_and_a_zone_out_of_sight_are_told_apart(untouched: World) -> None:
    with untouched.client(READER_TOKEN) as reader:
        with pytest.raises(cloudflare.PermissionDeniedError) as refused:
            record(reader, "www", "192.0.2.1")
        assert codes(refused) == (403, [10000])
        with pytest.raises(cloudflare.PermissionDeniedError) as refused:
            list(reader.zero_trust.tunnels.cloudflared.list(account_id=ACCOUNT))
        assert codes(refused) == (403, [10000])
    with untouched.client(DNS_TOKEN) as dns:
        with pytest.raises(cloudflare.PermissionDeniedError) as refused:
            dns.zones.get(zone_id=OTHER_ZONE)
        assert codes(refused) == (403, [9109])


def test_an_identifier_nothing_has_is_named(looker: Cloudflare) -> None:
    with pytest.raises(cloudflare.NotFoundError, match="Could not route to") as refused:
        looker.dns.records.list(zone_id="f" * 32)
    assert codes(refused) == (404, [7003])


# --------------------------------------------------------------------------- records


def test_a_record_lives_through_create_read_change_and_delete(owner: Cloudflare) -> None:
    made = record(owner, "www", "192.0.2.1", comment="of a test")
    assert (made.name, made.ttl, made.proxied) == ("www.example.org", 1, False)
    assert owner.dns.records.get(made.id, zone_id=ZONE) == made
    edited = owner.dns.records.edit(
        made.id, zone_id=ZONE, content="192.0.2.2", name="www.example.org", type="A", ttl=300
    )
    assert edited is not None
    assert (edited.content, edited.ttl, edited.comment) == ("192.0.2.2", 300, "of a test")
    replaced = owner.dns.records.update(
        made.id, zone_id=ZONE, content="192.0.2.3", name="www.example.org", type="A", ttl=1
    )
    assert replaced is not None
    assert (replaced.content, replaced.comment) == ("192.0.2.3", None)
    gone = owner.dns.records.delete(made.id, zone_id=ZONE)
    assert gone is not None
    assert gone.id == made.id
    with pytest.raises(cloudflare.NotFoundError) as refused:
        owner.dns.records.get(made.id, zone_id=ZONE)
    assert codes(refused) == (404, [81044])


def test_records_are_found_by_name_and_listed_in_pages(owner: Cloudflare) -> None:
    for number in range(7):
        record(owner, f"host{number}", f"192.0.2.{number}")
    assert len(list(owner.dns.records.list(zone_id=ZONE, per_page=3))) == 7
    named = list(owner.dns.records.list(zone_id=ZONE, name={"exact": "host3.example.org"}))
    assert [found.content for found in named] == ["192.0.2.3"]


@pytest.mark.parametrize(
    ("name", "content", "kind", "code"),
    [
        ("www", "192.0.2.1", "A", 81058),
        ("www", "other.example.org", "CNAME", 81053),
        ("alias", "192.0.2.9", "A", 81054),
    ],
)
def test_records_that_cannot_stand_together_are_refused(
    owner: Cloudflare, name: str, content: str, kind: str, code: int
) -> None:
    record(owner, "www", "192.0.2.1")
    record(owner, "alias", "www.example.org", "CNAME")
    with pytest.raises(cloudflare.BadRequestError) as refused:
        record(owner, name, content, kind)
    assert codes(refused) == (400, [code])


@pytest.mark.parametrize(
    ("content", "kind", "more", "code"),
    [
        ("192.0.2.300", "A", {}, 9005),
        ("192.0.2.1", "AAAA", {}, 9006),
        ("not a host!", "CNAME", {}, 9007),
        ("192.0.2.1", "A", {"ttl": 30}, 9021),
        ("text", "TXT", {"proxied": True}, 9004),
    ],
)
def test_records_that_are_none_are_refused_with_the_reason(
    looker: Cloudflare, content: str, kind: str, more: dict[str, Any], code: int
) -> None:
    with pytest.raises(cloudflare.BadRequestError, match="DNS Validation Error") as refused:
        record(looker, "www", content, kind, **more)
    assert codes(refused) == (400, [1004, code])


def test_a_change_into_a_record_that_exists_is_refused(owner: Cloudflare) -> None:
    record(owner, "www", "192.0.2.1")
    other = record(owner, "www", "192.0.2.2")
    with pytest.raises(cloudflare.BadRequestError) as refused:
        owner.dns.records.edit(
            other.id, zone_id=ZONE, content="192.0.2.1", name="www", type="A", ttl=1
        )
    assert codes(refused) == (400, [81057])


# --------------------------------------------------------------------------- tunnels


def tunnel(client: Cloudflare, name: str = "home-ops") -> Any:
    tunnels = client.zero_trust.tunnels.cloudflared
    return tunnels.create(account_id=ACCOUNT, name=name, config_src="cloudflare")


def test_a_tunnel_is_configured_and_read_back(owner: Cloudflare) -> None:
    made = tunnel(owner)
    tunnels = owner.zero_trust.tunnels.cloudflared
    ingress: Any = [
        {"hostname": "auth.example.org", "service": "https://ingress"},
        {"service": "http_status:404"},
    ]
    where = {"tunnel_id": made.id, "account_id": ACCOUNT}
    assert tunnels.configurations.get(**where) is not None
    written = tunnels.configurations.update(**where, config={"ingress": ingress})
    read = tunnels.configurations.get(**where)
    assert read is not None
    assert written is not None
    assert read.to_dict()["config"] == written.to_dict()["config"] == {"ingress": ingress}
    assert read.version == 1
    found = tunnels.get(made.id, account_id=ACCOUNT)
    assert found is not None
    assert (found.name, found.status) == ("home-ops", "inactive")


def test_a_configuration_that_catches_nothing_at_its_end_is_refused(owner: Cloudflare) -> None:
    made = tunnel(owner)
    rules: Any = [{"hostname": "auth.example.org", "service": "https://ingress"}]
    with pytest.raises(cloudflare.BadRequestError, match="last ingress rule must match all"):
        owner.zero_trust.tunnels.cloudflared.configurations.update(
            made.id, account_id=ACCOUNT, config={"ingress": rules}
        )


def test_two_tunnels_cannot_have_one_name_until_one_is_gone(owner: Cloudflare) -> None:
    made = tunnel(owner)
    with pytest.raises(cloudflare.ConflictError, match="already have a tunnel") as refused:
        tunnel(owner)
    assert codes(refused) == (409, [1013])
    owner.zero_trust.tunnels.cloudflared.delete(made.id, account_id=ACCOUNT)
    assert tunnel(owner).id != made.id
    listed = owner.zero_trust.tunnels.cloudflared.list
    assert len(list(listed(account_id=ACCOUNT, name="home-ops"))) == 2
    assert len(list(listed(account_id=ACCOUNT, name="home-ops", is_deleted=False))) == 1


def test_a_connected_tunnel_goes_only_after_its_connectors_and_their_traces(
    owner: Cloudflare, world: World
) -> None:
    made = tunnel(owner)
    tunnels = owner.zero_trust.tunnels.cloudflared
    token = tunnels.token.get(made.id, account_id=ACCOUNT)
    connector = world.lab("POST", "connectors", {"token": token}).json()["id"]
    assert [c.id for c in tunnels.connections.get(made.id, account_id=ACCOUNT)] == [connector]

    def refusal() -> tuple[int, list[int]]:
        with pytest.raises(cloudflare.BadRequestError) as refused:
            tunnels.delete(made.id, account_id=ACCOUNT)
        return codes(refused)

    assert refusal() == (400, [1022])
    tunnels.connections.delete(made.id, account_id=ACCOUNT)
    assert refusal() == (400, [1022])  # whoever runs is back at once
    world.lab("DELETE", f"connectors/{connector}?abruptly=true")
    assert refusal() == (400, [1022])  # what vanished is still counted
    tunnels.connections.delete(made.id, account_id=ACCOUNT)
    assert tunnels.delete(made.id, account_id=ACCOUNT) is not None
    refused = world.lab("POST", "connectors", {"token": token})
    assert refused.status_code == 401


# ------------------------------------------------------------------------ API tokens


def test_a_new_token_does_what_its_policy_says_and_no_more(owner: Cloudflare, world: World) -> None:
    groups = {
        group.name: group.id for group in owner.user.tokens.permission_groups.list() if group.name
    }
    chosen: Any = [{"id": groups["DNS Write"]}, {"id": groups["Zone Read"]}]
    resources: Any = {f"com.cloudflare.api.account.zone.{ZONE}": "*"}
    policies: Any = [{"effect": "allow", "permission_groups": chosen, "resources": resources}]
    made = owner.user.tokens.create(name="external-dns", policies=policies)
    assert made is not None
    assert made.value
    assert made.id
    kept = owner.user.tokens.get(made.id)
    assert kept is not None
    assert kept.policies is not None
    assert "value" not in kept.to_dict()
    with world.client(made.value) as narrow:
        record(narrow, "made-by-it", "192.0.2.1")
        with pytest.raises(cloudflare.PermissionDeniedError):
            narrow.dns.records.list(zone_id=OTHER_ZONE)
    owner.user.tokens.delete(made.id)
    with world.client(made.value) as gone, pytest.raises(cloudflare.PermissionDeniedError):
        gone.zones.list()


# --------------------------------------------------------------------------- process


def test_a_throttled_client_tries_again(world: World) -> None:
    fault = {"kind": "rate-limit", "path": "/client/v4/zones", "times": 1}
    assert world.lab("POST", "faults", fault).status_code == 201
    with world.client(retries=0) as hasty, pytest.raises(cloudflare.RateLimitError) as refused:
        hasty.zones.list()
    assert codes(refused) == (429, [971])
    world.lab("POST", "faults", fault)
    with world.client(retries=2) as patient:
        assert len(list(patient.zones.list())) == 2


def test_everything_survives_a_restart_and_the_world_can_be_compared(
    tmp_path: Path, authority: Authority
) -> None:
    with cloudflare_in(tmp_path, authority) as world:
        empty = world.lab("GET", "world").json()
        with world.client() as client:
            kept = record(client, "www", "192.0.2.1")
            made = tunnel(client)
            token = client.zero_trust.tunnels.cloudflared.token.get(made.id, account_id=ACCOUNT)
        full = world.lab("GET", "world").json()
        assert world.simulator.stop() == 0
    with cloudflare_in(tmp_path, authority) as world:
        assert world.lab("GET", "world").json() == full
        with world.client() as client:
            client.dns.records.delete(kept.id, zone_id=ZONE)
            tunnels = client.zero_trust.tunnels.cloudflared
            assert tunnels.token.get(made.id, account_id=ACCOUNT) == token
            tunnels.delete(made.id, account_id=ACCOUNT)
        assert world.lab("GET", "world").json() == empty
        seen = json.dumps(full) + world.simulator.log.read_text()
    for secret in (OWNER_TOKEN, DNS_TOKEN, str(token)):
        assert secret not in seen
    assert (tmp_path / "state" / "cloudflare.json").stat().st_mode & 0o077 == 0
