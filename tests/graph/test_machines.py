"""What goes wrong with Proxmox VE's provider when a program leaves things to its defaults."""

from typing import Any

import pytest

from components.infrastructure.image import schematic_id
from config import versions
from tests.graph import harness
from tests.graph.recorded import Graph, Registered
from tests.unit.components.committed import cluster

pytestmark = pytest.mark.graph


@pytest.fixture
def machines(graph: Graph) -> list[Registered]:
    found = graph.of("proxmoxve:index/vmLegacy:VmLegacy")
    assert len(found) == 5
    return found


@pytest.fixture
def inputs(machines: list[Registered]) -> list[dict[str, Any]]:
    return [machine.inputs for machine in machines]


def test_machines_are_of_the_full_featured_class(graph: Graph) -> None:
    kinds = {item.type for item in graph.custom() if "vm" in item.type.lower()}
    assert kinds == {"proxmoxve:index/vmLegacy:VmLegacy"}


def test_nothing_needs_ssh(graph: Graph, inputs: list[dict[str, Any]]) -> None:
    assert graph.of(":FileLegacy") == []
    assert all("fileId" not in disk for machine in inputs for disk in machine["disks"])
    for machine in inputs:
        assert not {key for key in machine["initialization"] if key.endswith("FileId")}
    for provider in graph.of("pulumi:providers:proxmoxve"):
        assert "ssh" not in provider.inputs


def test_no_default_that_cannot_boot_talos_is_left_in_place(inputs: list[dict[str, Any]]) -> None:
    for machine in inputs:
        assert machine["cpu"]["type"] == "host"
        assert machine["memory"]["dedicated"] >= 2048
        assert machine["machine"] == "q35"
        assert machine["operatingSystem"] == {"type": "l26"}
        assert machine["scsiHardware"] == "virtio-scsi-single"


def test_machines_have_what_the_facts_say(graph: Graph) -> None:
    worker = graph.one("VmLegacy", "worker1").inputs
    assert (worker["cpu"]["cores"], worker["memory"]["dedicated"]) == (8, 16384)
    assert worker["disks"][0]["size"] == 80
    assert worker["networkDevices"] == [
        {"bridge": "vmbr0", "model": "virtio", "macAddress": "BC:24:11:0A:02:01"}
    ]


def test_a_change_never_reboots_all_machines_at_once(inputs: list[dict[str, Any]]) -> None:
    assert [machine["rebootAfterUpdate"] for machine in inputs] == [False] * 5


def test_a_destroy_stops_machines_hard_instead_of_waiting_for_an_agent(
    inputs: list[dict[str, Any]],
) -> None:
    assert [machine["stopOnDestroy"] for machine in inputs] == [True] * 5


def test_a_destroy_never_deletes_disks_that_the_storage_driver_attached(
    inputs: list[dict[str, Any]],
) -> None:
    assert [machine["deleteUnreferencedDisksOnDestroy"] for machine in inputs] == [False] * 5


def test_the_agents_addresses_are_neither_waited_for_nor_used(
    inputs: list[dict[str, Any]],
) -> None:
    assert {str(machine["agent"]["waitForIp"]) for machine in inputs} == {"{'disabled': True}"}
    settings = harness.stack_settings("test-cluster")["hearth:cluster"]
    facts = {fact["name"]: f"{fact['addresses'][0]}/16" for fact in settings["machines"]}
    for machine in inputs:
        (config,) = machine["initialization"]["ipConfigs"]
        assert config["ipv4"] == {"address": facts[machine["name"]], "gateway": "10.0.0.1"}


def test_numbers_of_machines_are_explicit(inputs: list[dict[str, Any]]) -> None:
    assert sorted(machine["vmId"] for machine in inputs) == [1011, 1012, 1013, 1021, 1022]


def test_tags_are_sorted_because_proxmox_sorts_them(inputs: list[dict[str, Any]]) -> None:
    for machine in inputs:
        assert machine["tags"] == sorted(machine["tags"])
        assert "test-cluster" in machine["tags"]


def test_datastores_are_stated_on_disks_and_on_the_cloud_init_drive(
    inputs: list[dict[str, Any]],
) -> None:
    for machine in inputs:
        assert [disk["datastoreId"] for disk in machine["disks"]] == ["local-zfs"]
        assert machine["initialization"]["datastoreId"] == "local-zfs"


def test_exactly_two_paths_are_ignored(machines: list[Registered]) -> None:
    assert {tuple(machine.ignored) for machine in machines} == {
        ("disks[0].speed", "disks[0].importFrom")
    }


def test_nothing_else_ignores_changes(graph: Graph) -> None:
    ignoring = {item.type for item in graph.resources if item.ignored}
    assert ignoring == {"proxmoxve:index/vmLegacy:VmLegacy"}


def test_the_disk_is_imported_and_boots_first(machines: list[Registered], graph: Graph) -> None:
    image = graph.one("download/file:File")
    for machine in machines:
        (disk,) = machine.inputs["disks"]
        assert disk["interface"] == "scsi0"
        assert disk["importFrom"] == f"{image.name}-id"
        assert machine.inputs["bootOrders"] == ["scsi0"]
        assert graph.comes_before(image, machine)


def test_the_image_is_an_uncompressed_disk_of_the_right_release(graph: Graph) -> None:
    image = graph.one("download/file:File").inputs
    schematic = schematic_id(cluster("test-cluster").talos)
    assert image["contentType"] == "import"
    assert image["url"] == (
        f"https://factory.talos.dev/image/{schematic}/{versions.TALOS}/nocloud-amd64.qcow2"
    )
    assert image["fileName"].startswith(f"test-cluster-talos-{versions.TALOS}-")
    assert image["fileName"].endswith(".qcow2")


