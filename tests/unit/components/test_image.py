"""The stack's image: its schematic, and the addresses that follow from it."""

import pytest
import yaml

from components.infrastructure.image import (
    confirmed,
    disk_image_url,
    installer_image,
    schematic,
    schematic_id,
)
from components.infrastructure.machines import agent
from config.talos import Extension, Talos
from lab.factory.wire import parse
from tests.unit.components.committed import cluster, edited

pytestmark = pytest.mark.unit

ID = "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba"


def test_the_schematic_lists_extensions_sorted() -> None:
    found = yaml.safe_load(schematic(cluster("home-ops").talos))["customization"]
    official = found["systemExtensions"]["officialExtensions"]
    assert official == sorted(official)
    assert "siderolabs/lldpd" in official


def test_kernel_arguments_stand_in_the_schematic_in_their_order() -> None:
    facts = edited("home-ops", lambda raw: raw["talos"].update(kernelArgs=["z=1", "a=2"]))
    found = yaml.safe_load(schematic(facts.talos))["customization"]
    assert found["extraKernelArgs"] == ["z=1", "a=2"]


def test_the_order_of_extensions_in_the_facts_changes_no_schematic() -> None:
    facts = edited("home-ops", lambda raw: raw["talos"]["extensions"].reverse())
    assert schematic(facts.talos) == schematic(cluster("home-ops").talos)


def test_a_stack_without_wishes_gets_the_plain_image() -> None:
    facts = edited("test-cluster", lambda raw: raw.update(talos={"contract": "v1.13"}))
    assert yaml.safe_load(schematic(facts.talos)) == {"customization": {}}


def test_the_disk_image_is_the_form_that_proxmox_imports() -> None:
    assert disk_image_url(ID, "v1.13.0") == (
        f"https://factory.talos.dev/image/{ID}/v1.13.0/nocloud-amd64.qcow2"
    )


@pytest.mark.parametrize("platform", ["nocloud", "metal"])
def test_the_installer_carries_the_same_schematic(platform: str) -> None:
    assert installer_image(ID, "v1.13.0", platform) == (
        f"factory.talos.dev/{platform}-installer/{ID}:v1.13.0"
    )


def test_the_agent_is_on_only_where_the_image_has_it() -> None:
    without = edited("test-cluster", lambda raw: raw["talos"].update(extensions=[]))
    assert (agent(cluster("test-cluster")).enabled, agent(without).enabled) == (True, False)


@pytest.mark.parametrize("stack", ["test-cluster", "home-ops"])
def test_the_id_is_the_one_that_the_factory_gives_the_schematic(stack: str) -> None:
    talos = cluster(stack).talos
    assert schematic_id(talos) == parse(schematic(talos).encode()).identifier


def test_ids_are_those_of_the_real_factory() -> None:
    agent_only = Talos(contract="v1.13", extensions=(Extension.QEMU_GUEST_AGENT,))
    assert schematic_id(Talos(contract="v1.13")) == ID
    assert schematic_id(agent_only) == (
        "ce4c980550dd2ab1b17bbf2b08801c7eb59418eafe8f279833297925d67c7515"
    )


def test_another_id_than_expected_stops_everything_before_a_machine_is_made() -> None:
    assert confirmed(ID, ID) == ID
    with pytest.raises(ValueError, match="would be told to install what does not exist"):
        confirmed(ID, "another")
