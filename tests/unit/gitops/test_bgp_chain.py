"""From the nodes to a Service's label: every link of the BGP chain, and what the facts fill in."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.secrets.settings import settings
from config.network import PoolMode
from tests.unit.components.committed import ROOT, cluster

pytestmark = pytest.mark.unit

STACK = "home-ops"
GITOPS = ROOT / "gitops"
CLUSTER = GITOPS / "clusters" / STACK
VARIABLE = re.compile(r"\$\{(\w+)\}")
POOL_LABEL = "io.cilium/lb-ipam-pool"


def documents(folder: Path) -> list[dict[str, Any]]:
    """The objects that a folder's kustomization.yaml takes in."""
    listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    assert sorted([*listed, "kustomization.yaml"]) == sorted(p.name for p in folder.iterdir())
    return [found for name in listed for found in yaml.safe_load_all((folder / name).read_text())]


@cache
def kustomizations() -> dict[str, dict[str, Any]]:
    """Flux' Kustomizations of the cluster by name."""
    found = [
        yaml.safe_load(path.read_text()) for path in sorted(CLUSTER.glob("infrastructure-*.yaml"))
    ]
    return {item["metadata"]["name"]: item for item in found}


@cache
def objects() -> tuple[dict[str, Any], ...]:
    """What they bring, as it is after substitution."""
    names = ("infrastructure-cilium-bgp", "infrastructure-cilium-pools")
    paths = (GITOPS.parent / kustomizations()[name]["spec"]["path"] for name in names)
    values = settings(cluster(STACK))
    texts = (yaml.safe_dump(item) for path in paths for item in documents(path))
    return tuple(yaml.safe_load(VARIABLE.sub(lambda m: values[m[1]], text)) for text in texts)


def of(kind: str) -> dict[str, dict[str, Any]]:
    return {item["metadata"]["name"]: item for item in objects() if item["kind"] == kind}


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a selector of plain labels picks these."""
    assert set(selector) == {"matchLabels"}
    wanted: Mapping[str, str] = selector["matchLabels"]
    return wanted.items() <= labels.items()


def test_all_objects_are_of_the_version_that_cilium_serves() -> None:
    assert {item["apiVersion"] for item in objects()} == {"cilium.io/v2"}


def test_the_router_is_a_peer_by_each_of_its_addresses() -> None:
    bgp = cluster(STACK).network.load_balancer.bgp
    assert bgp is not None
    (config,) = of("CiliumBGPClusterConfig").values()
    (instance,) = config["spec"]["bgpInstances"]
    assert instance["localASN"] == bgp.local_asn
    dialled = [(p["name"], p["peerASN"], p["peerAddress"]) for p in instance["peers"]]
    assert dialled == [(peer.name, peer.asn, str(peer.address)) for peer in bgp.peers]


def test_each_session_carries_the_family_of_its_own_address() -> None:
    bgp = cluster(STACK).network.load_balancer.bgp
    assert bgp is not None
    version = {peer.name: peer.address.version for peer in bgp.peers}
    (config,) = of("CiliumBGPClusterConfig").values()
    (instance,) = config["spec"]["bgpInstances"]
    for peer in instance["peers"]:
        chosen = of("CiliumBGPPeerConfig")[peer["peerConfigRef"]["name"]]
        (family,) = chosen["spec"]["families"]
        assert (family["afi"], family["safi"]) == (f"ipv{version[peer['name']]}", "unicast")


def test_every_family_has_an_advertisement_and_no_advertisement_is_left_over() -> None:
    adverts = of("CiliumBGPAdvertisement")
    used = set()
    for config in of("CiliumBGPPeerConfig").values():
        for family in config["spec"]["families"]:
            found = {
                name
                for name, advert in adverts.items()
                if selects(family["advertisements"], advert["metadata"]["labels"])
            }
            assert found, "a session that is up and announces nothing"
            used |= found
    assert used == set(adverts)


def test_what_is_announced_are_the_services_that_a_pool_gives_addresses_to() -> None:
    pools = of("CiliumLoadBalancerIPPool")
    given = [pool["spec"]["serviceSelector"] for pool in pools.values()]
    announced = [
        entry["selector"]
        for advert in of("CiliumBGPAdvertisement").values()
        for entry in advert["spec"]["advertisements"]
    ]
    assert given == announced == [{"matchLabels": {POOL_LABEL: "bgp-default"}}]
    for advert in of("CiliumBGPAdvertisement").values():
        for entry in advert["spec"]["advertisements"]:
            assert entry["advertisementType"] == "Service"
            assert entry["service"] == {"addresses": ["LoadBalancerIP"]}


def test_the_pools_of_the_tree_are_those_of_the_facts_with_all_their_addresses() -> None:
    facts = [p for p in cluster(STACK).network.load_balancer.pools if p.mode is PoolMode.BGP]
    tree = of("CiliumLoadBalancerIPPool")
    assert set(tree) == {pool.name for pool in facts}
    for pool in facts:
        spans = [{"start": str(s.first), "stop": str(s.last)} for s in pool.addresses]
        assert tree[pool.name]["spec"]["blocks"] == spans


def test_services_with_a_fixed_address_find_it_in_a_pool_that_is_announced() -> None:
    balancer = cluster(STACK).network.load_balancer
    announced = [pool for pool in balancer.pools if pool.mode is PoolMode.BGP]
    for fixed in balancer.fixed:
        assert any(fixed.address in span for pool in announced for span in pool.addresses)