def test_the_image_is_not_replaced_when_its_url_changes_its_size(graph: Graph) -> None:
    assert graph.one("download/file:File").inputs["overwrite"] is False


def test_every_host_gets_the_image_once() -> None:
    def second_host(cluster: dict[str, Any]) -> None:
        cluster["proxmox"]["hosts"].append({"name": "titan", "bridge": "vmbr1"})
        cluster["machines"][4]["vm"]["host"] = "titan"

    graph = harness.run("test-cluster", settings=harness.changed("test-cluster", second_host))
    images = {item.inputs["nodeName"]: item for item in graph.of("download/file:File")}
    assert set(images) == {"atlas", "titan"}
    machine = graph.one("VmLegacy", "worker2").inputs
    assert machine["nodeName"] == "titan"
    assert machine["disks"][0]["importFrom"] == f"{images['titan'].name}-id"
    assert machine["networkDevices"][0]["bridge"] == "vmbr1"


def test_preflight_comes_before_image_and_machines(
    graph: Graph, machines: list[Registered]
) -> None:
    preflight = graph.one("hearth:index:Preflight")
    for item in (graph.one("download/file:File"), *machines):
        assert graph.comes_before(preflight, item)


@pytest.mark.parametrize(
    ("shared", "mode", "frees"),
    [
        (True, "sweep", False),
        (False, "sweep", True),
        (False, "keep", False),
    ],
)
def test_preflight_asks_for_the_rights_that_the_destroy_will_need(
    shared: bool, mode: str, frees: bool
) -> None:
    def storage(cluster: dict[str, Any]) -> None:
        cluster["storage"] |= {"sharedDatastore": shared, "dataOnDestroy": mode}
        cluster["storage"]["datastore"] = "local-zfs" if shared else "csi-zfs"

    graph = harness.run("test-cluster", settings=harness.changed("test-cluster", storage))
    assert graph.one("hearth:index:Preflight").inputs["freesVolumes"] is frees


def test_the_claim_on_the_volumes_comes_before_every_machine(
    graph: Graph, machines: list[Registered]
) -> None:
    claim = graph.one("hearth:index:VolumeSweep")
    for machine in machines:
        assert graph.comes_before(claim, machine)


def test_machines_are_made_with_the_everyday_token_and_access_with_the_other(
    graph: Graph,
) -> None:
    admin = graph.one("pulumi:providers:proxmoxve", "admin")
    everyday = graph.one("pulumi:providers:proxmoxve", "proxmox")
    for item in graph.custom():
        if item.type.startswith("proxmoxve:"):
            granting = item.name.startswith("auth-")
            assert item.provider == (admin if granting else everyday).urn, item.name
    assert "apiToken" not in admin.inputs
    assert "password" not in everyday.inputs


def test_the_storage_drivers_role_has_exactly_five_privileges(graph: Graph) -> None:
    assert graph.one("roleLegacy:RoleLegacy").inputs["privileges"] == [
        "Datastore.Allocate",
        "Datastore.AllocateSpace",
        "Datastore.Audit",
        "VM.Audit",
        "VM.Config.Disk",
    ]


def test_the_storage_drivers_role_holds_on_the_stacks_pool_and_datastore_only(
    graph: Graph,
) -> None:
    entries = graph.of("acl:Acl")
    assert sorted(entry.inputs["path"] for entry in entries) == [
        "/pool/test-cluster",
        "/storage/local-zfs",
    ]
    assert {entry.inputs["userId"] for entry in entries} == {"test-cluster-csi@pve"}
    assert {entry.inputs["roleId"] for entry in entries} == {"test-cluster-csi"}


def test_preflight_knows_all_of_a_machines_disk_that_a_change_could_alter(graph: Graph) -> None:
    told = {item["id"]: item for item in graph.one("Preflight").inputs["machines"]}
    machines = graph.of("VmLegacy")
    assert len(machines) == len(told)
    for machine in machines:
        mine = told[machine.inputs["vmId"]]
        assert (mine["name"], mine["host"]) == (
            machine.inputs["name"],
            machine.inputs["nodeName"],
        )
        (disk,) = machine.inputs["disks"]
        # An image is imported once, and ignored from then on.
        assert {key: value for key, value in disk.items() if key != "importFrom"} == {
            "interface": mine["disk"]["interface"],
            "datastoreId": mine["disk"]["datastore"],
            "size": mine["disk"]["sizeGib"],
            **mine["disk"]["options"],
        }


def test_a_stack_that_is_not_protected_can_be_destroyed_plainly(graph: Graph) -> None:
    assert [item.name for item in graph.resources if item.request.protect] == []


def test_a_protected_stack_loses_neither_machines_nor_keys_nor_volumes() -> None:
    settings = harness.changed("test-cluster", lambda cluster: cluster.update(protected=True))
    graph = harness.run("test-cluster", settings=settings)
    protected = {item.type for item in graph.resources if item.request.protect}
    assert protected == {
        "hearth:index:VolumeSweep",
        "proxmoxve:index/vmLegacy:VmLegacy",
        "pulumi:index:Stash",  # tests/graph/test_protection.py
        "talos:machine/secrets:Secrets",
    }
    assert all(item.request.protect for item in graph.of("VmLegacy"))


def test_every_machine_lies_in_the_stacks_pool(inputs: list[dict[str, Any]], graph: Graph) -> None:
    assert {machine["poolId"] for machine in inputs} == {"test-cluster"}
    assert graph.of("pool/membership:Membership") == []
