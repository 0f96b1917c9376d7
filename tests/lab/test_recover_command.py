"""`./hearth recover`: locks of the dead and of others, and what is settled without a vendor."""

import json
import os
import pwd
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ops.recover import processes
from tests.lab.recover_project import Project, operation, project_in
from tests.lab.waiting import wait_until

pytestmark = pytest.mark.lab

GATE = operation("hearth:index:Gate", "ready", deadlineSeconds=60)
QUICK_SECONDS = 10.0  # two seconds on an idle machine


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = project_in(tmp_path)
    made.holds()
    return made


def locked(project: Project, pid: int, host: str = socket.gethostname()) -> Path:
    lock = {
        "pid": pid,
        "username": pwd.getpwuid(os.getuid()).pw_name,
        "hostname": host,
        "timestamp": datetime.now(UTC).isoformat(),
    }
    path = project.locks / "0d5c.json"
    path.write_text(json.dumps(lock))
    return path


def dead() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_nothing_pending_is_said_at_once_and_only_the_state_is_read(project: Project) -> None:
    started = time.monotonic()
    done = project.recover()
    assert (done.returncode, done.stdout) == (0, "home: nothing is pending.\n"), done.stderr
    assert project.calls() == ["stack export"]
    assert time.monotonic() - started < QUICK_SECONDS


def test_the_lock_of_a_dead_run_of_ours_is_freed(project: Project) -> None:
    lock = locked(project, dead())
    done = project.recover()
    assert done.returncode == 0
    assert "freed the lock of" in done.stdout
    assert not lock.exists()


def test_the_lock_of_a_run_that_goes_on_is_kept_and_nothing_is_asked(project: Project) -> None:
    lock = locked(project, os.getpid())
    done = project.recover("--yes")
    assert done.returncode == 1
    assert f"process {os.getpid()} still runs" in done.stderr
    assert lock.exists()
    assert project.calls() == []


def test_the_lock_of_another_machine_is_kept_with_what_to_do(project: Project) -> None:
    lock = locked(project, dead(), host="attic")
    done = project.recover("--yes")
    assert done.returncode == 1
    assert "written on attic" in done.stderr
    assert str(lock) in done.stderr
    assert lock.exists()


def test_a_gate_is_cleared_without_asking_any_vendor(project: Project) -> None:
    project.holds(GATE)
    done = project.recover()
    assert done.returncode == 0, done.stderr
    assert "cleared  Gate ready" in done.stdout
    assert "pulumi up --stack home" in done.stdout
    assert project.calls() == ["stack export", "stack import"]
    assert project.imported() == {"resources": []}


def test_a_resource_that_was_cut_off_while_it_was_deleted_is_read_anew(project: Project) -> None:
    cut = operation("random:index/randomPassword:RandomPassword", "key", "deleting")
    project.holds(cut, resources=[{**cut["resource"], "id": "x"}])
    done = project.recover()
    assert done.returncode == 0, done.stderr
    assert "read     RandomPassword key: it was cut off while deleting" in done.stdout
    assert project.calls()[-1].endswith(f"--target {cut['resource']['urn']}")


def test_a_create_that_a_later_run_finished_is_cleared_without_asking(project: Project) -> None:
    cut = operation("proxmoxve:index/vmLegacy:VmLegacy", "cp1", vmId=1, nodeName="atlas")
    project.holds(cut, resources=[{**cut["resource"], "id": "1"}])
    done = project.recover()
    assert done.returncode == 0, done.stderr
    assert "cleared  VmLegacy cp1: a later run has made it" in done.stdout
    state = project.imported()
    assert state is not None
    assert [item["id"] for item in state["resources"]] == ["1"]


def test_what_nobody_knows_is_named_and_the_state_stays_as_it_was(project: Project) -> None:
    project.holds(GATE, operation("aws:s3/bucket:Bucket", "logs"))
    done = project.recover("--yes")
    assert done.returncode == 1
    assert "Bucket logs: recover knows nothing of aws:s3/bucket:Bucket" in done.stderr
    assert project.imported() is None


def test_a_vendor_that_does_not_answer_is_named_and_is_not_taken_for_nothing_there(
    project: Project,
) -> None:
    secrets = {"hearth:proxmoxToken": {"value": "a@pve!b=c-secret", "secret": True}}
    (project.folder / "bin" / "config.json").write_text(json.dumps(secrets))
    project.holds(operation("proxmoxve:index/vmLegacy:VmLegacy", "cp1", vmId=1, nodeName="atlas"))
    done = project.recover("--yes")
    assert done.returncode == 1
    assert "Proxmox VE could not be asked" in done.stderr
    assert "c-secret" not in done.stdout + done.stderr
    assert project.imported() is None


def test_an_object_is_left_when_the_state_has_no_kubeconfig_to_ask_with(project: Project) -> None:
    project.holds(operation("kubernetes:core/v1:Secret", "key", apiVersion="v1", kind="Secret"))
    done = project.recover("--yes")
    assert done.returncode == 1
    assert "no kubeconfig to ask the cluster with" in done.stderr


def test_a_plugin_that_outlived_its_engine_is_seen_in_its_own_project_only(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    idle = "import time; time.sleep(60)"
    plugin = subprocess.Popen(
        [sys.executable, "-c", idle, "pulumi-resource-toy"], cwd=project.folder
    )
    try:
        wait_until(lambda: bool(processes.lingering(project.folder)), "the plugin's start")
        assert [str(item) for item in processes.lingering(project.folder)] == [
            f"pulumi-resource-toy (process {plugin.pid})"
        ]
        assert processes.lingering(tmp_path_factory.mktemp("other")) == []
    finally:
        plugin.kill()
        plugin.wait()
    assert processes.await_end(project.folder, 1.0) == []


def test_an_unknown_stack_is_answered_with_those_there_are(project: Project) -> None:
    (project.folder / "Pulumi.home.yaml").rename(project.folder / "Pulumi.attic.yaml")
    done = project.recover()
    assert done.returncode == 1
    assert "there is no stack home" in done.stderr
    assert "Known are: attic" in done.stderr
