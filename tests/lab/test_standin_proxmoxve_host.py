"""The proxmoxve stand-in against the simulated host, without an engine in between."""

from collections.abc import Iterator
from typing import Any

import pytest

from lab.plugins.proxmoxve import functions
from lab.plugins.proxmoxve.access import Pool, Role, User
from lab.plugins.proxmoxve.api import Api
from lab.plugins.proxmoxve.file import File
from lab.plugins.proxmoxve.rights import Acl, Token
from lab.plugins.proxmoxve.vm import Vm
from provider.rpc import UNKNOWN, PartialFailure, Refused, Secret, plain
from tests.lab.proxmox_host import Host, host_in
from tests.lab.standin_life import Life

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with host_in(tmp_path_factory.mktemp("host")) as running:
        yield running


@pytest.fixture
def api(host: Host) -> Api:
    return Api(host.login(), is_root_password=True)


@pytest.fixture
def image(host: Host, api: Api, request: pytest.FixtureRequest) -> Iterator[Life]:
    file = Life(File(lambda: api)).create(downloading(host, f"{request.node.name}.qcow2"))
    yield file
    file.delete()


def downloading(host: Host, name: str, **more: Any) -> dict[str, Any]:
    place = {"datastoreId": "local", "nodeName": "atlas", "contentType": "import"}
    return {**place, "url": host.image_url, "fileName": name, "overwrite": False, **more}


def machine(vm_id: int, image: Life, **more: Any) -> dict[str, Any]:
    disk = {"interface": "scsi0", "datastoreId": "local-zfs", "size": 20, "speed": {"read": 500}}
    return {
        "nodeName": "atlas",
        "vmId": vm_id,
        "name": f"vm{vm_id}",
        "stopOnDestroy": True,
        "disks": [{**disk, "importFrom": image.id}],
        "networkDevices": [{"bridge": "vmbr0"}],
        **more,
    }


def test_a_vm_lives_from_import_to_destruction(host: Host, api: Api, image: Life) -> None:
    wanted = machine(101, image)
    vm = Life(Vm(lambda: api)).create(wanted)
    assert vm.id == "101"
    assert vm.state["started"] is True
    assert vm.state["disks"][0]["size"] == 20
    assert vm.state["disks"][0]["importFrom"] == image.id
    assert vm.state["macAddresses"][0], "Proxmox VE makes up an address"
    assert vm.changed(wanted) == []
    assert vm.read() == "101"
    assert vm.changed(wanted) == []
    vm.delete()
    assert vm.read() is None
    vm.delete()
    assert "101" not in host.lab("GET", "world")["guests"]


def test_a_vm_in_use_is_refused(api: Api, image: Life) -> None:
    vm = Life(Vm(lambda: api)).create(machine(102, image))
    with pytest.raises(Refused, match=r"^VM create: error creating VM: .*102 already exists"):
        Life(Vm(lambda: api)).create(machine(102, image))
    vm.delete()


def test_a_vm_without_id_gets_the_next_free_one(api: Api, image: Life) -> None:
    wanted = machine(0, image)
    del wanted["vmId"]
    vm = Life(Vm(lambda: api)).create(wanted)
    assert int(vm.id) >= 100
    assert vm.changed(wanted) == []
    vm.delete()


def test_a_change_that_needs_a_reboot_reboots_only_when_allowed(
    host: Host, api: Api, image: Life
) -> None:
    wanted = machine(103, image, rebootAfterUpdate=False)
    vm = Life(Vm(lambda: api)).create(wanted)
    vm.update({**wanted, "cpu": {"cores": 2}})
    assert "automatic reboots are disabled" in vm.engine.said[-1]
    host.machines.calls.clear()
    vm.update({**wanted, "cpu": {"cores": 3}, "rebootAfterUpdate": True})
    assert [call for call, _ in host.machines.calls if call in ("off", "on")] == ["off", "on"]
    assert vm.state["cpu"]["cores"] == 3
    vm.delete()


