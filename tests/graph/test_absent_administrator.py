"""A run without hearth:proxmoxAuth: the same graph, and a refusal where it would be needed."""

import pytest

from components.auth.absent import LOGIN
from tests.graph import harness
from tests.graph.recorded import Graph

pytestmark = pytest.mark.graph

STACK = "test-cluster"


@pytest.fixture(scope="module")
def without() -> Graph:
    return harness.run(STACK, without=["proxmoxAuth"])


def test_the_graph_is_the_same(without: Graph, graph: Graph) -> None:
    assert {item.name: item.type for item in without.resources} == {
        item.name: item.type for item in graph.resources
    }


def test_the_provider_that_grants_has_a_login_that_opens_nothing(without: Graph) -> None:
    provider = without.one("pulumi:providers:proxmoxve", "auth-admin")
    assert (provider.inputs["username"], provider.inputs["password"]) == (LOGIN, LOGIN)


def test_whatever_that_provider_makes_is_refused_before_it_is_made_or_changed(
    without: Graph, graph: Graph
) -> None:
    granted = [item for item in without.custom() if item.provider.endswith("::auth-admin")]
    assert {item.type for item in granted} >= {
        "proxmoxve:index/acl:Acl",
        "proxmoxve:index/poolLegacy:PoolLegacy",
        "proxmoxve:index/roleLegacy:RoleLegacy",
        "proxmoxve:index/userLegacy:UserLegacy",
        "proxmoxve:user/token:Token",
    }
    for item in granted:
        assert list(item.request.hooks.before_create) == ["auth-without-admin"]
        assert list(item.request.hooks.before_update) == ["auth-without-admin"]
        # A delete hook would make every destroy need the program.
        assert list(item.request.hooks.before_delete) == []
    elsewhere = [*graph.custom(), *(item for item in without.custom() if item not in granted)]
    bound = [name for item in elsewhere for name in item.request.hooks.before_create]
    assert "auth-without-admin" not in bound
