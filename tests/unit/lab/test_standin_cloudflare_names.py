"""Names and shapes between Pulumi and Cloudflare, and what a token's policies look like."""

from typing import Any

import pytest

from lab.plugins.cloudflare import api, names
from lab.plugins.cloudflare.resources import DnsRecord, Tunnel, TunnelConfig
from lab.plugins.cloudflare.tokens import AccountToken, ApiToken
from provider.rpc import UNKNOWN, Resource, Secret

pytestmark = pytest.mark.unit


def nobody() -> api.Api:
    return api.Api(lambda config, url: pytest.fail(f"asked {url} {config}"))


def test_names_change_and_come_back() -> None:
    given = {"accountId": "a", "originRequest": [{"noTlsVerify": True, "http2Origin": None}]}
    sent = {"account_id": "a", "origin_request": [{"no_tls_verify": True}]}
    assert names.to_api(given) == sent
    assert names.to_pulumi(sent)["originRequest"] == [{"noTlsVerify": True}]


def test_what_cloudflare_adds_is_cut_away() -> None:
    live = {"ingress": [{"service": "s", "id": "1"}], "version": 3}
    assert names.shaped(live, {"ingress": [{"service": "x"}]}) == {"ingress": [{"service": "s"}]}


RULES = [{"hostname": "a.example.org", "service": "http://a"}, {"service": "http_status:404"}]


def test_ingress_rules_are_singular_for_the_api() -> None:
    config = TunnelConfig(nobody())
    body = config.body({"config": {"ingresses": RULES, "originRequest": None}})
    assert body == {"config": {"ingress": RULES}}
    live = {"config": {"ingress": RULES, "warp-routing": {"enabled": False}}, "version": 2}
    assert config.outputs(live, {})["config"] == {"ingresses": RULES}


POLICY: dict[str, Any] = {
    "effect": "allow",
    "permissionGroups": [{"id": "2"}, {"id": "1"}],
    "resources": '{"com.cloudflare.api.account.*": "*"}',
}


def test_a_tokens_resources_are_an_object_for_the_api() -> None:
    token = ApiToken(nobody())
    inputs, failures = token.check({}, {"name": "n", "policies": [POLICY]})
    assert not failures
    body = token.body(inputs)
    assert body["policies"][0]["resources"] == {"com.cloudflare.api.account.*": "*"}
    assert body["policies"][0]["permission_groups"] == [{"id": "1"}, {"id": "2"}]


def test_resources_that_are_no_json_are_refused() -> None:
    policy = {**POLICY, "resources": {"a": "*"}}
    _, failures = ApiToken(nobody()).check({}, {"name": "n", "policies": [policy]})
    assert failures[0].property == "policies[0].resources"


def test_unknown_policies_pass_the_check() -> None:
    policies = [{**POLICY, "resources": UNKNOWN, "permissionGroups": [{"id": UNKNOWN}]}]
    _, failures = ApiToken(nobody()).check({}, {"name": "n", "policies": policies})
    assert not failures


@pytest.mark.parametrize(
    ("resource", "before", "change", "replaced"),
    [
        (DnsRecord, {"zoneId": "z", "name": "a", "type": "A"}, {"zoneId": "y"}, True),
        (DnsRecord, {"zoneId": "z", "name": "a", "type": "A"}, {"type": "CNAME"}, False),
        (Tunnel, {"accountId": "a", "name": "t"}, {"name": "u"}, False),
        (Tunnel, {"accountId": "a", "configSrc": "local"}, {"configSrc": "cloudflare"}, True),
        (TunnelConfig, {"accountId": "a", "tunnelId": "t"}, {"tunnelId": "u"}, True),
        (AccountToken, {"accountId": "a", "name": "n"}, {"accountId": "b"}, True),
    ],
)
def test_a_change_replaces_where_the_vendor_says_so(
    resource: type[Any], before: dict[str, Any], change: dict[str, Any], replaced: bool
) -> None:
    made: Resource = resource(nobody())
    found = made.diff("1", before, before, {**before, **change}, [])
    assert found.changed
    assert bool(found.replaces) is replaced


def test_connections_that_come_and_go_are_no_difference() -> None:
    inputs = {"accountId": "a", "name": "t"}
    state = {**inputs, "status": "healthy", "connections": [{"id": "1"}], "configSrc": "local"}
    assert not Tunnel(nobody()).diff("1", state, inputs, inputs, []).changed


@pytest.mark.parametrize(
    ("config", "refused"),
    [
        ({"apiToken": Secret("t")}, []),
        ({"apiKey": Secret("k"), "email": "e"}, []),
        ({"apiToken": UNKNOWN}, []),
        ({"baseUrl": "http://x"}, ["apiToken"]),
    ],
)
def test_a_provider_without_credentials_is_refused(
    config: dict[str, Any], refused: list[str]
) -> None:
    assert [failure.property for failure in api.check_config({}, config)[1]] == refused


def test_a_refusal_carries_the_answer_word_for_word() -> None:
    body = {"success": False, "errors": [{"code": 1013, "message": "named so"}]}
    error = api.ApiError('POST "https://x/y"', 409, "Conflict", body)
    assert error.codes == {1013}
    assert str(error).startswith('failed to make http request: POST "https://x/y": 409 Conflict {"')
