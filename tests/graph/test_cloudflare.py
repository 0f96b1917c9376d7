"""Names at Cloudflare: looked at first, made before machines, least rights, ours by a mark."""

import json
import subprocess
import sys
from typing import Any

import pulumi
import pytest

from components.secrets.settings import settings
from config.load import CLUSTER_KEY, load_cluster, read_stack_file
from tests.graph import harness
from tests.graph.recorded import UNKNOWN, Graph

pytestmark = pytest.mark.graph

STACK = "home-ops"
HOST = "*.k8s.home.geoffdavis.com"
ACCOUNT = "0" * 32
# Each is part of every URN below it: a renamed one is a tunnel and its names made anew.
# Add freely, never change.
TOKENS = {
    "cloudflare:index/accountToken:AccountToken",
    "cloudflare:index/dnsRecord:DnsRecord",
    "cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared",
    "cloudflare:index/zeroTrustTunnelCloudflaredConfig:ZeroTrustTunnelCloudflaredConfig",
    "hearth:dns:Cloudflare",
    "hearth:dns:Handover",
    "hearth:index:CloudflarePreflight",
    "hearth:index:RecordSweep",
    "hearth:index:TunnelConnections",
    "pulumi:providers:cloudflare",
}
TUNNEL = "zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared"


def changed(change: dict[str, Any]) -> Graph:
    def apply(cluster: dict[str, Any]) -> None:
        cluster["dns"] |= change

    return harness.run(STACK, settings=harness.changed(STACK, apply))


def test_the_tokens_of_cloudflare_are_the_committed_ones(metal: Graph) -> None:
    assert {item.type for item in metal.resources} >= TOKENS
    assert {item.type for item in metal.resources if "cloudflare" in item.type} <= TOKENS


def test_preflight_knows_all_that_is_wanted_and_which_fact_wants_it(metal: Graph) -> None:
    assert metal.one("index:CloudflarePreflight").inputs == {
        "stack": STACK,
        "zone": "geoffdavis.com",
        "account": ACCOUNT,
        "records": [
            {"name": HOST, "type": "CNAME", "key": "dns.cloudflare.tunnel.hostnames[0]"},
        ],
        "tunnel": "hearth-home-ops",
        "makesTokens": True,
    }


def test_nothing_is_made_at_cloudflare_before_all_of_it_was_looked_at(metal: Graph) -> None:
    preflight = metal.one("index:CloudflarePreflight")
    made = [item for item in metal.custom() if item.type.startswith("cloudflare:")]
    assert len(made) == 5
    for item in made:
        assert metal.comes_before(preflight, item), item.urn


def test_the_machines_come_after_the_tunnel_so_that_they_go_before_it(metal: Graph) -> None:
    connections = metal.one("index:TunnelConnections")
    assert metal.comes_before(metal.one(TUNNEL), connections)
    for host in metal.of("index:AdoptedHost"):
        assert metal.comes_before(connections, host)


def test_what_external_dns_wrote_goes_when_no_machine_is_left_to_write_it_anew(
    metal: Graph,
) -> None:
    sweep = metal.one("index:RecordSweep")
    assert sweep.inputs == {
        "zone": "geoffdavis.com",
        "zoneId": "zone-id",
        "owners": ["home-ops-cloudflare"],
    }
    for host in metal.of("index:AdoptedHost"):
        assert metal.comes_before(sweep, host)


def test_a_wrong_token_is_told_before_a_host_is_touched(metal: Graph) -> None:
    preflight = metal.one("index:CloudflarePreflight")
    assert all(metal.comes_before(preflight, host) for host in metal.of("index:AdoptedHost"))


def test_the_tunnel_is_configured_at_cloudflare_and_ends_with_a_rule_for_the_rest(
    metal: Graph,
) -> None:
    assert metal.one(TUNNEL).inputs == {
        "accountId": ACCOUNT,
        "name": "hearth-home-ops",
        "configSrc": "cloudflare",
    }
    config = metal.one("ZeroTrustTunnelCloudflaredConfig").inputs
    named, rest = config["config"]["ingresses"]
    assert (named["hostname"], rest) == (HOST, {"service": "http_status:404"})
    assert named["service"].startswith("https://ingress-nginx-public")
    # The service has a certificate for what people ask for, not for its own name.
    assert named["originRequest"] == {"matchSnItoHost": True}


def test_names_lead_to_the_tunnel_and_say_whose_they_are(metal: Graph) -> None:
    record = metal.one("dnsRecord:DnsRecord").inputs
    tunnel = f"{metal.one(TUNNEL).name}-id"
    assert record == {
        "zoneId": "zone-id",
        "name": HOST,
        "type": "CNAME",
        "content": f"{tunnel}.cfargotunnel.com",
        "ttl": 1,
        "proxied": True,
        "comment": "hearth:home-ops",
    }


def test_each_user_in_the_cluster_has_a_token_of_its_own_for_this_zone_alone(metal: Graph) -> None:
    made = {item.inputs["name"]: item.inputs for item in metal.of("AccountToken")}
    assert set(made) == {"hearth-home-ops-external-dns", "hearth-home-ops-cert-manager"}
    for inputs in made.values():
        assert inputs["accountId"] == ACCOUNT
        (policy,) = inputs["policies"]
        assert policy["permissionGroups"] == [{"id": "write"}, {"id": "read"}]
        assert json.loads(policy["resources"]) == {"com.cloudflare.api.account.zone.zone-id": "*"}


