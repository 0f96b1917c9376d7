"""Who may do what on the simulated host: tickets, tokens, roles, the CSI driver's few rights."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from proxmoxer import AuthenticationError, ResourceException

from tests.lab.proxmox_host import TOKEN_SECRET, Host, done, host_in, talos_disk

pytestmark = pytest.mark.lab

CSI = "VM.Audit,VM.Config.Disk,Datastore.Allocate,Datastore.AllocateSpace,Datastore.Audit"


@pytest.fixture(scope="module")
def module_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with host_in(tmp_path_factory.mktemp("rights")) as running:
        yield running


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with host_in(tmp_path) as running:
        yield running


def csi_token(host: Host, *, privsep: int = 1) -> Any:
    api = host.login()
    api.access.roles.post(roleid="CSI-test", privs=CSI)
    api.access.users.post(userid="csi@pve")
    made = api.access.users("csi@pve").token("k8s").post(privsep=privsep)
    for path in ("/pool/testcluster", "/storage/local-zfs"):
        api.access.acl.put(path=path, roles="CSI-test", users="csi@pve")
        if privsep:
            api.access.acl.put(path=path, roles="CSI-test", tokens="csi@pve!k8s")
    return host.token("csi@pve", "k8s", made["value"])


def guest(host: Host, vmid: int = 101, pool: str = "testcluster") -> Any:
    api = host.login()
    options = {"scsihw": "virtio-scsi-pci", "net0": "virtio,bridge=vmbr0"}
    options["scsi0"] = talos_disk(api, host)
    assert done(api, api.nodes("atlas").qemu.post(vmid=vmid, pool=pool, **options)) == "OK"
    assert done(api, api.nodes("atlas").qemu(vmid).status.start.post()) == "OK"
    return api


def test_a_wrong_password_is_refused_without_a_reason(module_host: Host) -> None:
    with pytest.raises(AuthenticationError):
        module_host.login(password="not the password")


def test_a_wrong_token_is_refused(module_host: Host) -> None:
    with pytest.raises(ResourceException, match="401"):
        module_host.token("root@pam", "infra", "wrong").nodes.get()


def test_a_token_without_separation_has_its_users_rights(module_host: Host) -> None:
    api = module_host.token("root@pam", "infra", TOKEN_SECRET)
    assert "Sys.Modify" in api.access.permissions.get()["/"]


def test_a_separated_token_without_entries_may_nothing(module_host: Host) -> None:
    api = module_host.login()
    made = api.access.users("root@pam").token("bare").post(privsep=1)
    bare = module_host.token("root@pam", "bare", made["value"])
    assert bare.access.permissions.get() == {}
    with pytest.raises(ResourceException, match=r"403.*Sys\.Modify"):
        bare.access.roles.post(roleid="mine")


def test_a_token_never_has_more_than_its_user(module_host: Host) -> None:
    api = module_host.login()
    api.access.users.post(userid="small@pve")
    made = api.access.users("small@pve").token("big").post(privsep=1)
    api.access.acl.put(path="/", roles="Administrator", tokens="small@pve!big")
    api.access.acl.put(path="/storage", roles="PVEDatastoreUser", users="small@pve")
    held = module_host.token("small@pve", "big", made["value"]).access.permissions.get()
    assert held == {"/storage": {"Datastore.AllocateSpace": 1, "Datastore.Audit": 1}}


def test_an_entry_without_propagation_ends_at_its_path(module_host: Host) -> None:
    api = module_host.login()
    api.access.users.post(userid="shallow@pve")
    api.access.acl.put(path="/vms", roles="PVEVMUser", users="shallow@pve", propagate=0)
    held = api.access.permissions.get(userid="shallow@pve", path="/vms")
    assert held["/vms"]["VM.Console"] == 0
    assert api.access.permissions.get(userid="shallow@pve", path="/vms/101") == {"/vms/101": {}}


def test_a_disabled_user_cannot_log_in(module_host: Host) -> None:
    api = module_host.login()
    api.access.users.post(userid="gone@pve", password="long enough", enable=0)
    with pytest.raises(AuthenticationError):
        module_host.login("gone@pve", "long enough")


def test_the_csi_drivers_token_creates_attaches_detaches_and_frees_a_volume(host: Host) -> None:
    root = guest(host)
    csi = csi_token(host)
    content = csi.nodes("atlas").storage("local-zfs").content
    name = "vm-9999-pvc-0e7cbf3f-1e0f-4a8a-9d8e-000000000001"
    assert content.post(vmid=9999, filename=name, size="10G", format="raw") == f"local-zfs:{name}"
    assert [item["volid"] for item in content.get()] == [
        "local-zfs:vm-101-disk-0",
        f"local-zfs:{name}",
    ]
    attached = {"scsi1": f"local-zfs:{name},backup=0,iothread=1"}
    assert done(root, csi.nodes("atlas").qemu(101).config.post(**attached)) == "OK"
    config = root.nodes("atlas").qemu(101).config.get(current=1)
    assert config["scsi1"] == f"local-zfs:{name},backup=0,iothread=1,size=10G"
    disks = host.machines.machines["atlas/101"]["disks"]
    assert [disk["name"] for disk in disks] == ["sda", "sdb"]
    with pytest.raises(ResourceException, match="busy"):
        content(f"local-zfs:{name}").delete()
    csi.nodes("atlas").qemu(101).unlink.put(idlist="scsi1")
    config = root.nodes("atlas").qemu(101).config.get(current=1)
    assert not {"scsi1", "unused0"} & set(config)
    assert done(root, content(f"local-zfs:{name}").delete()) == "OK"
    assert [item["volid"] for item in content.get()] == ["local-zfs:vm-101-disk-0"]


def test_the_csi_drivers_token_touches_no_guest_outside_its_pool(host: Host) -> None:
    root = guest(host, 101)
    assert done(root, root.nodes("atlas").qemu.post(vmid=200, scsi0="local-zfs:1")) == "OK"
    csi = csi_token(host)
    with pytest.raises(ResourceException, match=r"403.*VM\.Config\.Disk"):
        csi.nodes("atlas").qemu(200).config.put(scsi1="local-zfs:1")
    with pytest.raises(ResourceException, match=r"403.*VM\.Config\.Disk"):
        csi.nodes("atlas").qemu(200).unlink.put(idlist="scsi0")
    with pytest.raises(ResourceException, match=r"403.*VM\.PowerMgmt"):
        csi.nodes("atlas").qemu(101).status.stop.post()
    with pytest.raises(ResourceException, match=r"403.*VM\.Allocate"):
        csi.nodes("atlas").qemu(101).delete()
    listed = csi.cluster.resources.get(type="vm")
    assert [item["vmid"] for item in listed] == [101]


def test_a_destroyed_guest_leaves_foreign_volumes_alone(host: Host) -> None:
    root = guest(host)
    storage = root.nodes("atlas").storage("local-zfs")
    name = "vm-9999-pvc-0e7cbf3f-1e0f-4a8a-9d8e-000000000002"
    storage.content.post(vmid=9999, filename=name, size="1G")
    root.nodes("atlas").qemu(101).config.put(scsi1=f"local-zfs:{name}")
    done(root, root.nodes("atlas").qemu(101).status.stop.post())
    parameters = {"purge": 1, "destroy-unreferenced-disks": 1}
    assert done(root, root.nodes("atlas").qemu(101).delete(**parameters)) == "OK"
    assert [item["volid"] for item in storage.content.get()] == [f"local-zfs:{name}"]


def test_a_detached_disk_of_its_own_stays_at_hand(host: Host) -> None:
    root = guest(host)
    qemu = root.nodes("atlas").qemu(101)
    qemu.config.put(scsi1="local-zfs:2")
    qemu.config.put(delete="scsi1")
    assert qemu.config.get(current=1)["unused0"] == "local-zfs:vm-101-disk-1"
    qemu.config.put(delete="unused0")
    volumes = root.nodes("atlas").storage("local-zfs").content.get()
    assert [item["volid"] for item in volumes] == ["local-zfs:vm-101-disk-0"]


def test_a_guests_bridge_needs_the_right_to_use_it(host: Host) -> None:
    root = host.login()
    root.access.users.post(userid="builder@pve", password="long enough")
    root.access.acl.put(path="/", roles="PVEVMAdmin,PVEDatastoreUser", users="builder@pve")
    builder = host.login("builder@pve", "long enough")
    with pytest.raises(ResourceException, match=r"/sdn/zones/localnetwork/vmbr0, SDN\.Use"):
        builder.nodes("atlas").qemu.post(vmid=300, net0="virtio,bridge=vmbr0")
    root.access.acl.put(path="/sdn/zones/localnetwork", roles="PVESDNUser", users="builder@pve")
    assert done(builder, builder.nodes("atlas").qemu.post(vmid=300, net0="virtio,bridge=vmbr0"))
