"""What `recover` makes of a cut-off create, against a simulated Proxmox VE that holds the rest."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ops.recover import table
from tests.lab.proxmox_host import PASSWORD, TOKEN_SECRET, Host, done, host_in, talos_disk
from tests.lab.recover_project import Project, operation, project_in

pytestmark = pytest.mark.lab

DESCRIPTION = "Talos machine of the cluster home"
MACHINE = {
    "vmId": 101,
    "nodeName": "atlas",
    "name": "cp1",
    "description": DESCRIPTION,
    "started": True,
    "disks": [{"interface": "scsi0", "size": 8}],
}
CSI = "home-csi@pve"


@dataclass(frozen=True)
class Bench:
    """A host, an administrator's client for it, and a stack whose run was killed."""

    host: Host
    api: Any
    project: Project

    def recover(self, kind: str, *words: str, **inputs: Any) -> tuple[int, str]:
        """Cut off the create of one resource, recover; exit code and all that was said."""
        self.project.holds(operation(kind, "thing", **inputs))
        bundle = str(self.host.authority.bundle)
        done = self.project.recover(*words, environment={"REQUESTS_CA_BUNDLE": bundle})
        assert PASSWORD not in done.stdout + done.stderr
        assert TOKEN_SECRET not in done.stdout + done.stderr
        return done.returncode, done.stdout + done.stderr

    def adopted(self) -> str | None:
        """The identity under which the resource came into the state."""
        state = self.project.imported()
        return state["resources"][0]["id"] if state and state["resources"] else None

    def numbers(self) -> list[int]:
        """The VMs there are."""
        return [vm["vmid"] for vm in self.api.nodes("atlas").qemu.get()]

    def make_vm(self, **options: Any) -> None:
        """A VM by hand."""
        upid = self.api.nodes("atlas").qemu.post(
            **{"vmid": 101, "name": "cp1", "description": DESCRIPTION, **options}
        )
        assert done(self.api, upid) == "OK"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    (tmp_path / "host").mkdir()
    (tmp_path / "project").mkdir()
    with host_in(tmp_path / "host") as host:
        secrets = {
            "hearth:proxmoxToken": f"root@pam!infra={TOKEN_SECRET}",
            "hearth:proxmoxAuth": json.dumps({"username": "root@pam", "password": PASSWORD}),
        }
        endpoint = f"https://127.0.0.1:{host.simulator.port}"
        project = project_in(tmp_path / "project", endpoint, secrets)
        yield Bench(host, host.login(), project)


def test_a_vm_that_was_never_made_is_cleared(bench: Bench) -> None:
    code, said = bench.recover(table.VM, **MACHINE)
    assert code == 0, said
    assert "cleared  VmLegacy thing: there is no VM 101" in said
    assert bench.adopted() is None


def test_a_vm_that_runs_whole_is_adopted_and_read_anew(bench: Bench) -> None:
    bench.make_vm(scsi0=talos_disk(bench.api, bench.host))
    disk = bench.api.nodes("atlas").qemu(101)
    bench.api.nodes("atlas").qemu(101).resize.put(disk="scsi0", size="8G")
    assert done(bench.api, disk.status.start.post()) == "OK"
    code, said = bench.recover(table.VM, **MACHINE)
    assert code == 0, said
    assert bench.adopted() == "101"
    assert bench.project.calls()[-1].startswith("refresh --yes")
    assert bench.numbers() == [101]


def test_a_half_made_vm_is_removed_only_when_it_may_be(bench: Bench) -> None:
    bench.make_vm(scsi0="local-zfs:8")
    code, said = bench.recover(table.VM, **MACHINE)
    assert code == 1
    assert "VM 101 is half made: it was never started" in said
    assert "say --yes" in said
    assert bench.numbers() == [101]
    assert bench.project.imported() is None
    code, said = bench.recover(table.VM, "--yes", **MACHINE)
    assert code == 0, said
    assert bench.numbers() == []
    assert bench.adopted() is None


def test_a_half_made_vm_that_a_dead_task_locked_is_removed_with_its_lock(bench: Bench) -> None:
    bench.make_vm(scsi0="local-zfs:8")
    bench.host.lab("POST", "faults", {"kind": "guest-lock", "vmid": 101, "lock": "clone"})
    code, said = bench.recover(table.VM, "--yes", **MACHINE)
    assert code == 0, said
    assert "locked (clone)" in said
    assert bench.numbers() == []


def test_somebody_elses_vm_under_our_number_is_named_and_left(bench: Bench) -> None:
    bench.make_vm(scsi0="local-zfs:8", name="mail")
    code, said = bench.recover(table.VM, "--yes", **MACHINE)
    assert code == 1
    assert "its name is 'mail', ours is 'cp1'" in said
    assert bench.numbers() == [101]
    assert bench.project.imported() is None


def test_a_downloaded_image_is_adopted(bench: Bench) -> None:
    talos_disk(bench.api, bench.host)
    inputs = {"nodeName": "atlas", "datastoreId": "local", "contentType": "import"}
    code, said = bench.recover(table.FILE, **inputs, fileName="talos.qcow2")
    assert code == 0, said
    assert bench.adopted() == "local:import/talos.qcow2"


def test_a_pool_with_our_comment_is_adopted_and_another_one_left(bench: Bench) -> None:
    bench.api.pools.post(poolid="home", comment="Machines of the cluster home")
    comment = {"comment": "Machines of the cluster home"}
    assert bench.recover(table.POOL, poolId="home", **comment)[0] == 0
    assert bench.adopted() == "home"
    code, said = bench.recover(table.POOL, poolId="testcluster", **comment)
    assert code == 1
    assert "pool testcluster is not this stack's" in said


def test_a_role_with_our_privileges_is_adopted_and_another_one_left(bench: Bench) -> None:
    bench.api.access.roles.post(roleid="home-csi", privs="VM.Audit,Datastore.Audit")
    ours = ["Datastore.Audit", "VM.Audit"]
    code, said = bench.recover(table.ROLE, roleId="home-csi", privileges=ours)
    assert (code, bench.adopted()) == (0, "home-csi"), said
    code, said = bench.recover(table.ROLE, roleId="home-csi", privileges=["VM.Audit"])
    assert code == 1
    assert "other privileges: Datastore.Audit" in said


def test_a_user_is_adopted_and_its_token_removed_because_nobody_has_the_secret(
    bench: Bench,
) -> None:
    comment = {"comment": "Storage driver of the cluster home"}
    bench.api.access.users.post(userid=CSI, **comment)
    code, said = bench.recover(table.USER, userId=CSI, **comment)
    assert (code, bench.adopted()) == (0, CSI), said
    token = {"userId": CSI, "tokenName": "home-csi", **comment}
    assert "there is no token" in bench.recover(table.TOKEN, **token)[1]
    bench.api.access.users(CSI).token("home-csi").post(**comment)
    code, said = bench.recover(table.TOKEN, "--yes", **token)
    assert code == 0, said
    assert "nobody has its secret" in said
    assert bench.api.access.users(CSI).token.get() == []
