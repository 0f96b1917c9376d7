"""The cloudflare stand-in under the real engine: a small program through all its commands."""

import json
from pathlib import Path

import pytest

from tests.lab.cloudflare_world import ACCOUNT, OWNER_TOKEN, cloudflare_in
from tests.lab.simulator_process import make_authority
from tests.lab.standin_engine import Stack

pytestmark = [pytest.mark.lab, pytest.mark.timeout(480)]
PROGRAM = """
import pulumi_cloudflare as cloudflare
p = cloudflare.Provider("p", api_token="TOKEN", base_url="URL/client/v4")
here, asking = pulumi.ResourceOptions(provider=p), pulumi.InvokeOptions(provider=p)
zone = cloudflare.get_zone_output(filter={"match": "all", "name": "example.org"}, opts=asking)
tunnel = cloudflare.ZeroTrustTunnelCloudflared("tunnel", account_id="ACCOUNT", name="home",
                                               config_src="cloudflare", opts=here)
cloudflare.ZeroTrustTunnelCloudflaredConfig("rules", account_id="ACCOUNT", tunnel_id=tunnel.id,
    config={"ingresses": [{"hostname": "app.example.org", "service": "http://SERVICE"},
                          {"service": "http_status:404"}]}, opts=here)
token = cloudflare.get_zero_trust_tunnel_cloudflared_token_output(
    account_id="ACCOUNT", tunnel_id=tunnel.id, opts=asking)
cloudflare.DnsRecord("app", zone_id=zone.zone_id, name="app.example.org", type="CNAME", ttl=1,
                     proxied=True, content=pulumi.Output.concat(tunnel.id, ".cfargotunnel.com"),
                     opts=here)
pulumi.export("token", pulumi.Output.secret(token.token))
"""


def test_a_program_lives_through_all_commands(tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    with cloudflare_in(tmp_path, authority) as world:
        before = world.lab("GET", "world").json()
        stack = Stack(tmp_path / "stack", env={"SSL_CERT_FILE": str(authority.bundle)})

        def program(service: str) -> None:
            text = PROGRAM.replace("TOKEN", OWNER_TOKEN).replace("URL", world.simulator.url)
            stack.program(text.replace("ACCOUNT", ACCOUNT).replace("SERVICE", service))

        program("one")
        assert stack.preview().ok().counts == {"to create": 5}
        first = stack.up().ok()
        assert first.counts == {"created": 5}
        assert stack.up().ok().counts == {"unchanged": 5}
        assert stack.refresh().ok().counts == {"unchanged": 5}
        assert OWNER_TOKEN not in json.dumps(stack.state()) + first.text

        program("two")
        assert stack.up().ok().counts == {"updated": 1, "unchanged": 4}
        assert stack.up().ok().counts == {"unchanged": 5}
        assert stack.destroy().ok().counts == {"deleted": 5}
        after = world.lab("GET", "world").json()
        assert after["records"] == before["records"]
