"""Changes that would tear the storage driver's volumes off a machine, and those that would not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provider.preflight import Preflight
from provider.rpc import Refused
from tests.unit.provider.proxmox_api import ProxmoxApi, proxmox_api

pytestmark = [
    pytest.mark.unit,
    pytest.mark.timeout(10),
    # The server's certificate is its own; not to look at it is what `insecure` asks for.
    pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning"),
]

PVC = "local-zfs:vm-9999-pvc-0e7cbf3f-1e0f-4a8a-9d8e-000000000001"
PLACE = "nodes/atlas/qemu/1021/config"
OWN = {
    "scsi0": "local-zfs:vm-1021-disk-0,size=80G",
    "ide2": "local-zfs:vm-1021-cloudinit,media=cdrom",
    "ide3": "none,media=cdrom",
    "scsihw": "virtio-scsi-single",
    "unused0": "local-zfs:vm-1021-disk-1",
}
DISK = {"interface": "scsi0", "datastore": "local-zfs", "sizeGib": 80}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ProxmoxApi]:
    with proxmox_api(tmp_path) as running:
        running.online["titan"] = "online"
        running.machines = {PLACE: {**OWN, "scsi1": f"{PVC},backup=0,size=5G"}}
        yield running


def stack(*machines: dict[str, Any]) -> dict[str, Any]:
    return {
        "hosts": [{"name": "atlas", "bridge": "vmbr0"}],
        "imageDatastore": "local",
        "machineDatastore": "local-zfs",
        "pool": "test-cluster",
        "machines": list(machines),
    }


def worker(**changed: Any) -> dict[str, Any]:
    shape = {"address": "127.0.9.1", "cores": 8, "memoryMib": 16384, "disk": DISK}
    return {"name": "worker1", "id": 1021, "host": "atlas", **shape, **changed}


def update(
    api: ProxmoxApi, before: dict[str, Any], now: dict[str, Any], *, preview: bool = False
) -> dict[str, Any]:
    made = Preflight()
    made.credentials = api.credentials
    return made.update("passed", before, now, preview, 0.0)


def refusal(api: ProxmoxApi, now: dict[str, Any], *, preview: bool = False) -> str:
    with pytest.raises(Refused) as refused:
        update(api, stack(worker()), stack(now), preview=preview)
    return str(refused.value)


@pytest.mark.parametrize("preview", [True, False])
def test_a_larger_disk_is_refused_while_a_volume_is_attached(
    api: ProxmoxApi, preview: bool
) -> None:
    said = refusal(api, worker(disk={**DISK, "sizeGib": 90}), preview=preview)
    assert "machine worker1 (VM 1021 on atlas) has volumes attached" in said
    assert f"scsi1 {PVC}" in said
    assert "vm-1021" not in said
    assert "changing its own disk (sizeGib)" in said
    assert "kubectl drain worker1" in said


def test_a_machine_with_a_volume_is_not_moved_to_another_host(api: ProxmoxApi) -> None:
    said = refusal(api, worker(host="titan"))
    assert "they lie on atlas and cannot follow it to titan" in said


def test_a_drained_machine_may_change(api: ProxmoxApi) -> None:
    api.machines[PLACE] = OWN
    now = stack(worker(disk={**DISK, "sizeGib": 90}))
    assert update(api, stack(worker()), now) == now


def test_another_number_leaves_volumes_alone_and_asks_nobody_about_them(api: ProxmoxApi) -> None:
    now = stack(worker(id=1022))
    assert update(api, stack(worker()), now) == now
    assert not any("/qemu/" in path for path in api.server.asked("GET"))


def test_a_machine_more_or_less_is_no_change_of_the_others(api: ProxmoxApi) -> None:
    other = {**worker(), "name": "worker2", "id": 1022}
    assert update(api, stack(worker()), stack(worker(), other)) == stack(worker(), other)
    assert update(api, stack(worker(), other), stack(other)) == stack(other)


def test_a_machine_that_is_gone_holds_nothing(api: ProxmoxApi) -> None:
    api.machines = {}
    now = stack(worker(disk={**DISK, "sizeGib": 90}))
    assert update(api, stack(worker()), now) == now


def test_could_not_ask_is_an_error(api: ProxmoxApi) -> None:
    api.fault = lambda request: (595, "no route to host") if "/qemu/" in request.path else None
    with pytest.raises(Refused, match=r"reading the disks of worker1 .*no route to host"):
        update(api, stack(worker()), stack(worker(disk={**DISK, "sizeGib": 90})))


def test_a_state_from_before_machines_were_kept_is_no_change(api: ProxmoxApi) -> None:
    before = {key: value for key, value in stack().items() if key != "machines"}
    assert update(api, before, stack(worker())) == stack(worker())
