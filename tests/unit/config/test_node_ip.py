"""Subnets select addresses as siderolabs/net's FilterIPs does, order included."""

from ipaddress import ip_address

import pytest

from config.rules.node_ip import selected

pytestmark = pytest.mark.unit

NODE, VIP, OTHER, V6 = (ip_address(x) for x in ("10.0.1.1", "10.0.3.1", "192.168.1.1", "fd00::1"))


def test_an_exclusion_takes_out_what_an_earlier_net_has_added() -> None:
    assert selected([NODE, VIP], ["10.0.0.0/16", "!10.0.3.1/32"]) == [NODE]


def test_an_exclusion_that_stands_first_excludes_nothing() -> None:
    assert selected([NODE, VIP], ["!10.0.3.1/32", "10.0.0.0/16"]) == [NODE, VIP]


def test_an_address_of_no_net_is_not_selected() -> None:
    assert selected([OTHER, NODE], ["10.0.0.0/16"]) == [NODE]


def test_an_address_of_two_nets_is_selected_once() -> None:
    assert selected([NODE], ["10.0.0.0/16", "10.0.0.0/8"]) == [NODE]


def test_the_nets_order_decides_over_the_addresses_order() -> None:
    assert selected([V6, NODE], ["10.0.0.0/16", "fd00::/64"]) == [NODE, V6]


def test_exclusions_alone_select_nothing() -> None:
    assert selected([NODE], ["!10.0.3.1/32"]) == []
