"""Extensions of a running image and the services they bring, with the real talosctl."""

import subprocess
from collections.abc import Iterator

import pytest

from tests.lab.talos_fixtures import KUBERNETES, VERSION, House, house
from tests.lab.waiting import wait_until

pytestmark = pytest.mark.lab

NODE = "10.0.1.1"
FACTORY = "127.0.0.1:8099"
SCHEMATIC = "cd" * 32
SCHEMATIC_FILE = """
customization:
  systemExtensions:
    officialExtensions: [siderolabs/iscsi-tools, siderolabs/lldpd, siderolabs/util-linux-tools]
"""
LLDPD = """
apiVersion: v1alpha1
kind: ExtensionServiceConfig
name: lldpd
configFiles:
  - content: configure lldp status rx-and-tx
    mountPath: /usr/local/etc/lldpd.conf
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("extensions")
    (folder / "factory" / "schematics").mkdir(parents=True)
    (folder / "factory" / "schematics" / SCHEMATIC).write_text(SCHEMATIC_FILE, encoding="utf-8")
    with house(folder, ("--factory", f"http://{FACTORY}")) as made:
        host, _, port = FACTORY.partition(":")
        server = ("python3", "-m", "http.server", port, "--bind", host, "-d", "factory")
        files = subprocess.Popen(
            made.inside(server), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        schematic = f"http://{FACTORY}/schematics/{SCHEMATIC}"
        wait_until(
            lambda: made.run("curl", "-sf", schematic, check=False).returncode == 0, "the factory"
        )
        image = {"version": VERSION, "schematic": SCHEMATIC}
        made.build("cp1", NODE, "BC:24:11:00:01:01", image=image)
        made.talosctl(
            *("gen", "config", "extensions", f"https://{NODE}:6443"),
            *("--kubernetes-version", KUBERNETES),
        )
        made.talosctl("config", "endpoint", NODE)
        made.talosctl("config", "node", NODE)
        apply = ("apply-config", "--insecure", "-n", NODE, "-f", "controlplane.yaml")
        wait_until(lambda: made.talosctl(*apply, check=False).returncode == 0, "its consent")
        wait_until(lambda: "Running" in service(made, "apid"), "apid")
        yield made
        files.terminate()
        files.wait(timeout=10)


def service(home: House, name: str) -> str:
    return home.talosctl("service", name, check=False).stdout


def test_a_service_that_needs_a_configuration_waits_for_it(home: House) -> None:
    wait_until(lambda: "Waiting" in service(home, "ext-lldpd"), "the service")
    assert "Waiting for extension service config" in service(home, "ext-lldpd")
    assert "ext-lldpd" not in home.talosctl("get", "services").stdout


def test_a_service_that_needs_none_runs(home: House) -> None:
    wait_until(lambda: "Running" in service(home, "ext-iscsid"), "the service")


def test_a_service_starts_when_its_configuration_comes(home: House) -> None:
    boot = home.machine("cp1")["bootId"]
    home.talosctl("patch", "mc", "-p", LLDPD)
    wait_until(lambda: "Running" in service(home, "ext-lldpd"), "the service")
    assert home.machine("cp1")["bootId"] == boot