def test_a_volume_attached_by_a_csi_is_not_seen_and_is_taken_off_with_the_next_change_of_a_disk(
    host: Host, api: Api, image: Life
) -> None:
    wanted = machine(104, image)
    vm = Life(Vm(lambda: api)).create(wanted)
    node = host.login().nodes("atlas")
    name = "vm-9999-pvc-0e7cbf3f-1e0f-4a8a-9d8e-000000000003"
    volume = node.storage("local-zfs").content.post(vmid=9999, filename=name, size="3G")
    node.qemu(104).config.put(scsi5=volume)
    vm.read()
    assert vm.changed(wanted) == []
    vm.update(machine(104, image, cpu={"cores": 3}))
    assert "scsi5" in node.qemu(104).config.get()
    wanted["disks"][0]["size"] = 30
    vm.update({**wanted, "cpu": {"cores": 3}})
    assert "scsi5" not in node.qemu(104).config.get()
    vm.delete()
    left = [item["volid"] for item in node.storage("local-zfs").content.get(vmid=9999)]
    assert left == [volume], "a volume that is another's goes with no machine"
    node.storage("local-zfs").content(volume).delete()


def test_a_difference_that_the_program_ignores_takes_no_volume_off(
    host: Host, api: Api, image: Life
) -> None:
    wanted = machine(116, image)
    del wanted["disks"][0]["speed"]
    vm = Life(Vm(lambda: api)).create(wanted)
    guest = host.login().nodes("atlas").qemu(116)
    guest.config.put(scsi5="local-zfs:3")
    vm.ignored = ("disks[0].speed",)
    vm.update({**wanted, "cpu": {"cores": 3}})
    assert "scsi5" in guest.config.get()
    vm.ignored = ()
    vm.update({**wanted, "cpu": {"cores": 4}})
    assert "scsi5" not in guest.config.get()
    vm.delete()


def test_a_disk_grows_and_never_shrinks(api: Api, image: Life) -> None:
    wanted = machine(105, image)
    vm = Life(Vm(lambda: api)).create(wanted)
    grown = machine(105, image)
    grown["disks"][0]["size"] = 30
    vm.update(grown)
    assert vm.state["disks"][0]["size"] == 30
    with pytest.raises(PartialFailure, match=r"Cannot shrink local-zfs:.* it is not supported!"):
        vm.update(wanted)
    vm.delete()


def test_tags_pool_and_network_change_in_place(host: Host, api: Api, image: Life) -> None:
    wanted = machine(106, image, tags=["b", "a"])
    vm = Life(Vm(lambda: api)).create(wanted)
    cards = [{"bridge": "vmbr0"}, {"bridge": "vmbr0", "vlanId": 5}]
    more = {**wanted, "tags": ["c"], "poolId": "testcluster", "networkDevices": cards}
    host.machines.calls.clear()
    vm.update(more)
    assert vm.state["poolId"] == "testcluster"
    assert vm.changed(more) == []
    assert [call for call, _ in host.machines.calls if call in ("off", "on")] == []
    vm.update({**more, "networkDevices": cards[:1]})
    assert len(vm.state["networkDevices"]) == 1
    vm.delete()


def test_the_cloud_init_drive_moves_only_when_the_vm_may_stop(api: Api, image: Life) -> None:
    address = {"ipConfigs": [{"ipv4": {"address": "10.0.1.9/16", "gateway": "10.0.0.1"}}]}
    init = {"datastoreId": "local-zfs", **address}
    wanted = machine(107, image, initialization=init, rebootAfterUpdate=False)
    vm = Life(Vm(lambda: api)).create(wanted)
    assert vm.changed(wanted) == []
    moved = {**wanted, "initialization": {**init, "interface": "ide0"}}
    with pytest.raises(PartialFailure, match="cannot move the Cloud-Init drive while the VM is"):
        vm.update(moved)
    vm.update({**moved, "rebootAfterUpdate": True})
    assert vm.state["initialization"]["interface"] == "ide0"
    assert vm.state["started"] is True
    vm.delete()


