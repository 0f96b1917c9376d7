"""Cloudflare's preflight: everything that stands in the way at once, and what passes passes on."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provider.cloudflare_preflight import CloudflarePreflight
from provider.rpc import UNKNOWN, Refused
from tests.unit.provider.cloudflare_api import (
    ACCOUNT,
    DNS_READ,
    DNS_WRITE,
    TOKEN,
    TOKENS,
    TUNNELS,
    ZONE,
    CloudflareApi,
    cloudflare_api,
    refused,
)

pytestmark = [pytest.mark.unit, pytest.mark.timeout(10)]

NAME = "*.k8s.example.org"
KEY = "dns.cloudflare.tunnel.hostnames[0]"
WANTED: dict[str, Any] = {
    "stack": "home",
    "zone": "example.org",
    "account": ACCOUNT,
    "records": [{"name": NAME, "type": "CNAME", "key": KEY}],
    "tunnel": "hearth-home",
    "makesTokens": True,
}
OURS = {"name": NAME, "type": "CNAME", "content": "x.cfargotunnel.com", "comment": "hearth:home"}
BLOG = {**OURS, "comment": "the blog", "tags": ["owner:me"], "created_on": "2026-01-02T03:04:05Z"}
PASSED = {
    "zoneId": ZONE,
    "dnsGroups": ["id of DNS Write", "id of Zone Read"],
}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[CloudflareApi]:
    with cloudflare_api(tmp_path) as running:
        yield running


def preflight(api: CloudflareApi) -> CloudflarePreflight:
    made = CloudflarePreflight()
    made.credentials = api.credentials
    return made


def refusal(api: CloudflareApi, wanted: dict[str, Any] = WANTED) -> str:
    with pytest.raises(Refused) as error:
        preflight(api).create(wanted, False, 0.0)
    assert TOKEN not in str(error.value)
    return str(error.value)


def test_what_passes_tells_the_zone_and_what_tokens_are_made_of(api: CloudflareApi) -> None:
    assert preflight(api).create(WANTED, False, 0.0) == ("passed", {**WANTED, **PASSED})


def test_nothing_is_changed_that_could_exist(api: CloudflareApi) -> None:
    preflight(api).create(WANTED, False, 0.0)
    changes = [item.path for item in api.server.requests if item.method != "GET"]
    assert len(changes) == 3
    assert all(set(path.rpartition("/")[2]) <= {"0", "-"} for path in changes)
    assert not api.server.asked("DELETE")


def test_a_preview_asks_nobody_and_knows_no_zone(api: CloudflareApi) -> None:
    identity, outputs = preflight(api).create(WANTED, True, 0.0)
    assert (identity, outputs["zoneId"], outputs["dnsGroups"]) == ("", UNKNOWN, UNKNOWN)
    assert api.server.requests == []


def test_an_accounts_own_token_is_as_good_as_a_users(api: CloudflareApi) -> None:
    api.owner = f"/accounts/{ACCOUNT}"
    assert preflight(api).create(WANTED, False, 0.0)[0] == "passed"


def test_all_missing_rights_are_told_at_once_and_by_their_names(api: CloudflareApi) -> None:
    api.rights.clear()
    head, *lines = refusal(api).splitlines()
    where = "; docs/cloudflare.md lists the rights it needs"
    assert head == "Cloudflare is not ready for this stack:"
    assert lines == [
        f"  the token lacks Zone > DNS > Edit on example.org{where}",
        f"  the token lacks Account > Cloudflare Tunnel > Edit{where}",
        f"  the token lacks Account > Account API Tokens > Edit{where}",
    ]


@pytest.mark.parametrize(
    ("right", "said"),
    [(DNS_WRITE, "DNS > Edit"), (TUNNELS, "Tunnel > Edit"), (TOKENS, "API Tokens > Edit")],
)
def test_each_right_is_missed(api: CloudflareApi, right: str, said: str) -> None:
    api.rights.remove(right)
    found = refusal(api)
    assert said in found
    assert found.count("lacks") == 1


def test_a_right_that_nothing_needs_is_not_asked_for(api: CloudflareApi) -> None:
    api.rights = {DNS_READ, DNS_WRITE}
    wanted = {**WANTED, "tunnel": None, "makesTokens": False}
    assert preflight(api).create(wanted, False, 0.0)[1]["dnsGroups"] == []


def test_a_token_that_cloudflare_does_not_know_is_told_where_to_look(api: CloudflareApi) -> None:
    api.owner = "nobody's"
    found = refusal(api)
    assert "does not know the token (401 Invalid API Token (1000))" in found
    assert "hearth:cloudflareToken" in found


def test_a_token_out_of_force_is_not_tried_further(api: CloudflareApi) -> None:
    api.status = "expired"
    assert "the token in hearth:cloudflareToken is expired" in refusal(api)


@pytest.mark.parametrize("token", ["", "short", f"{TOKEN}\n", f"Bearer {TOKEN}"])
def test_what_is_no_token_is_never_sent_nor_shown(api: CloudflareApi, token: str) -> None:
    made = CloudflarePreflight()
    made.credentials = replace(api.credentials, token=token)
    with pytest.raises(Refused) as error:
        made.create(WANTED, False, 0.0)
    assert "hearth:cloudflareToken has blanks or signs" in str(error.value)
    assert TOKEN not in str(error.value)
    assert api.server.requests == []


def test_without_a_token_the_key_to_set_is_named() -> None:
    with pytest.raises(Refused, match="--secret hearth:cloudflareToken"):
        CloudflarePreflight().create(WANTED, False, 0.0)


def test_a_zone_out_of_sight_is_told_with_those_in_sight(api: CloudflareApi) -> None:
    found = refusal(api, {**WANTED, "zone": "example.net"})
    assert "there is no zone example.net that the token may see (it sees: example.org)" in found
    assert "dns.cloudflare.zone" in found


def test_a_zone_of_another_account_is_told_with_the_right_one(api: CloudflareApi) -> None:
    found = refusal(api, {**WANTED, "account": "c" * 32})
    assert f"the zone example.org belongs to the account {ACCOUNT} (Home)" in found
    assert "API Tokens" not in found


@pytest.mark.parametrize("kind", ["A", "AAAA", "CNAME", "NS"])
def test_somebody_elses_record_is_described_and_not_touched(api: CloudflareApi, kind: str) -> None:
    api.records = [{**BLOG, "type": kind, "content": "192.0.2.7"}]
    found = refusal(api)
    said = f"{NAME} {kind} 192.0.2.7 (comment: the blog; tags: owner:me; made 2026-01-02)"
    assert said in found
    assert f"change {KEY}" in found


def test_a_record_without_a_comment_is_somebody_elses(api: CloudflareApi) -> None:
    api.records = [{**BLOG, "comment": None, "tags": []}]
    assert "(no comment; made 2026-01-02)" in refusal(api)


def test_the_mark_of_another_stack_is_not_ours(api: CloudflareApi) -> None:
    api.records = [{**OURS, "comment": "hearth:home-two"}]
    assert "comment: hearth:home-two" in refusal(api)


def test_a_text_record_of_the_same_name_stands_in_nobodys_way(api: CloudflareApi) -> None:
    api.records = [{**BLOG, "type": "TXT", "content": "external-dns owner"}]
    assert preflight(api).create(WANTED, False, 0.0)[0] == "passed"


def test_a_record_of_ours_that_the_state_has_lost_is_told_as_such(api: CloudflareApi) -> None:
    api.records = [OURS]
    assert "is this stack's by its comment, and its state does not know it" in refusal(api)


def test_a_tunnel_of_our_name_is_told_before_cloudflare_refuses_ours(api: CloudflareApi) -> None:
    api.tunnels = [
        {"name": "hearth-home", "created_at": "2026-01-02T00:00:00Z", "connections": [1]}
    ]
    found = refusal(api)
    assert "there is a tunnel hearth-home already (made 2026-01-02, 1 connections)" in found


def test_several_findings_of_several_kinds_come_together(api: CloudflareApi) -> None:
    api.rights.remove(TOKENS)
    api.records = [BLOG]
    api.tunnels = [{"name": "hearth-home", "created_at": None}]
    found = refusal(api)
    assert len(found.splitlines()) == 4


def test_a_permission_group_that_cloudflare_renamed_is_named(api: CloudflareApi) -> None:
    api.groups = ("Zone Read",)
    assert "Cloudflare has no permission group DNS Write" in refusal(api)


def test_an_update_lets_what_is_ours_stand(api: CloudflareApi) -> None:
    api.records = [OURS]
    api.tunnels = [{"name": "hearth-home", "created_at": None}]
    news = {**WANTED, "makesTokens": False}
    outputs = preflight(api).update("passed", {**WANTED, **PASSED}, news, False, 0.0)
    assert outputs["zoneId"] == ZONE


def test_an_update_looks_at_names_that_are_new(api: CloudflareApi) -> None:
    api.records = [OURS, {**BLOG, "name": "new.example.org"}]
    new = {"name": "new.example.org", "type": "CNAME", "key": "k"}
    news = {**WANTED, "records": [*WANTED["records"], new]}
    with pytest.raises(Refused, match=r"new\.example\.org CNAME"):
        preflight(api).update("passed", {**WANTED, **PASSED}, news, False, 0.0)


def test_a_preview_of_an_update_keeps_the_zone_unless_that_is_another(api: CloudflareApi) -> None:
    made, olds = preflight(api), {**WANTED, **PASSED}
    kept = made.update("passed", olds, {**WANTED, "tunnel": "x"}, True, 0.0)
    moved = made.update("passed", olds, {**WANTED, "zone": "example.net"}, True, 0.0)
    assert (kept["zoneId"], moved["zoneId"]) == (ZONE, UNKNOWN)
    assert api.server.requests == []


def test_throttling_is_told_with_how_long_to_wait(api: CloudflareApi) -> None:
    api.fault = lambda _: refused(429, 971, "Please wait and consider throttling")
    assert "wait as long" in refusal(api)


def test_an_api_that_is_away_is_told_as_such(api: CloudflareApi) -> None:
    made = CloudflarePreflight()
    made.credentials = replace(api.credentials, endpoint="https://127.0.0.1:1")
    with pytest.raises(Refused, match="Cloudflare could not be asked for /user/tokens/verify"):
        made.create(WANTED, False, 0.0)


def test_a_page_of_html_is_no_traceback(api: CloudflareApi) -> None:
    api.fault = lambda _: (502, "<html>Bad gateway</html>")
    assert "502" in refusal(api)
