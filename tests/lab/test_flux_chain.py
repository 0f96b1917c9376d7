"""From a FluxInstance to the tree's objects: the stand-in for flux-operator, Flux's own source- and
kustomize-controller and the lab's Git server over SSH, under a real API server.
"""

from collections.abc import Iterator

import pytest

from tests.lab.flux_site import (
    INSTANCE,
    KUSTOMIZATION,
    SOURCE,
    FluxSite,
    config_map,
    listing,
    standing,
)

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800)]  # building Flux takes minutes, once


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FluxSite]:
    with standing(tmp_path_factory.mktemp("chain")) as site:
        yield site


@pytest.fixture
def site(everything: FluxSite) -> Iterator[FluxSite]:
    """Flux at rest on the first tree, before and after."""
    everything.until_ready(KUSTOMIZATION, "True")
    yield everything
    everything.heal()
    everything.know("host")
    head = everything.desk.lab(everything.git, "GET", "world").json()["commit"]
    everything.look()
    everything.until_ready(KUSTOMIZATION, "True", head)


def test_a_tree_is_applied_over_ssh_and_the_instance_is_ready(site: FluxSite) -> None:
    assert site.config_map("first") == {"word": "one"}
    assert site.read(SOURCE)["spec"]["url"].startswith("ssh://git@")
    site.until_ready(INSTANCE, "True", "Reconciliation finished")


def test_a_commit_is_applied_and_what_the_next_one_takes_away_is_pruned(site: FluxSite) -> None:
    files = {"kustomization.yaml": listing("first.yaml", "second.yaml")}
    made = site.commit("Add", files | {"second.yaml": config_map("second", "two")})
    site.look()
    site.until_ready(KUSTOMIZATION, "True", made)
    assert site.config_map("second") == {"word": "two"}
    gone = site.commit("Remove", {"kustomization.yaml": listing("first.yaml"), "second.yaml": None})
    site.look()
    site.until_ready(KUSTOMIZATION, "True", gone)
    site.until(lambda: not site.config_map("second"), "what is no longer in the tree to be pruned")


def test_a_commit_that_cannot_be_applied_is_told_and_the_next_one_heals(site: FluxSite) -> None:
    site.commit("Break", {"first.yaml": config_map("first", "[1]")})
    site.look()
    said = site.until_ready(KUSTOMIZATION, "False")
    assert "ConfigMap/default/first" in said
    assert site.config_map("first") == {"word": "one"}
    mended = site.commit("Mend", {"first.yaml": config_map("first", "three")})
    site.look()
    site.until_ready(KUSTOMIZATION, "True", mended)
    assert site.config_map("first") == {"word": "three"}


def test_a_server_that_does_not_know_the_key_is_told_as_such(site: FluxSite) -> None:
    site.fault(kind="denied")
    site.look()
    said = site.until_ready(SOURCE, "False")
    assert "unable to authenticate, attempted methods [none publickey]" in said


def test_a_server_that_hangs_up_is_told_as_such(site: FluxSite) -> None:
    site.fault(kind="unavailable")
    site.look()
    said = site.until_ready(SOURCE, "False")
    assert "failed to checkout and determine revision" in said
    assert "handshake failed" in said


def test_a_server_with_another_host_key_is_not_believed(site: FluxSite) -> None:
    site.know("impostor")
    site.look()
    assert "knownhosts: key mismatch" in site.until_ready(SOURCE, "False")
