"""Settings, storage and GitOps: the plain values the tree and the charts are given."""

from typing import Any

import pytest
import yaml

from components.gitops.instance import spec
from components.hearth import camel, snake
from components.secrets.settings import settings, variable
from components.storage import csi
from config.proxmox import Proxmox
from config.services import ProxmoxCsi
from tests.unit.components.committed import STACKS, cluster, edited

pytestmark = pytest.mark.unit


def proxmox() -> Proxmox:
    found = cluster("test-cluster").proxmox
    assert found is not None
    return found


def storage() -> ProxmoxCsi:
    found = cluster("test-cluster").storage
    assert isinstance(found, ProxmoxCsi)
    return found


@pytest.mark.parametrize("stack", STACKS)
def test_settings_are_what_flux_can_substitute(stack: str) -> None:
    found = settings(cluster(stack))
    assert list(found) == sorted(found)
    for name, value in found.items():
        assert name.isidentifier(), name
        assert name == name.upper()
        assert isinstance(value, str)


def test_settings_carry_the_address_plan() -> None:
    found = settings(cluster("test-cluster"))
    assert found["CLUSTER_NAME"] == "test-cluster"
    assert found["CLUSTER_API_VIP"] == "10.0.3.1"
    assert found["POOL_SERVICES_POOL"] == '["10.0.3.4-10.0.3.20"]'
    assert found["ADDRESS_INGRESS"] == "10.0.3.2"
    assert found["STORAGE_CLASS"] == "proxmox-csi"
    assert not {name for name in found if name.startswith("BGP_")}


def test_settings_of_a_cluster_with_routers_carry_both_sides_numbers() -> None:
    found = settings(cluster("home-ops"))
    assert (found["BGP_LOCAL_ASN"], found["BGP_PEER_UDM_PRO_ASN"]) == ("64512", "64513")
    assert found["BGP_PEER_UDM_PRO_ADDRESS"] == "172.29.51.1"
    assert found["POD_SUBNETS"] == "10.244.0.0/16,fd47:25e1:2f96:1000::/56"
    assert "STORAGE_CLASS" not in found


def test_a_stacks_own_settings_are_spelt_like_the_others() -> None:
    facts = edited("home-ops", lambda raw: raw["seeds"].update(settings={"smtp-host.name": "x"}))
    assert settings(facts)["SMTP_HOST_NAME"] == "x"
    assert variable("bgp-default") == "BGP_DEFAULT"


def test_the_driver_is_told_api_token_and_region() -> None:
    text = csi.driver_config("test-cluster", proxmox(), "u@pve!t=the-secret")
    assert yaml.safe_load(text) == {
        "clusters": [
            {
                "url": "https://atlas.agentydragon.com:8006/api2/json",
                "insecure": False,
                "token_id": "u@pve!t",
                "token_secret": "the-secret",
                "region": "atlas",
            }
        ]
    }


def test_a_secret_with_an_equals_sign_arrives_whole() -> None:
    found = yaml.safe_load(csi.driver_config("s", proxmox(), "u@pve!t=a=b"))
    assert found["clusters"][0]["token_secret"] == "a=b"


def test_region_and_zone_of_the_class_are_those_of_the_nodes() -> None:
    (storage_class,) = csi.values(cluster("test-cluster"), proxmox(), storage())["storageClass"]
    (topology,) = storage_class["allowedTopologies"]
    expressions = {item["key"]: item["values"] for item in topology["matchLabelExpressions"]}
    assert expressions == {
        "topology.kubernetes.io/region": ["atlas"],
        "topology.kubernetes.io/zone": ["atlas"],
    }
    assert storage_class["storage"] == "local-zfs"


def test_the_class_is_the_one_that_the_tree_asks_for() -> None:
    (storage_class,) = csi.values(cluster("test-cluster"), proxmox(), storage())["storageClass"]
    assert storage_class["name"] == settings(cluster("test-cluster"))["STORAGE_CLASS"]


def test_the_controller_runs_once_where_there_is_one_control_plane() -> None:
    facts = edited("test-cluster", lambda raw: raw.update(machines=raw["machines"][2:]))
    assert csi.values(facts, proxmox(), storage())["replicaCount"] == 1
    assert csi.values(cluster("test-cluster"), proxmox(), storage())["replicaCount"] == 2


@pytest.mark.parametrize("stack", STACKS)
def test_flux_synchronises_the_stacks_own_path(stack: str) -> None:
    sync = spec(cluster(stack).gitops)["sync"]
    assert sync["path"] == f"./gitops/clusters/{stack}"
    assert sync["ref"] == "refs/heads/main"
    assert sync["pullSecret"] == "flux-deploy-key"


def test_a_public_repository_is_read_without_a_key() -> None:
    def public(raw: dict[str, Any]) -> None:
        raw["gitops"]["repository"] = "https://github.com/agentydragon/hearth.git"

    assert "pullSecret" not in spec(edited("test-cluster", public).gitops)["sync"]


def test_the_distribution_is_pinned_to_a_minor() -> None:
    version = spec(cluster("home-ops").gitops)["distribution"]["version"]
    assert version.split(".")[:2] != ["*"]
    assert version.count(".") == 2


@pytest.mark.parametrize(("python", "wire"), [("image_datastore", "imageDatastore"), ("a", "a")])
def test_names_are_translated_both_ways(python: str, wire: str) -> None:
    assert (camel(python), snake(wire)) == (wire, python)
