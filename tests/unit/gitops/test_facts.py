"""The trees against the facts: pools, addresses, names, keys, and which certificates."""

from typing import Any

import pytest

from components.secrets.settings import ACME_PRODUCTION, ACME_STAGING, settings
from config.network import Allocator
from tests.unit.components.committed import STACKS, cluster, edited
from tests.unit.gitops.trees import kustomizations, of

pytestmark = pytest.mark.unit


def values(stack: str, name: str) -> dict[str, Any]:
    """The values that a chart is given."""
    (found,) = (item for item in of(stack, "HelmRelease") if item.name == name)
    values: dict[str, Any] = found.spec["values"]
    return values


@pytest.mark.parametrize("stack", STACKS)
def test_every_external_dns_of_the_facts_is_one_of_the_tree_with_owner_and_filters(
    stack: str,
) -> None:
    charts = [item for item in of(stack, "HelmRelease") if item.name.startswith("external-dns")]
    instances = {item.name: item for item in cluster(stack).dns.external_dns}
    assert {item.name for item in charts} == set(instances)
    for name, instance in instances.items():
        given = values(stack, name)
        assert given["txtOwnerId"] == instance.owner_id
        assert given["domainFilters"] == list(instance.domain_filters)
        assert f"infrastructure-{name}" in kustomizations(stack)


@pytest.mark.parametrize("stack", STACKS)
def test_the_trees_metallb_pools_are_those_of_the_facts(stack: str) -> None:
    balancer = cluster(stack).network.load_balancer
    facts = balancer.pools if balancer.allocator is Allocator.METALLB else ()
    pools = {item.name: item.spec["addresses"] for item in of(stack, "IPAddressPool")}
    assert pools == {
        pool.name: [f"{span.first}-{span.last}" for span in pool.addresses] for pool in facts
    }
    announced = [name for x in of(stack, "L2Advertisement") for name in x.spec["ipAddressPools"]]
    assert sorted(announced) == sorted(pools)


def test_powerdns_asks_for_its_address_in_the_pool_that_holds_it() -> None:
    (service,) = (x for x in of("test-cluster", "Service") if x.spec.get("type") == "LoadBalancer")
    asked = service.document["metadata"]["annotations"]
    (pool,) = (
        x
        for x in cluster("test-cluster").network.load_balancer.pools
        if x.name == asked["metallb.io/address-pool"]
    )
    fixed = {x.service: x.address for x in cluster("test-cluster").network.load_balancer.fixed}
    assert asked["metallb.io/loadBalancerIPs"] == str(fixed["powerdns"])
    assert any(fixed["powerdns"] in span for span in pool.addresses)


def test_nobody_transfers_the_zone_without_the_key() -> None:
    (server,) = (x for x in of("test-cluster", "Deployment") if x.name == "powerdns")
    (container,) = (
        x for x in server.spec["template"]["spec"]["containers"] if x["name"] == "powerdns"
    )
    assert "--allow-axfr-ips=" in container["args"]


@pytest.mark.parametrize("stack", STACKS)
def test_sealed_secrets_keeps_to_the_key_of_the_identity(stack: str) -> None:
    assert values(stack, "sealed-secrets")["keyrenewperiod"] == "0"


def test_longhorn_writes_to_the_machines_data_disk() -> None:
    path = values("home-ops", "longhorn")["defaultSettings"]["defaultDataPath"]
    assert path == "/var/mnt/longhorn-ssd"


@pytest.mark.parametrize("stack", STACKS)
def test_a_cluster_that_is_made_anew_again_and_again_asks_for_no_real_certificates(
    stack: str,
) -> None:
    (issuer,) = of(stack, "ClusterIssuer")
    expected = ACME_PRODUCTION if cluster(stack).protected else ACME_STAGING
    assert issuer.spec["acme"]["server"] == expected


def test_a_stack_may_choose_its_certificates_itself() -> None:
    facts = edited(
        "test-cluster", lambda raw: raw["seeds"].update(settings={"acme_server": ACME_PRODUCTION})
    )
    assert settings(facts)["ACME_SERVER"] == ACME_PRODUCTION


@pytest.mark.parametrize("stack", STACKS)
def test_the_solver_that_an_issuer_names_is_the_one_that_the_chart_serves(stack: str) -> None:
    (issuer,) = of(stack, "ClusterIssuer")
    (solver,) = issuer.spec["acme"]["solvers"]
    webhook = solver["dns01"].get("webhook")
    names = {item.name for item in of(stack, "HelmRelease")}
    assert (webhook is not None) == ("cert-manager-webhook-pdns" in names)
    if webhook is not None:
        assert values(stack, "cert-manager-webhook-pdns")["groupName"] == webhook["groupName"]