def test_a_vm_that_does_not_start_is_kept(host: Host, api: Api, image: Life) -> None:
    where = {"method": "POST", "path": "/status/start"}
    host.lab("POST", "faults", {"kind": "fail", **where, "status": 500, "message": "no memory"})
    vm = Life(Vm(lambda: api))
    with pytest.raises(
        PartialFailure, match="VM start: error starting VM: received an HTTP 500 response"
    ) as kept:
        vm.create(machine(108, image))
    host.lab("DELETE", "faults")
    assert kept.value.id == "108"
    vm.id, vm.inputs = "108", vm.check(machine(108, image))
    vm.state = kept.value.state
    assert vm.changed(machine(108, image)) == ["started"]
    assert vm.update(machine(108, image)).state["started"] is True
    vm.delete()


def test_a_create_survives_a_server_error(host: Host, api: Api, image: Life) -> None:
    fault = {"kind": "fail", "method": "POST", "path": "/qemu", "status": 500, "message": "busy"}
    host.lab("POST", "faults", {**fault, "times": 1})
    vm = Life(Vm(lambda: api)).create(machine(113, image))
    assert vm.state["started"] is True
    vm.delete()


def test_a_missing_agent_is_worth_a_warning(api: Api, image: Life) -> None:
    agent = {"enabled": True, "timeout": "100ms"}
    vm = Life(Vm(lambda: api)).create(machine(109, image, agent=agent))
    assert any("timeout while waiting for the QEMU agent" in text for text in vm.engine.said)
    assert vm.state["ipv4Addresses"] == []
    silent = {**agent, "waitForIp": {"disabled": True}}
    vm.engine.said.clear()
    vm.update(machine(109, image, agent=silent))
    assert vm.engine.said == []
    vm.delete()


def test_a_user_without_rights_is_told_which(host: Host, image: Life) -> None:
    host.login().access.users.post(userid="weak@pve", password="a password")
    weak = Api(host.login("weak@pve", "a password"), is_root_password=False)
    with pytest.raises(Refused) as refused:
        Life(Vm(lambda: weak)).create(machine(110, image))
    assert str(refused.value).startswith(
        "VM create: error creating VM: received an HTTP 403 response - Reason: Permission check "
        "failed ("
    )
    architecture = machine(110, image, cpu={"architecture": "x86_64"})
    with pytest.raises(Refused, match="can only be set by the root account"):
        Life(Vm(lambda: weak)).create(architecture)
    host.login().access.users("weak@pve").delete()


def test_an_imported_vm_is_read_by_node_and_number(api: Api, image: Life) -> None:
    wanted = machine(111, image)
    vm = Life(Vm(lambda: api)).create(wanted)
    imported = Life(Vm(lambda: api))
    imported.id = "atlas/111"
    assert imported.read() == "111"
    assert imported.inputs["disks"][0]["interface"] == "scsi0"
    vm.delete()


def test_a_preview_of_a_vm_knows_what_it_cannot_know(api: Api, image: Life) -> None:
    planned = Life(Vm(lambda: api)).create(machine(112, image), preview=True)
    assert planned.state["macAddresses"] is UNKNOWN
    assert planned.state["vmId"] == 112


def test_a_file_is_downloaded_once(host: Host, api: Api) -> None:
    wanted = downloading(host, "once.qcow2")
    file = Life(File(lambda: api)).create(wanted)
    assert file.id == "local:import/once.qcow2"
    assert file.state["size"] > 0
    assert file.read()
    assert file.changed(wanted) == []
    with pytest.raises(Refused, match="File already exists in the datastore"):
        Life(File(lambda: api)).create(wanted)
    Life(File(lambda: api)).create({**wanted, "overwriteUnmanaged": True})
    file.delete()
    assert file.read() is None
    assert "must be recreated" in file.engine.said[-1]


