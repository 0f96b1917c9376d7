"""A tunnel's connections: the token they begin with, their end, and who keeps coming back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provider.rpc import UNKNOWN, Refused, is_secret
from provider.tunnel_connections import TunnelConnections
from tests.unit.provider.cloudflare_api import (
    ACCOUNT,
    TUNNEL,
    TUNNEL_TOKEN,
    CloudflareApi,
    cloudflare_api,
    denied,
)

pytestmark = [pytest.mark.unit, pytest.mark.timeout(10)]

STATE: dict[str, Any] = {
    "account": ACCOUNT,
    "tunnelId": TUNNEL,
    "tunnel": "hearth-home",
    "deadlineSeconds": 30,
}
LEFT_BEHIND = {"id": "c1", "conns": [{"origin_ip": "192.0.2.1"}, {"origin_ip": "192.0.2.2"}]}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[CloudflareApi]:
    with cloudflare_api(tmp_path) as running:
        yield running


def connections(api: CloudflareApi) -> TunnelConnections:
    made = TunnelConnections()
    made.credentials = api.credentials
    return made


def test_the_token_is_asked_for_once_and_kept(api: CloudflareApi) -> None:
    made = connections(api)
    assert made.create(STATE, False, 0.0) == (TUNNEL, {**STATE, "token": TUNNEL_TOKEN})
    olds = {**STATE, "token": "kept"}
    assert made.update(TUNNEL, olds, {**STATE, "tunnel": "x"}, False, 0.0)["token"] == "kept"
    assert len(api.server.requests) == 1


def test_the_token_is_a_secret_of_the_state(api: CloudflareApi) -> None:
    assert is_secret(connections(api).sealed({"token": TUNNEL_TOKEN})["token"])


def test_a_preview_asks_nobody(api: CloudflareApi) -> None:
    assert connections(api).create(STATE, True, 0.0) == ("", {**STATE, "token": UNKNOWN})
    assert api.server.requests == []


def test_a_refresh_asks_for_the_token_again(api: CloudflareApi) -> None:
    found = connections(api).read(TUNNEL, {**STATE, "token": "rolled since"}, STATE)
    assert found == (TUNNEL, {**STATE, "token": TUNNEL_TOKEN}, STATE)


def test_a_refresh_finds_that_the_tunnel_is_gone(api: CloudflareApi) -> None:
    api.clients = None
    assert connections(api).read(TUNNEL, STATE, STATE) == (None, {}, {})


def test_connections_that_were_left_behind_are_cleaned_up(api: CloudflareApi) -> None:
    api.clients = [LEFT_BEHIND]
    connections(api).delete(TUNNEL, STATE, 0.0)
    assert api.clients == []
    assert len(api.server.asked("DELETE")) == 1


def test_a_client_that_comes_back_is_cleaned_up_again(api: CloudflareApi) -> None:
    api.clients, api.returning = [LEFT_BEHIND], 1
    connections(api).delete(TUNNEL, STATE, 0.0)
    assert len(api.server.asked("DELETE")) == 2


@pytest.mark.parametrize("clients", [[], None])
def test_a_tunnel_without_connections_or_gone_already_is_done(
    api: CloudflareApi, clients: list[dict[str, Any]] | None
) -> None:
    api.clients = clients
    connections(api).delete(TUNNEL, STATE, 0.0)
    assert api.server.asked("DELETE") == []


def test_a_running_cloudflared_is_named_by_where_it_connects_from(api: CloudflareApi) -> None:
    api.clients, api.returning = [LEFT_BEHIND], 99
    with pytest.raises(Refused) as error:
        connections(api).delete(TUNNEL, {**STATE, "deadlineSeconds": 0}, 0.0)
    assert "the tunnel hearth-home still has 1 clients after 0 s" in str(error.value)
    assert "connected from 192.0.2.1, 192.0.2.2" in str(error.value)


def test_could_not_ask_is_an_error_and_never_none(api: CloudflareApi) -> None:
    api.fault = lambda _: denied()
    with pytest.raises(Refused, match="403 Authentication error"):
        connections(api).delete(TUNNEL, STATE, 0.0)


def test_without_a_token_a_destroy_says_so() -> None:
    with pytest.raises(Refused, match="hearth:cloudflareToken"):
        TunnelConnections().delete(TUNNEL, STATE, 0.0)
