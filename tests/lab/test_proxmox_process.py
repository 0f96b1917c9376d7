"""The simulated host as a process: faults, restarts, the log, and its end."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from proxmoxer import ResourceException

from tests.lab.machines_recorder import recording
from tests.lab.proxmox_host import (
    PASSWORD,
    SETUP,
    TOKEN_SECRET,
    done,
    host_in,
    hosted,
    image_server,
    talos_disk,
)
from tests.lab.simulator_process import ROOT, make_authority

pytestmark = pytest.mark.lab


def test_everything_survives_a_restart(tmp_path: Path) -> None:
    with recording() as machines:
        with hosted(tmp_path, machines, "http://127.0.0.1:9") as host:
            api = host.login()
            api.access.users.post(userid="csi@pve", comment="kept")
            value = api.access.users("csi@pve").token("k8s").post()["value"]
            api.access.acl.put(path="/vms", roles="PVEVMAdmin", users="csi@pve")
            api.access.acl.put(path="/vms", roles="PVEAuditor", tokens="csi@pve!k8s")
            upid = api.nodes("atlas").qemu.post(vmid=101, scsi0="local-zfs:8", pool="testcluster")
            assert done(api, upid) == "OK"
            assert done(api, api.nodes("atlas").qemu(101).status.start.post()) == "OK"
            before = host.lab("GET", "world")
            assert host.simulator.stop() == 0
        with hosted(tmp_path, machines, "http://127.0.0.1:9") as host:
            assert host.lab("GET", "world") == before
            seen = host.token("csi@pve", "k8s", value).nodes("atlas").qemu.get()
            assert [(vm["vmid"], vm["status"]) for vm in seen] == [(101, "running")]
            assert done(host.login(), upid) == "OK"


def test_the_state_on_disk_is_for_its_owner_only(tmp_path: Path) -> None:
    with host_in(tmp_path):
        assert (tmp_path / "state" / "proxmox.json").stat().st_mode & 0o077 == 0


def test_faults_come_and_go_as_data(tmp_path: Path) -> None:
    with host_in(tmp_path) as host:
        api = host.login()
        done(api, api.nodes("atlas").qemu.post(vmid=101, scsi0="local-zfs:8"))
        start = api.nodes("atlas").qemu(101).status.start.post
        host.lab("POST", "faults", {"kind": "start-error", "vmid": 101, "message": "no luck"})
        assert done(api, start()) == "no luck"
        host.lab("POST", "faults", {"kind": "guest-lock", "vmid": 101, "lock": "backup"})
        assert done(api, start()) == "VM is locked (backup)"
        fail = {"kind": "fail", "method": "GET", "path": "/nodes/atlas/qemu", "status": 599}
        host.lab("POST", "faults", {**fail, "message": "Too many redirections", "times": 1})
        with pytest.raises(ResourceException, match="599"):
            api.nodes("atlas").qemu.get()
        host.lab("POST", "faults", {"kind": "storage-full", "storage": "local-zfs"})
        refused = done(api, api.nodes("atlas").qemu.post(vmid=102, scsi0="local-zfs:8"))
        assert "No space left on device" in refused
        host.lab("DELETE", "faults")
        assert host.lab("GET", "faults") == []
        assert done(api, start()) == "OK"
        assert done(api, api.nodes("atlas").qemu.post(vmid=102, scsi0="local-zfs:8")) == "OK"


def test_a_misspelt_fault_is_refused_with_what_is_known(tmp_path: Path) -> None:
    with host_in(tmp_path) as host:
        url = f"{host.simulator.url}/-/faults"
        bundle = str(host.authority.bundle)
        answer = requests.post(url, json={"kind": "quorum-loss"}, verify=bundle, timeout=10)
        assert answer.status_code == 400
        assert "quorum-lost" in answer.json()["error"]


def test_a_machine_simulator_that_is_away_fails_the_start_and_says_so(tmp_path: Path) -> None:
    with recording() as machines, image_server() as images:
        machines.url = "http://127.0.0.1:9"
        with hosted(tmp_path, machines, images) as host:
            api = host.login()
            done(api, api.nodes("atlas").qemu.post(vmid=101, scsi0=talos_disk(api, host)))
            status = done(api, api.nodes("atlas").qemu(101).status.start.post())
            assert status.startswith("start failed: QEMU exited with code 1")
            assert "http://127.0.0.1:9" in status
            current = api.nodes("atlas").qemu(101).status.current.get()
            assert current["status"] == "stopped"


def test_no_secret_reaches_the_log_or_the_world(tmp_path: Path) -> None:
    with host_in(tmp_path) as host:
        api = host.login()
        value = api.access.users("root@pam").token("second").post()["value"]
        api.access.users.post(userid="a@pve", password="sesame sesame")
        world = json.dumps(host.lab("GET", "world"))
        log = host.simulator.log.read_text()
    for secret in (PASSWORD, TOKEN_SECRET, value, "sesame sesame"):
        assert secret not in log
        assert secret not in world
    assert "/api2/json/access/users/root@pam/token/second" in log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_quietly_when_told_to(tmp_path: Path, number: signal.Signals) -> None:
    with host_in(tmp_path) as host:
        assert host.simulator.stop(number) == 0


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    setup = tmp_path / "setup.json"
    setup.write_text(json.dumps(SETUP))
    command = [
        sys.executable,
        "-m",
        "lab.proxmox",
        "--listen",
        "127.0.0.1:0",
        "--setup",
        str(setup),
    ]
    command += ["--state", str(tmp_path / "state"), "--certificate", str(authority.certificate)]
    command += ["--key", str(authority.key)]
    # The parent starts the simulator, waits for its first line, and dies without telling it.
    parent = (
        "import os, subprocess, sys\n"
        "child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)\n"
        "print(child.stdout.readline().decode(), end='', flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    arguments = [sys.executable, "-c", parent, *command]
    with subprocess.Popen(
        arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as ended:
        assert ended.stdout is not None
        assert ended.stderr is not None
        assert ended.stdout.readline().startswith("listening on https://127.0.0.1:")
        # The simulator inherited stderr: its end is the end of that file.
        assert ended.stderr.read() == ""


def test_a_setup_without_root_is_refused_with_the_fix(tmp_path: Path) -> None:
    setup = tmp_path / "setup.json"
    setup.write_text(json.dumps({**SETUP, "users": []}))
    command = [
        sys.executable,
        "-m",
        "lab.proxmox",
        "--listen",
        "127.0.0.1:0",
        "--setup",
        str(setup),
    ]
    command += ["--state", str(tmp_path / "state")]
    refused = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert refused.returncode == 1
    assert "every Proxmox VE host has one: add it" in refused.stderr
