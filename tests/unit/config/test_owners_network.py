"""A dual-stack plan that a home lab really ran with: each of its mistakes is found, all at once."""

from pathlib import Path

import pytest

from tests.unit.config.cases import Case

pytestmark = pytest.mark.unit

# As one owner's files had it: the pod net has one group too many for its length, and is the nodes'
# VLAN once masked; one /64 block for three nodes; Services and load-balancer addresses out of that
# VLAN; a pool copied from a router's script; an API endpoint beside KubePrism's.
FIXTURE = """
base: home-ops
set:
  "network.podSubnets[1]": "fd47:25e1:2f96:51:2000::/64"
  "network.serviceSubnets[1]": "fd47:25e1:2f96:51:3000::/108"
  "network.loadBalancer.pools[0].addresses": [172.29.51.100/25, "fd47:25e1:2f96:51:4000::/120"]
  cilium.values: {k8sServiceHost: 172.29.51.10, kubeProxyReplacement: false}
expect: []
"""
FOUND = (
    ("network.podSubnets[1]", "fd47:25e1:2f96:51:2000::/64 has host bits set"),
    ("network.podSubnets[1]", "overlaps the node net fd47:25e1:2f96:51::/64"),
    ("network.podSubnets[1]", "has 1 block(s) of /64 for 3 machines"),
    ("network.serviceSubnets[1]", "overlaps the node net fd47:25e1:2f96:51::/64"),
    ("network.loadBalancer.pools[0].addresses[0]", "172.29.51.100/25 has host bits set"),
    ("network.loadBalancer.pools[0].addresses[1]", "overlaps the node net fd47:25e1"),
    ("cilium.values.k8sServiceHost", "k8sServiceHost follows from KubePrism"),
    ("cilium.values.kubeProxyReplacement", "kubeProxyReplacement follows from Talos"),
)


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    path: Path = tmp_path_factory.mktemp("network") / "plan.yaml"
    path.write_text(FIXTURE)
    return [(finding.path, finding.message) for finding in Case(path).findings()]


@pytest.mark.parametrize(("path", "message"), FOUND)
def test_each_of_the_owners_mistakes_is_found(
    path: str, message: str, findings: list[tuple[str, str]]
) -> None:
    assert [text for where, text in findings if where.endswith(path) and message in text], findings
