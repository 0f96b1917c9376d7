"""What a failed scenario left on a Proxmox VE is cleared away, and nothing else goes with it."""

from pathlib import Path

import pytest

from lab.scenarios.proxmox_ve import ProxmoxVe
from tests.lab.proxmox_host import done, host_in

pytestmark = pytest.mark.lab

STORE = "local-zfs"


def test_volumes_of_no_machine_go_attached_or_not_and_those_of_machines_stay(
    tmp_path: Path,
) -> None:
    with host_in(tmp_path) as host:
        api = host.login()
        assert done(api, api.nodes("atlas").qemu.post(vmid=101, scsi0=f"{STORE}:8")) == "OK"
        owner = ProxmoxVe(api=api, host="atlas")
        own = owner.disks(101)
        strays = [owner.make(STORE, f"pvc-{number}") for number in (1, 2)]
        owner.attach(101, strays[0])

        assert sorted(owner.free_strays()) == sorted(strays)
        assert owner.disks(101) == own
        assert list(owner.volumes(STORE)) == list(own.values())
        assert owner.free_strays() == []
