"""Preflight and volume sweep against the simulated Proxmox VE host, rights as it grants them."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provider import preflight, proxmox
from provider.proxmox import Credentials
from provider.rpc import Refused
from provider.sweep import VolumeSweep
from tests.lab.proxmox_host import SETUP, TOKEN_SECRET, Host, done, host_in
from tests.unit.provider.spoken import listening

pytestmark = [
    pytest.mark.lab,
    # The host's certificate is the test's own; not to look at it is what `insecure` asks for.
    pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning"),
]

POOL = "testcluster"
WANTED: dict[str, Any] = {
    "hosts": [{"name": "atlas", "bridge": "vmbr0"}],
    "imageDatastore": "local",
    "machineDatastore": "local-zfs",
    "volumeDatastore": "local-zfs",
    "freesVolumes": True,
    "pool": POOL,
    "machines": [
        {"id": number, "name": f"m{number}", "host": "atlas", "address": "127.0.9.1"}
        | {"cores": 4, "memoryMib": 8192, "disk": {"interface": "scsi0", "sizeGib": 40}}
        for number in (1011, 1021)
    ],
}
STATE: dict[str, Any] = {
    "datastore": "local-zfs",
    "hosts": ["atlas"],
    "shared": False,
    "dataOnDestroy": "sweep",
}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with host_in(tmp_path) as running:
        yield running


def root_token(host: Host) -> Any:
    return host.token("root@pam", "infra", TOKEN_SECRET)


def problems(api: Any, **changed: Any) -> list[str]:
    return list(preflight.find_problems(api, {**WANTED, **changed}))


def limited(host: Host, grants: dict[str, tuple[str, ...]]) -> Any:
    """A token of a user who has exactly these privileges on these paths."""
    root = host.login()
    root.access.users.post(userid="infra@pve")
    for number, (path, privileges) in enumerate(grants.items()):
        root.access.roles.post(roleid=f"infra-{number}", privs=",".join(privileges))
        root.access.acl.put(path=path, roles=f"infra-{number}", users="infra@pve")
    made = root.access.users("infra@pve").token("up").post(privsep=0)
    return host.token("infra@pve", "up", made["value"])


def just_enough() -> dict[str, tuple[str, ...]]:
    return {
        f"/pool/{POOL}": preflight.MACHINE_PRIVILEGES,
        "/storage/local": preflight.IMAGE_PRIVILEGES,
        "/storage/local-zfs": (*preflight.DISK_PRIVILEGES, proxmox.FREEING),
        "/nodes/atlas": preflight.HOST_PRIVILEGES,
        "/sdn/zones/localnetwork/vmbr0": ("SDN.Use",),
    }


def volume(host: Host, size: str = "1G", datastore: str = "local-zfs") -> str:
    """A volume as the storage driver makes it."""
    name = f"vm-9999-pvc-{uuid.uuid4()}"
    storage = host.login().nodes("atlas").storage(datastore)
    return str(storage.content.post(vmid=9999, filename=name, size=size, format="raw"))


def volumes(host: Host) -> set[str]:
    content = host.login().nodes("atlas").storage("local-zfs").content.get()
    return {item["volid"] for item in content}


def sweep(host: Host) -> VolumeSweep:
    made = VolumeSweep()
    token = f"root@pam!infra={TOKEN_SECRET}"
    made.credentials = Credentials(endpoint=host.simulator.url, token=token, insecure=True)
    return made


def guest(host: Host, **options: str) -> Any:
    """A running guest's API."""
    atlas = host.login().nodes("atlas")
    assert done(host.login(), atlas.qemu.post(vmid=101, pool=POOL, scsi0="local-zfs:8", **options))
    assert done(host.login(), atlas.qemu(101).status.start.post()) == "OK"
    return atlas.qemu(101)


def test_an_administrators_token_passes(host: Host) -> None:
    assert problems(root_token(host)) == []


def test_a_token_with_the_listed_privileges_and_no_more_passes(host: Host) -> None:
    assert problems(limited(host, just_enough())) == []


def test_a_token_that_passed_can_do_what_up_asks_of_it(host: Host) -> None:
    api = limited(host, just_enough())
    atlas = api.nodes("atlas")
    upid = atlas.storage("local")("download-url").post(
        content="import", filename="talos.qcow2", url=host.image_url
    )
    assert done(api, upid) == "OK"
    options = {
        "scsi0": "local-zfs:0,import-from=local:import/talos.qcow2",
        "scsihw": "virtio-scsi-single",
        "net0": "virtio,bridge=vmbr0",
        "ide2": "local-zfs:cloudinit",
        "ipconfig0": "ip=10.0.1.1/16,gw=10.0.0.1",
        "cpu": "host",
        "cores": 2,
        "memory": 2048,
        "machine": "q35",
        "agent": "enabled=1",
        "tags": "talos",
        "boot": "order=scsi0",
        "ostype": "l26",
        "onboot": 1,
    }
    assert done(api, atlas.qemu.post(vmid=1011, pool=POOL, **options)) == "OK"
    assert done(api, atlas.qemu(1011).status.start.post()) == "OK"
    assert done(api, atlas.qemu(1011).status.stop.post()) == "OK"
    assert done(api, atlas.qemu(1011).delete(purge=1)) == "OK"


