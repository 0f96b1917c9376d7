"""Cloudflare's rules as pure state: names, neighbours, rights, tunnels."""

import base64
import json

import pytest
from pydantic import ValidationError

from lab.cloudflare.errors import ApiError
from lab.cloudflare.state.records import full_name, matches, normalised
from lab.cloudflare.state.rights import ACCOUNT, GROUPS, ZONE, ApiToken, checked, group_id
from lab.cloudflare.state.store import Store
from lab.cloudflare.state.tunnels import Connector, Tunnel, checked_config, checked_secret
from lab.cloudflare.wire import Setup, page

pytestmark = pytest.mark.unit

CONNECTOR = "5f0c63cf-0000-4000-8000-000000000001"


def token(effect: str, resources: dict[str, object], *names: str) -> ApiToken:
    groups = [{"id": group_id(name)} for name in names]
    policy = {"effect": effect, "resources": resources, "permission_groups": groups}
    return ApiToken("t", "t", checked([policy]), "", "")


@pytest.mark.parametrize(
    ("given", "whole"),
    [
        ("www", "www.example.org"),
        ("@", "example.org"),
        ("Example.org.", "example.org"),
        ("a.b.example.org", "a.b.example.org"),
        ("notexample.org", "notexample.org.example.org"),
    ],
)
def test_a_name_is_completed_by_its_zone(given: str, whole: str) -> None:
    assert full_name(given, "example.org") == whole


def test_a_proxied_record_has_an_automatic_ttl() -> None:
    given = {"name": "www", "type": "A", "content": "192.0.2.1", "ttl": 300, "proxied": True}
    assert normalised(given, "example.org")["ttl"] == 1


def test_filters_compare_without_case() -> None:
    record = {"name": "www.example.org", "type": "A"}
    assert matches(record, {"name": "WWW.example.org", "type": "a"})
    assert matches(record, {"name.startswith": "www."})
    assert not matches(record, {"name.contains": "mail"})


def test_a_right_on_an_account_reaches_its_zones() -> None:
    wide = token("allow", {f"{ACCOUNT}.1": "*"}, "DNS Write")
    assert wide.allows("DNS Read", f"{ZONE}.9", [f"{ACCOUNT}.1"])
    assert not wide.allows("DNS Read", f"{ZONE}.9", [f"{ACCOUNT}.2"])
    assert not wide.allows("Zone Read", f"{ZONE}.9", [f"{ACCOUNT}.1"])


def test_a_nested_right_reaches_only_what_it_names() -> None:
    nested = token("allow", {f"{ACCOUNT}.1": {f"{ZONE}.9": "*"}}, "DNS Read")
    assert nested.allows("DNS Read", f"{ZONE}.9", [f"{ACCOUNT}.1"])
    assert not nested.allows("DNS Read", f"{ZONE}.8", [f"{ACCOUNT}.1"])
    assert not nested.allows("DNS Read", f"{ACCOUNT}.1")


def test_a_denial_beats_a_right() -> None:
    both = token("allow", {f"{ZONE}.*": "*"}, "DNS Write")
    both.policies += token("deny", {f"{ZONE}.9": "*"}, "DNS Write").policies
    assert both.allows("DNS Write", f"{ZONE}.8")
    assert not both.allows("DNS Write", f"{ZONE}.9")


def test_permission_groups_have_identifiers_of_their_own() -> None:
    assert len({group_id(name) for name in GROUPS}) == len(GROUPS)


@pytest.mark.parametrize(
    "policies",
    [None, [], [{"effect": "maybe"}], [{"effect": "allow", "permission_groups": [{"id": "x"}]}]],
)
def test_policies_that_are_none_are_refused(policies: object) -> None:
    with pytest.raises(ApiError) as refused:
        checked(policies)
    assert refused.value.status == 400


def test_a_tunnels_token_holds_account_tunnel_and_secret() -> None:
    tunnel = Tunnel("id", "account", "name", "", secret=checked_secret(None))
    opened = json.loads(base64.b64decode(tunnel.token()))
    assert opened == {"a": "account", "t": "id", "s": tunnel.secret}
    assert tunnel.secret not in str(tunnel.shown())


@pytest.mark.parametrize("secret", ["c2hvcnQ=", "not base64!"])
def test_a_short_or_broken_tunnel_secret_is_refused(secret: str) -> None:
    with pytest.raises(ApiError):
        checked_secret(secret)


def test_cleaning_up_removes_only_connectors_that_are_gone() -> None:
    tunnel = Tunnel("id", "account", "name", "")
    tunnel.connectors = [
        Connector(CONNECTOR, "", running=False),
        Connector(CONNECTOR[:-1] + "2", ""),
    ]
    assert (len(tunnel.connections()), tunnel.shown()["status"]) == (8, "healthy")
    tunnel.clean_up()
    assert [connector.running for connector in tunnel.connectors] == [True]


def test_a_rule_behind_one_that_catches_everything_is_refused() -> None:
    with pytest.raises(ApiError, match="not the last one"):
        checked_config({"ingress": [{"service": "a"}, {"service": "b"}]})


def test_a_page_says_how_many_there_are() -> None:
    made = page(list(range(7)), {"page": "3", "per_page": "3"}, 20, 50)
    assert made["result"] == [6]
    assert made["result_info"] == {
        "page": 3,
        "per_page": 3,
        "count": 1,
        "total_count": 7,
        "total_pages": 3,
    }


def test_a_setup_names_the_permission_group_that_is_none() -> None:
    policy = {"permissions": ["DNS Wrte"], "resources": {f"{ZONE}.*": "*"}}
    setup = Setup.model_validate(
        {
            "accounts": [{"id": "a" * 32, "name": "Home"}],
            "tokens": [{"name": "t", "value": "x" * 40, "policies": [policy]}],
        }
    )
    with pytest.raises(ValueError, match=r"no permission group 'DNS Wrte'; known: .*DNS Write"):
        Store.fresh(setup, "")


def test_a_setup_with_an_unknown_word_is_refused() -> None:
    with pytest.raises(ValidationError, match="zone"):
        Setup.model_validate({"accounts": [], "tokens": [], "zone": []})