def test_secrets_lie_where_their_users_will_run_and_go_with_the_cluster(metal: Graph) -> None:
    expected = {
        "cloudflare-tunnel": ("tunnel-token", "token"),
        "external-dns": ("cloudflare-api-token", "api-token"),
        "cert-manager": ("cloudflare-api-token", "api-token"),
    }
    for namespace, (name, key) in expected.items():
        seed = metal.one("core/v1:Secret", f"cloudflare-secrets-{namespace}-{name}")
        assert seed.inputs["metadata"] == {"name": name, "namespace": namespace}
        assert list(seed.inputs["stringData"]) == [key]
        assert seed.is_secret("stringData")
        assert harness.CANARY not in seed.readable
        assert metal.hangs_on(seed) == metal.one("index:Anchor").urn
        assert metal.comes_before(metal.one("dns:Handover"), metal.one("FluxInstance"))


def test_what_stands_at_cloudflare_does_not_go_with_the_cluster(metal: Graph) -> None:
    for item in metal.custom():
        if item.type.startswith("cloudflare:") or "Tunnel" in item.type:
            assert metal.hangs_on(item) == "", item.urn


def test_the_token_is_a_secret_of_both_providers_and_of_nothing_else(metal: Graph) -> None:
    text = f"{harness.CANARY}cloudflareToken"
    holders = {item.type for item in metal.resources if text in json.dumps(item.wire)}
    assert holders == {"pulumi:providers:cloudflare", "pulumi:providers:hearth"}
    assert not [item.urn for item in metal.resources if text in item.readable]


def test_a_preview_registers_what_an_update_does(metal: Graph, metal_preview: Graph) -> None:
    assert metal_preview.urns() == metal.urns()
    assert metal_preview.one("dnsRecord:DnsRecord").inputs["zoneId"] == UNKNOWN


def test_instances_of_external_dns_that_write_elsewhere_get_no_token_of_cloudflare() -> None:
    none = changed(
        {
            "externalDns": [
                {"name": "inside", "target": "internal", "ownerId": "x", "domainFilters": ["a.b"]}
            ]
        }
    )
    assert [item.inputs["name"] for item in none.of("AccountToken")] == [
        "hearth-home-ops-cert-manager"
    ]


def test_a_zone_without_a_tunnel_has_no_names_of_ours() -> None:
    found = changed({"cloudflare": {"zone": "geoffdavis.com", "account": ACCOUNT}})
    assert not found.of(TUNNEL)
    assert not found.of("DnsRecord")
    assert "tunnel" not in found.one("index:CloudflarePreflight").inputs


def test_a_delegation_at_cloudflare_is_a_record_of_the_parent_zone() -> None:
    def delegated(cluster: dict[str, Any]) -> None:
        cluster["dns"] |= {
            "delegation": {
                "provider": "cloudflare",
                "nameserver": "ns1.geoffdavis.com",
                "secondary": "198.41.0.4",
                "transferFrom": "198.41.0.4",
            },
            "externalDns": [],
        }
        cluster["dns"]["cloudflare"].pop("tunnel")

    found = harness.run(STACK, settings=harness.changed(STACK, delegated))
    record = found.one("dnsRecord:DnsRecord").inputs
    assert record["name"] == "k8s.home.geoffdavis.com"
    assert (record["type"], record["content"]) == ("NS", "ns1.geoffdavis.com")
    assert record["proxied"] is False
    (wanted,) = found.one("index:CloudflarePreflight").inputs["records"]
    assert (wanted["type"], wanted["key"]) == ("NS", "domain")


def test_a_missing_token_is_told_before_anything_is_asked() -> None:
    with pytest.raises(pulumi.RunError, match="hearth:cloudflareToken"):
        harness.run(STACK, without=["cloudflareToken"])


def test_the_tree_learns_owner_and_filters_of_every_external_dns() -> None:
    file = read_stack_file(harness.ROOT / f"Pulumi.{STACK}.yaml")
    found = settings(load_cluster(file.config[CLUSTER_KEY], STACK))
    assert found["EXTERNAL_DNS_OWNER_ID"] == "home-ops-cloudflare"
    assert found["EXTERNAL_DNS_DOMAIN_FILTERS"] == '["k8s.home.geoffdavis.com"]'
    assert found["EXTERNAL_DNS_INTERNAL_OWNER_ID"] == "home-ops-internal"
    assert found["EXTERNAL_DNS_UNIFI_OWNER_ID"] == "home-ops-unifi"
    assert found["CLOUDFLARE_ZONE"] == "geoffdavis.com"


@pytest.mark.parametrize(("stack", "loads"), [("test-cluster", False), (STACK, True)])
def test_the_sdk_of_cloudflare_is_loaded_only_where_names_are_there(
    stack: str, *, loads: bool
) -> None:
    code = (
        f"import sys; from tests.graph import harness; harness.run({stack!r});"
        "print('pulumi_cloudflare' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=harness.ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == str(loads)
