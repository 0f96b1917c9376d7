"""The proxmoxve stand-in under the real engine: a small program through all its commands."""

import json
from pathlib import Path

import pytest

from tests.lab.proxmox_host import PASSWORD, Host, host_in
from tests.lab.standin_engine import Stack

pytestmark = [pytest.mark.lab, pytest.mark.timeout(480)]
PROGRAM = """
import pulumi_proxmoxve as pve
p = pve.Provider("p", endpoint="URL/", username="root@pam", password="PASSWORD")
here = pulumi.ResourceOptions(provider=p)
role = pve.RoleLegacy("role", role_id="csi", opts=here,
                      privileges=["VM.Config.Disk", "VM.Audit", "Datastore.Audit"])
user = pve.UserLegacy("user", user_id="csi@pve", comment="storage", opts=here)
token = pve.user.Token("token", user_id=user.user_id, token_name="k8s", opts=here)
acl = pve.Acl("acl", path="/storage/local-zfs", role_id=role.role_id, token_id=token.id, opts=here)
pool = pve.PoolLegacy("pool", pool_id="lab", opts=here)
image = pve.download.File("image", content_type="import", datastore_id="local", node_name="atlas",
                          url="IMAGE", file_name="talos.qcow2", overwrite=False, opts=here)
vm = pve.VmLegacy("vm", node_name="atlas", vm_id=101, name="cp1", pool_id=pool.pool_id,
    tags=["talos", "cp"], bios="ovmf", machine="q35", cpu={"cores": 4, "type": "host"},
    memory={"dedicated": MEMORY}, operating_system={"type": "l26"}, stop_on_destroy=True,
    efi_disk={"datastore_id": "local-zfs", "type": "4m"},
    disks=[{"interface": "scsi0", "datastore_id": "local-zfs", "import_from": image.id, "size": 20,
            "discard": "on", "ssd": True}],
    network_devices=[{"bridge": "vmbr0", "mac_address": "BC:24:11:00:01:01"}],
    initialization={"datastore_id": "local-zfs", "dns": {"servers": ["10.0.0.1"]},
        "ip_configs": [{"ipv4": {"address": "10.0.1.1/16", "gateway": "10.0.0.1"}}]},
    startup={"order": 1},
    opts=pulumi.ResourceOptions(provider=p, ignore_changes=["disks[*].speed"]))
pulumi.export("version", pve.get_version_output(opts=pulumi.InvokeOptions(provider=p)).version)
"""


def program(host: Host, memory: int) -> str:
    text = PROGRAM.replace("URL", host.simulator.url).replace("PASSWORD", PASSWORD)
    return text.replace("IMAGE", host.image_url).replace("MEMORY", str(memory))


def test_a_program_lives_through_all_commands(tmp_path: Path) -> None:
    (tmp_path / "host").mkdir()
    with host_in(tmp_path / "host") as host:
        before = host.lab("GET", "world")
        trust = {"REQUESTS_CA_BUNDLE": str(host.authority.bundle)}
        stack = Stack(tmp_path / "stack", env=trust)
        stack.program(program(host, 4096))
        assert stack.preview().ok().counts == {"to create": 9}
        assert host.lab("GET", "world") == before, "a preview changes nothing"
        first = stack.up().ok()
        assert first.counts == {"created": 9}
        assert stack.up().ok().counts == {"unchanged": 9}
        stack.refresh().ok()
        assert stack.up().ok().counts == {"unchanged": 9}
        assert PASSWORD not in json.dumps(stack.state()) + first.text

        stack.program(program(host, 8192))
        assert "dedicated: 4096 => 8192" in stack.preview().ok().text
        assert stack.up().ok().counts == {"updated": 1, "unchanged": 8}
        assert stack.up().ok().counts == {"unchanged": 9}
        assert host.login().nodes("atlas").qemu(101).config.get()["memory"] in (8192, "8192")

        stack.program(program(host, 8192).replace("vm_id=101", "vm_id=102"))
        assert stack.preview().ok().counts["to replace"] == 1
        assert stack.up().ok().counts["replaced"] == 1

        assert stack.destroy().ok().counts == {"deleted": 9}
        assert host.lab("GET", "world") == before
