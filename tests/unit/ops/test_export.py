"""`./hearth export bgp-peer`: the router's side, to the letter, and what it says when it cannot."""

from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from config.base import AddressRange
from ops.bgp_peer import covering, frr_config
from ops.errors import VerbError
from ops.export import main
from tests.unit.components.committed import cluster, edited

pytestmark = pytest.mark.unit

GOLDEN = Path(__file__).with_name("frr-home-ops.conf")
STACK = "home-ops"


def network(change: dict[str, Any]) -> Any:
    return edited(STACK, lambda raw: raw["network"]["loadBalancer"].update(change))


def test_the_routers_side_is_this_text() -> None:
    assert frr_config(cluster(STACK)) == GOLDEN.read_text()


def test_the_command_prints_it_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bgp-peer", STACK]) == 0
    assert capsys.readouterr().out == GOLDEN.read_text()


def test_every_node_is_a_neighbour_by_each_of_its_addresses() -> None:
    text = frr_config(cluster(STACK))
    for machine in cluster(STACK).machines:
        for address in machine.addresses:
            assert f"neighbor {address} peer-group HOME-OPS-V{address.version}\n" in text


def test_what_is_admitted_is_exactly_the_pools_addresses() -> None:
    found: set[Any] = set()
    for line in frr_config(cluster(STACK)).splitlines():
        if "-POOLS seq" in line and line.startswith("ip "):
            found |= set(ip_network(line.split("permit ")[1].split()[0]))
    (pool,) = cluster(STACK).network.load_balancer.pools
    span = next(span for span in pool.addresses if span.first.version == 4)
    assert found == {address for address in ip_network("172.29.52.0/24") if address in span}


def test_only_single_addresses_are_admitted() -> None:
    lines = [line for line in frr_config(cluster(STACK)).splitlines() if "-POOLS seq" in line]
    assert lines
    for line in lines:
        assert line.endswith((" ge 32", " ge 128", "/32", "/128")), line


def test_a_pool_that_is_not_announced_by_bgp_is_not_admitted() -> None:
    def with_l2(raw: dict[str, Any]) -> None:
        raw["network"]["loadBalancer"]["pools"].append(
            {"name": "l2", "mode": "l2", "addresses": ["172.29.51.50-172.29.51.60"]}
        )

    assert frr_config(edited(STACK, with_l2)) == GOLDEN.read_text()


def test_a_router_that_speaks_one_family_gets_one_session() -> None:
    peers = [{"name": "udm-pro", "address": "172.29.51.1", "asn": 64513}]
    text = frr_config(network({"bgp": {"localAsn": 64512, "peers": peers}}))
    assert "HOME-OPS-V4" in text
    assert "V6" not in text


def test_of_several_routers_one_has_to_be_named() -> None:
    peers = [
        {"name": "one", "address": "172.29.51.1", "asn": 64513},
        {"name": "two", "address": "172.29.51.2", "asn": 64514},
    ]
    two = network({"bgp": {"localAsn": 64512, "peers": peers}})
    with pytest.raises(VerbError, match="peers with the AS numbers 64513, 64514: name one"):
        frr_config(two)
    assert "router bgp 64514\n bgp router-id 172.29.51.2\n" in frr_config(two, 64514)
    with pytest.raises(VerbError, match="no BGP peer with the AS number 1; it has: 64513, 64514"):
        frr_config(two, 1)


def test_a_stack_without_bgp_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bgp-peer", "test-cluster"]) == 1
    assert "test-cluster has no network.loadBalancer.bgp" in capsys.readouterr().err


def test_a_misspelt_stack_is_asked_about(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bgp-peer", "home-opps"]) == 1
    assert "did you mean home-ops?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("first", "last", "nets"),
    [
        ("10.0.0.0", "10.0.0.255", ["10.0.0.0/24"]),
        ("10.0.0.1", "10.0.0.1", ["10.0.0.1/32"]),
        ("10.0.0.1", "10.0.0.4", ["10.0.0.1/32", "10.0.0.2/31", "10.0.0.4/32"]),
        ("fd00::", "fd00::f", ["fd00::/124"]),
    ],
)
def test_a_span_is_covered_by_the_fewest_nets(first: str, last: str, nets: list[str]) -> None:
    assert covering(AddressRange(first=ip_address(first), last=ip_address(last))) == nets
