"""The auth layer under the real engine with and without the administrator's login."""

import json
import re
from pathlib import Path

import pytest

from tests.lab.proxmox_host import PASSWORD, TOKEN_SECRET, Host, host_in
from tests.lab.standin_engine import ROOT, Stack

pytestmark = [pytest.mark.lab, pytest.mark.timeout(480)]
PROGRAM = """
from components.auth.proxmox import Auth, AuthArgs
from config.proxmox import Proxmox
from config.services import ProxmoxCsi
auth = Auth("auth", AuthArgs(
    stack="small",
    proxmox=Proxmox(endpoint="https://127.0.0.1:8006", region="home", pool="small",
                    hosts=[{"name": "atlas", "bridge": "vmbr0"}], imageDatastore="local",
                    machineDatastore="local-zfs").model_copy(update={"endpoint": "URL"}),
    csi=ProxmoxCsi(kind="proxmoxCsi", datastore="DATASTORE", sharedDatastore=True,
                   storageClass="csi", dataOnDestroy="keep"),
    token="root@pam!infra=TOKEN",
    admin_username=USER, admin_password=SECRET))
"""


def program(host: Host, *, with_login: bool, datastore: str = "local-zfs") -> str:
    login = ("'root@pam'", f"pulumi.Output.secret('{PASSWORD}')") if with_login else ("None",) * 2
    text = PROGRAM.replace("URL", host.simulator.url).replace("TOKEN", TOKEN_SECRET)
    text = text.replace("USER", login[0]).replace("SECRET", login[1])
    return text.replace("DATASTORE", datastore)


def test_what_exists_already_needs_no_administrator(tmp_path: Path) -> None:
    (tmp_path / "host").mkdir()
    with host_in(tmp_path / "host") as host:
        before = host.lab("GET", "world")
        bundle = str(host.authority.bundle)
        stack = Stack(
            tmp_path / "stack", env={"REQUESTS_CA_BUNDLE": bundle, "PYTHONPATH": str(ROOT)}
        )
        (stack.folder / "Pulumi.yaml").write_text(
            "name: small\nruntime: python\n"
            f"plugins: {{providers: [{{name: hearth, path: {ROOT / 'provider'}}}]}}\n"
        )

        stack.program(program(host, with_login=False))
        for refused in (stack.preview(), stack.up()):
            assert refused.status != 0
            # Pool, role and user wait for nobody: each may be the first.
            assert re.search(r"auth-(pool|csi-role|csi-user) has to be made", refused.text)
            assert "config set -s small --secret hearth:proxmoxAuth" in refused.text
            assert "Traceback" not in refused.text
        assert host.lab("GET", "world") == before, "a refusal changes nothing"

        stack.program(program(host, with_login=True))
        stack.up().ok()
        made = host.lab("GET", "world")
        assert stack.up().ok().counts.keys() == {"unchanged"}

        stack.program(program(host, with_login=False))
        # The provider's own login changed, and nothing else.
        assert stack.up().ok().counts["updated"] == 1
        assert stack.preview().ok().counts.keys() == {"unchanged"}
        assert stack.up().ok().counts.keys() == {"unchanged"}
        assert PASSWORD not in json.dumps(stack.state())
        assert "password" not in stack.resource("auth-csi-user").get("inputs", {})

        stack.program(program(host, with_login=False, datastore="local"))
        refused = stack.up()
        assert refused.status != 0
        assert "auth-csi-acl-datastore has to be made or changed" in refused.text
        assert host.lab("GET", "world") == made

        stack.program(program(host, with_login=True))
        stack.run("destroy", "--yes", "--skip-preview", "--run-program").ok()
        assert host.lab("GET", "world") == before