def test_a_file_of_another_size_is_replaced_only_with_overwrite(host: Host, api: Api) -> None:
    wanted = downloading(host, "sized.qcow2", overwrite=True)
    file = Life(File(lambda: api)).create(wanted)
    file.read()
    file.state["__urlSize"] = 5
    assert "size" in file.diff(wanted).replaces
    assert file.changed({**wanted, "overwrite": False}) == ["overwrite"]
    file.delete()


def test_a_url_that_is_not_there_names_the_call_that_failed(host: Host, api: Api) -> None:
    missing = downloading(host, "x.qcow2", url=f"{host.images}/nothing")
    with pytest.raises(
        Refused, match="Error downloading file from url: Could not download file 'x"
    ):
        Life(File(lambda: api)).create(missing)


def test_roles_users_and_pools_live_and_drift(host: Host, api: Api) -> None:
    role = Life(Role(lambda: api)).create({"roleId": "r", "privileges": ["VM.Audit", "Sys.Audit"]})
    assert role.changed({"roleId": "r", "privileges": ["Sys.Audit", "VM.Audit"]}) == []
    host.login().access.roles("r").put(privs="VM.Audit")
    role.read()
    assert role.changed({"roleId": "r", "privileges": ["VM.Audit", "Sys.Audit"]})
    role.update({"roleId": "r", "privileges": ["VM.Audit", "Sys.Audit"]})
    assert role.diff({"roleId": "other", "privileges": ["VM.Audit"]}).replaces
    user = Life(User(lambda: api)).create(
        {"userId": "u@pve", "comment": "c", "groups": ["operators"]}
    )
    user.read()
    assert user.changed({"userId": "u@pve", "comment": "c", "groups": ["operators"]}) == []
    assert user.update({"userId": "u@pve", "comment": "d"}).read()
    assert user.state["comment"] == "d"
    pool = Life(Pool(lambda: api)).create({"poolId": "p"})
    pool.update({"poolId": "p", "comment": "of a test"})
    assert pool.read()
    assert pool.state == {"poolId": "p", "comment": "of a test", "members": []}
    for life in (pool, user, role):
        life.delete()
        assert life.read() is None
        life.delete()


def test_a_token_works_and_is_told_once(host: Host, api: Api) -> None:
    user = Life(User(lambda: api)).create({"userId": "t@pve"})
    wanted = {"userId": "t@pve", "tokenName": "k8s", "comment": "c"}
    token = Life(Token(lambda: api)).create(wanted)
    value = token.state["value"]
    assert isinstance(value, Secret)
    name, _, secret = plain(value).partition("=")
    assert name == "t@pve!k8s"
    assert host.token("t@pve", "k8s", secret).version.get()
    token.read()
    assert token.state["value"] == value
    assert token.changed(wanted) == []
    token.update({**wanted, "privilegesSeparation": False})
    assert plain(token.state["value"]) == plain(value)
    token.delete()
    with pytest.raises(Refused, match="Error deleting user token"):
        token.delete()
    user.delete()


def test_an_entry_that_somebody_removed_is_gone(api: Api) -> None:
    user = Life(User(lambda: api)).create({"userId": "a@pve"})
    wanted = {"path": "/storage/local-zfs", "roleId": "PVEDatastoreUser", "userId": "a@pve"}
    acl = Life(Acl(lambda: api)).create(wanted)
    assert acl.id == "/storage/local-zfs?a@pve?PVEDatastoreUser"
    acl.read()
    assert acl.changed(wanted) == []
    acl.update({**wanted, "propagate": False})
    acl.read()
    assert acl.state["propagate"] is False
    acl.delete()
    assert acl.read() is None
    user.delete()


def test_functions_tell_of_the_host(api: Api) -> None:
    assert functions.version(lambda: api)({})["version"].startswith("9.")
    stores = functions.datastores(lambda: api)({"nodeName": "atlas"})["datastores"]
    assert [(item["id"], item["type"]) for item in stores] == [
        ("local", "dir"),
        ("local-zfs", "zfspool"),
    ]
    assert "import" in stores[0]["contentTypes"]