@pytest.mark.parametrize("path", just_enough())
def test_a_token_without_the_rights_on_one_place_is_told_which(host: Host, path: str) -> None:
    grants = just_enough()
    del grants[path]
    found = problems(limited(host, grants))
    lacking = [line for line in found if "the token lacks" in line]
    assert lacking
    assert all(path in line for line in lacking)


def test_a_fresh_host_takes_no_image_until_import_is_enabled(tmp_path: Path) -> None:
    fresh = {
        **SETUP,
        "storages": [
            {"name": "local", "type": "dir", "content": ["iso", "vztmpl", "backup"]},
            {"name": "local-zfs", "type": "zfspool", "content": ["images", "rootdir"]},
        ],
    }
    with host_in(tmp_path, fresh) as host:
        (line,) = problems(root_token(host))
    assert "content type 'import'" in line
    assert "pvesm set local --content backup,import,iso,vztmpl" in line


def test_every_problem_of_a_host_is_told_at_once(host: Host) -> None:
    host.lab("POST", "faults", {"kind": "storage-offline", "storage": "local-zfs"})
    hosts = [{"name": "atlas", "bridge": "vmbr7"}, {"name": "titan", "bridge": "vmbr0"}]
    found = "\n".join(problems(root_token(host), hosts=hosts, imageDatastore="nas"))
    assert "host atlas has no bridge vmbr7; it has: vmbr0" in found
    assert "no datastore nas" in found
    assert "datastore local-zfs on atlas is not active" in found
    assert "host titan is unknown; known hosts: atlas" in found


def test_a_host_that_is_off_is_named(host: Host) -> None:
    host.lab("POST", "faults", {"kind": "node-offline", "node": "atlas"})
    with_token = root_token(host)
    assert any("host atlas is offline" in line for line in problems(with_token))


def test_a_sweep_frees_the_drivers_volumes_and_leaves_the_machines_disks(host: Host) -> None:
    guest(host)
    first, second = volume(host), volume(host, "2G")
    with listening() as spoken:
        sweep(host).delete("local-zfs", STATE, 0.0)
    assert volumes(host) == {"local-zfs:vm-101-disk-0"}
    assert f"{first} (1.0 GiB)" in spoken.infos[0]
    assert f"{second} (2.0 GiB)" in spoken.infos[0]


@pytest.mark.parametrize("how", [{"dataOnDestroy": "keep"}, {"shared": True}])
def test_a_sweep_that_may_not_free_lists(host: Host, how: dict[str, Any]) -> None:
    kept = volume(host)
    with listening() as spoken:
        sweep(host).delete("local-zfs", {**STATE, **how}, 0.0)
    assert volumes(host) == {kept}
    assert kept in spoken.warnings[0]


def test_a_volume_that_a_machine_still_holds_is_an_error(host: Host) -> None:
    held = volume(host)
    guest(host).config.put(scsi1=f"{held},backup=0")
    with pytest.raises(Refused, match="busy"):
        sweep(host).delete("local-zfs", STATE, 0.0)
    assert held in volumes(host)


def test_a_datastore_that_cannot_be_asked_is_an_error_and_not_empty(host: Host) -> None:
    volume(host)
    host.lab("POST", "faults", {"kind": "storage-offline", "storage": "local-zfs"})
    with pytest.raises(Refused, match="listing the volumes of local-zfs on atlas"):
        sweep(host).delete("local-zfs", STATE, 0.0)


def test_a_wrong_token_is_refused_by_name(host: Host) -> None:
    with pytest.raises(Refused, match="does not accept the token"):
        problems(host.token("root@pam", "infra", "wrong"))


def test_the_driver_frees_with_the_rights_that_it_has(host: Host) -> None:
    csi = (
        "VM.Audit",
        "VM.Config.Disk",
        "Datastore.Allocate",
        "Datastore.AllocateSpace",
        "Datastore.Audit",
    )
    api = limited(host, {f"/pool/{POOL}": csi, "/storage/local-zfs": csi})
    volume(host)
    (found,) = proxmox.csi_volumes(api, "local-zfs", ["atlas"])
    proxmox.free(api, found)
    assert volumes(host) == set()


def test_volumes_that_a_token_is_not_shown_are_an_error_and_not_none(host: Host) -> None:
    hidden = volume(host)
    grants = just_enough()
    grants["/storage/local-zfs"] = preflight.DISK_PRIVILEGES
    api = limited(host, grants)
    assert api.nodes("atlas").storage("local-zfs").content.get(vmid=9999) == []
    with pytest.raises(Refused, match=r"lacks Datastore\.Allocate on /storage/local-zfs"):
        proxmox.csi_volumes(api, "local-zfs", ["atlas"])
    assert problems(api, freesVolumes=False) != []
    assert hidden in volumes(host)


def test_a_token_that_passed_frees_the_volumes_at_the_end(host: Host) -> None:
    api = limited(host, just_enough())
    volume(host)
    (found,) = proxmox.csi_volumes(api, "local-zfs", ["atlas"])
    proxmox.free(api, found)
    assert volumes(host) == set()
