"""The simulated Proxmox VE host under the calls the Terraform provider makes, in its order.

What was written is read back as it was written: a second run finds no difference.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from proxmoxer import ResourceException

from tests.lab.proxmox_host import (
    AGENT_SCHEMATIC,
    IMAGE_BYTES,
    SCHEMATIC,
    SETUP,
    Host,
    done,
    host_in,
)

pytestmark = pytest.mark.lab

GIB = 1024**3
VM = {
    "vmid": 101,
    "name": "talos-cp1",
    "acpi": 1,
    "agent": "enabled=0,fstrim_cloned_disks=0,type=virtio",
    "bios": "ovmf",
    "boot": "order=scsi0;net0",
    "cores": 4,
    "cpu": "cputype=x86-64-v2-AES",
    "sockets": 1,
    "memory": 8192,
    "balloon": 0,
    "protection": 0,
    "keyboard": "en-us",
    "net0": "model=virtio,bridge=vmbr0,macaddr=BC:24:11:00:01:01,firewall=0",
    "numa": 0,
    "ostype": "l26",
    "scsihw": "virtio-scsi-pci",
    "onboot": 1,
    "tablet": 1,
    "template": 0,
    "tags": "talos;test-cluster",
    "efidisk0": "file=local-zfs:1,efitype=4m",
    "scsi0": "file=local-zfs:0,import-from=local:import/talos.qcow2,discard=on,iothread=0,ssd=1",
    "ide2": "file=local-zfs:cloudinit,media=cdrom",
    "ipconfig0": "gw=10.0.0.1,ip=10.0.1.1/16",
    "nameserver": "10.0.0.1",
}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with host_in(tmp_path) as running:
        yield running


def download(api: Any, host: Host, name: str = "talos.qcow2") -> str:
    metadata = api.nodes("atlas")("query-url-metadata").get(url=host.image_url)
    assert metadata["filename"] == "nocloud-amd64.qcow2"
    storage = api.nodes("atlas").storage("local")
    upid = storage("download-url").post(content="import", filename=name, url=host.image_url)
    return done(api, upid)


def create(api: Any, host: Host) -> None:
    assert download(api, host) == "OK"
    assert done(api, api.nodes("atlas").qemu.post(**VM)) == "OK"
    resize = api.nodes("atlas").qemu(101).resize.put(disk="scsi0", size="20G")
    assert done(api, resize) == "OK"


def test_a_role_reads_back_the_privileges_it_was_given(host: Host) -> None:
    api = host.login()
    api.access.roles.post(roleid="CSI-test", privs="VM.Audit,VM.Config.Disk,Datastore.Audit")
    assert set(api.access.roles("CSI-test").get()) == {
        "VM.Audit",
        "VM.Config.Disk",
        "Datastore.Audit",
    }
    api.access.roles("CSI-test").put(privs="VM.Audit")
    assert set(api.access.roles("CSI-test").get()) == {"VM.Audit"}
    api.access.roles("CSI-test").delete()
    with pytest.raises(ResourceException, match="role 'CSI-test' does not exist"):
        api.access.roles("CSI-test").get()


def test_a_privilege_that_left_proxmox_is_refused(host: Host) -> None:
    with pytest.raises(ResourceException, match=r"VM\.Monitor"):
        host.login().access.roles.post(roleid="old", privs="VM.Monitor")


def test_a_user_and_their_token_read_back_as_written(host: Host) -> None:
    api = host.login()
    api.access.users.post(
        userid="csi@pve", comment="storage of test-cluster", enable=1, groups="operators"
    )
    user = api.access.users("csi@pve").get()
    assert (user["comment"], user["enable"], user["groups"]) == (
        "storage of test-cluster",
        1,
        ["operators"],
    )
    token = api.access.users("csi@pve").token("k8s")
    made = token.post(comment="of the driver", privsep=1)
    assert made["full-tokenid"] == "csi@pve!k8s"
    assert token.get() == {"comment": "of the driver", "privsep": 1}
    assert made["value"] not in str(host.lab("GET", "world"))


def test_an_entry_stays_until_it_is_removed(host: Host) -> None:
    api = host.login()
    api.access.users.post(userid="csi@pve")
    entry = {"path": "/storage/local-zfs", "roles": "PVEDatastoreUser", "users": "csi@pve"}
    api.access.acl.put(**entry, propagate=0)
    assert api.access.acl.get() == [
        {
            "path": "/storage/local-zfs",
            "type": "user",
            "ugid": "csi@pve",
            "roleid": "PVEDatastoreUser",
            "propagate": 0,
        }
    ]
    api.access.acl.put(**entry, delete=1)
    assert api.access.acl.get() == []


def test_a_guest_reads_back_as_the_provider_wrote_it(host: Host) -> None:
    api = host.login()
    create(api, host)
    config = api.nodes("atlas").qemu(101).config.get()
    unchanged = [
        "name", "acpi", "agent", "bios", "boot", "cores", "cpu", "sockets", "balloon",
        "protection", "keyboard", "ostype", "scsihw", "onboot", "tags", "ipconfig0", "nameserver",
    ]  # fmt: skip
    assert {key: config[key] for key in unchanged} == {key: VM[key] for key in unchanged}
    assert config["memory"] == "8192"
    assert config["net0"] == "virtio=BC:24:11:00:01:01,bridge=vmbr0,firewall=0"
    assert config["ide2"] == "local-zfs:vm-101-cloudinit,media=cdrom"
    disk = "local-zfs:vm-101-disk-1,discard=on,iothread=0,size=20G,ssd=1"
    assert config["scsi0"] == disk
    again = api.nodes("atlas").qemu(101).config.get()
    assert again == config


def test_an_imported_disk_is_as_large_as_the_image_until_it_is_resized(host: Host) -> None:
    api = host.login()
    assert download(api, host) == "OK"
    assert done(api, api.nodes("atlas").qemu.post(**VM)) == "OK"
    config = api.nodes("atlas").qemu(101).config.get()
    assert "size=1246M" in config["scsi0"]
    assert "import-from" not in config["scsi0"]
    volumes = api.nodes("atlas").storage("local-zfs").content.get(vmid=101)
    sizes = {volume["volid"]: volume["size"] for volume in volumes}
    assert sizes["local-zfs:vm-101-disk-1"] == IMAGE_BYTES
    assert "local-zfs:vm-101-cloudinit" in sizes


def test_a_started_guest_is_a_machine_with_its_hardware_and_image(host: Host) -> None:
    api = host.login()
    create(api, host)
    assert done(api, api.nodes("atlas").qemu(101).status.start.post()) == "OK"
    assert host.machines.calls == [("create", "atlas/101"), ("on", "atlas/101")]
    machine = host.machines.machines["atlas/101"]
    assert machine["image"] == {"version": "v1.13.0", "schematic": SCHEMATIC}
    assert machine["addresses"] == ["10.0.1.1/16"]
    assert (machine["gateways"], machine["nameservers"]) == (["10.0.0.1"], ["10.0.0.1"])
    assert machine["macs"] == ["bc:24:11:00:01:01"]
    assert (machine["cpus"], machine["memoryMiB"]) == (4, 8192)
    assert [(disk["name"], disk["sizeBytes"]) for disk in machine["disks"]] == [("sda", 20 * GIB)]
    assert machine["hostname"] == "talos-cp1"
    status = api.nodes("atlas").qemu(101).status.current.get()
    assert status["status"] == "running"


def test_power_and_removal_reach_the_machine(host: Host) -> None:
    api = host.login()
    create(api, host)
    guest = api.nodes("atlas").qemu(101)
    for action in ("start", "reset", "shutdown", "start", "reboot", "stop"):
        assert done(api, guest.status(action).post()) == "OK"
    assert done(api, api.nodes("atlas").qemu(101).delete(purge=1)) == "OK"
    name = "atlas/101"
    assert [verb for verb, who in host.machines.calls if who == name] == [
        "create", "on", "reset", "off", "create", "change", "on",
        "off", "create", "change", "on", "off", "delete",
    ]  # fmt: skip
    assert host.machines.machines == {}
    with pytest.raises(ResourceException, match="does not exist"):
        guest.status.current.get()


def test_a_guest_is_gone_when_it_was_removed_at_a_path_with_a_trailing_slash(host: Host) -> None:
    api = host.login()
    create(api, host)
    assert done(api, api("nodes/atlas/qemu/101/").delete(purge=1)) == "OK"
    with pytest.raises(ResourceException, match="does not exist"):
        api.nodes("atlas").qemu(101).status.current.get()


def test_a_guest_that_powered_itself_off_is_stopped(host: Host) -> None:
    api = host.login()
    create(api, host)
    done(api, api.nodes("atlas").qemu(101).status.start.post())
    host.machines.machines["atlas/101"]["power"] = "off"
    assert api.nodes("atlas").qemu(101).status.current.get()["status"] == "stopped"


def test_destroying_everything_leaves_the_world_as_it_was(host: Host) -> None:
    before = host.lab("GET", "world")
    api = host.login()
    create(api, host)
    api.pools("testcluster").put(vms="101")
    api.access.users.post(userid="csi@pve")
    api.access.users("csi@pve").token("k8s").post()
    api.access.acl.put(path="/vms/101", roles="PVEVMUser", tokens="csi@pve!k8s")
    assert host.lab("GET", "world") != before
    assert done(api, api.nodes("atlas").qemu(101).delete(purge=1)) == "OK"
    api.access.users("csi@pve").delete()
    storage = api.nodes("atlas").storage("local")
    assert done(api, storage.content("local:import/talos.qcow2").delete()) == "OK"
    assert host.lab("GET", "world") == before


def test_an_update_of_a_running_guest_waits_for_its_next_start(host: Host) -> None:
    api = host.login()
    create(api, host)
    guest = api.nodes("atlas").qemu(101)
    done(api, guest.status.start.post())
    guest.config.put(cores=6, description="six cores", tags="talos")
    assert guest.config.get()["cores"] == 6  # the provider reads what will be
    assert guest.config.get(current=1)["cores"] == 4
    pending = {item["key"]: item for item in guest.pending.get()}
    assert pending["cores"]["pending"] == 6
    assert guest.config.get(current=1)["description"] == "six cores"
    done(api, guest.status.reboot.post())
    assert guest.config.get(current=1)["cores"] == 6
    assert host.machines.machines["atlas/101"]["cpus"] == 6


def test_the_agent_answers_only_when_the_image_has_it(host: Host) -> None:
    api = host.login()
    create(api, host)
    guest = api.nodes("atlas").qemu(101)
    with pytest.raises(ResourceException, match="No QEMU guest agent configured"):
        guest.agent("network-get-interfaces").get()
    guest.config.put(agent="enabled=1")
    done(api, guest.status.start.post())
    with pytest.raises(ResourceException, match="QEMU guest agent is not running"):
        guest.agent("network-get-interfaces").get()
    machine = host.machines.machines["atlas/101"]
    machine["running"] = {"version": "v1.13.0", "schematic": AGENT_SCHEMATIC}
    machine["currentAddresses"] = ["10.0.1.1/16", "10.0.3.1/32"]
    found = guest.agent("network-get-interfaces").get()["result"]
    assert [entry["name"] for entry in found] == ["lo", "eth0"]
    addresses = [entry["ip-address"] for entry in found[1]["ip-addresses"]]
    assert addresses == ["10.0.1.1", "10.0.3.1"]


def test_an_image_goes_nowhere_when_import_is_not_enabled(tmp_path: Path) -> None:
    folder = tmp_path / "no-import"
    folder.mkdir()
    storages = [{"name": "local", "type": "dir", "content": ["iso"]}]
    refusal = "not configured for content-type 'import'"
    with (
        host_in(folder, {**SETUP, "storages": storages}) as host,
        pytest.raises(ResourceException, match=refusal),
    ):
        download(host.login(), host)


def test_a_download_fails_as_on_a_host(host: Host) -> None:
    api = host.login()
    url = host.image_url.replace(SCHEMATIC, "c" * 64)
    post = api.nodes("atlas").storage("local")("download-url").post
    upid = post(content="import", filename="talos.qcow2", url=url)
    assert done(api, upid) == "download failed: exit code 8"
    assert download(api, host) == "OK"
    refused = download(api, host)
    assert refused.startswith("refusing to override existing file '/var/lib/vz/import/talos.qcow2'")


def test_importing_what_is_not_there_fails_the_task(host: Host) -> None:
    api = host.login()
    status = done(api, api.nodes("atlas").qemu.post(**VM))
    assert "cannot import from 'local:import/talos.qcow2'" in status
    assert host.lab("GET", "world")["guests"] == {}


def test_a_guest_without_a_talos_image_runs_with_nothing_inside(host: Host) -> None:
    api = host.login()
    guest = api.nodes("atlas").qemu(105)
    assert done(api, api.nodes("atlas").qemu.post(vmid=105, scsi0="local-zfs:8")) == "OK"
    for action in ("start", "stop"):
        assert done(api, guest.status(action).post()) == "OK"
    assert done(api, guest.delete()) == "OK"
    assert host.machines.machines == {}
    assert ("create", "atlas/105") not in host.machines.calls


def test_an_unknown_bridge_fails_the_start(host: Host) -> None:
    api = host.login()
    upid = api.nodes("atlas").qemu.post(vmid=105, net0="virtio,bridge=vmbr9")
    assert done(api, upid) == "OK"
    assert done(api, api.nodes("atlas").qemu(105).status.start.post()) == (
        "bridge 'vmbr9' does not exist"
    )
    assert host.machines.calls == []
