"""A tunnel's release: its delete ends connections and looks, and names who keeps coming back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provider.rpc import Refused
from provider.tunnel_release import TunnelRelease
from tests.unit.provider.cloudflare_api import (
    ACCOUNT,
    TUNNEL,
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


def release(api: CloudflareApi) -> TunnelRelease:
    made = TunnelRelease()
    made.credentials = api.credentials
    return made


def test_create_and_update_ask_nobody(api: CloudflareApi) -> None:
    assert release(api).create(STATE, False, 0.0) == (TUNNEL, STATE)
    assert release(api).create(STATE, True, 0.0) == ("", STATE)
    assert release(api).update(TUNNEL, {}, STATE, False, 0.0) == STATE
    assert api.server.requests == []


def test_connections_that_were_left_behind_are_cleaned_up(api: CloudflareApi) -> None:
    api.clients = [LEFT_BEHIND]
    release(api).delete(TUNNEL, STATE, 0.0)
    assert api.clients == []
    assert len(api.server.asked("DELETE")) == 1


def test_a_client_that_comes_back_is_cleaned_up_again(api: CloudflareApi) -> None:
    api.clients, api.returning = [LEFT_BEHIND], 1
    release(api).delete(TUNNEL, STATE, 0.0)
    assert len(api.server.asked("DELETE")) == 2


@pytest.mark.parametrize("clients", [[], None])
def test_a_tunnel_without_connections_or_gone_already_is_done(
    api: CloudflareApi, clients: list[dict[str, Any]] | None
) -> None:
    api.clients = clients
    release(api).delete(TUNNEL, STATE, 0.0)
    assert api.server.asked("DELETE") == []


def test_a_running_cloudflared_is_named_by_where_it_connects_from(api: CloudflareApi) -> None:
    api.clients, api.returning = [LEFT_BEHIND], 99
    with pytest.raises(Refused) as error:
        release(api).delete(TUNNEL, {**STATE, "deadlineSeconds": 0}, 0.0)
    assert "the tunnel hearth-home still has 1 clients after 0 s" in str(error.value)
    assert "connected from 192.0.2.1, 192.0.2.2" in str(error.value)


def test_could_not_ask_is_an_error_and_never_none(api: CloudflareApi) -> None:
    api.fault = lambda _: denied()
    with pytest.raises(Refused, match="403 Authentication error"):
        release(api).delete(TUNNEL, STATE, 0.0)


def test_without_a_token_a_destroy_says_so() -> None:
    with pytest.raises(Refused, match="hearth:cloudflareToken"):
        TunnelRelease().delete(TUNNEL, STATE, 0.0)
