"""The lab's Cloudflare account: what the simulator takes, with just the rights the page lists."""

import re
from typing import Any

import pytest

from config.cluster import Cluster
from lab.cloudflare.state.store import Store
from lab.cloudflare.wire import Setup
from lab.cloudflare_setup import cloudflare_setup, zone_id
from lab.seal import lab_values
from tests.unit.components.committed import ROOT, cluster, edited

pytestmark = pytest.mark.unit

STACK = "home-ops"
# A row of the page's table of rights: "| Zone > DNS > Edit | the one zone | ... |".
RIGHT = re.compile(r"^\| (Zone|Account) > ([\w ]+) > (Read|Edit) \|", re.MULTILINE)
DASHBOARD = {"Read": "Read", "Edit": "Write"}


def setup(facts: Cluster) -> dict[str, Any]:
    return cloudflare_setup(facts, lab_values(STACK))


def granted(document: dict[str, Any]) -> list[str]:
    (token,) = document["tokens"]
    return [name for policy in token["policies"] for name in policy["permissions"]]


def test_the_lab_grants_what_the_page_asks_a_person_for_and_no_more() -> None:
    page = (ROOT / "docs" / "cloudflare.md").read_text()
    asked = [f"{what} {DASHBOARD[how]}" for _, what, how in RIGHT.findall(page)]
    assert len(asked) == 4
    assert sorted(granted(setup(cluster(STACK)))) == sorted(asked)


def test_a_stack_without_a_tunnel_needs_no_right_to_make_one() -> None:
    def bare(raw: dict[str, Any]) -> None:
        raw["dns"]["cloudflare"].pop("tunnel")

    assert "Cloudflare Tunnel Write" not in granted(setup(edited(STACK, bare)))


def test_the_simulator_takes_it_with_the_facts_own_zone_and_account() -> None:
    store = Store.fresh(Setup.model_validate(setup(cluster(STACK))), "2026-01-01T00:00:00Z")
    facts = cluster(STACK).dns.cloudflare
    assert facts is not None
    assert list(store.accounts) == [facts.account]
    assert store.zones[zone_id(facts.zone)]["name"] == facts.zone


def test_a_stack_without_cloudflare_has_no_account_to_set_up() -> None:
    with pytest.raises(ValueError, match="test-cluster has nothing at Cloudflare"):
        setup(cluster("test-cluster"))
