"""What a run of the program loads: big SDKs only where a stack uses them."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.graph

ROOT = Path(__file__).resolve().parents[2]
RUN = (
    "import sys; from tests.graph.harness import run; run({stack!r});"
    " print(*sorted(sys.modules), sep='\\n')"
)


def loaded_for(stack: str) -> list[str]:
    """What a run of a stack's program loads, in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", RUN.format(stack=stack)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def loaded() -> list[str]:
    return loaded_for("test-cluster")


def test_the_program_really_ran(loaded: list[str]) -> None:
    assert {"stacks.cluster", "pulumi_proxmoxve", "pulumi_kubernetes.helm.v3"} <= set(loaded)


@pytest.mark.parametrize("package", ["pulumi_cloudflare", "pulumi_tls"])
def test_an_sdk_that_the_stack_does_not_use_is_not_loaded(package: str, loaded: list[str]) -> None:
    assert package not in loaded


def test_half_a_second_of_kubernetes_core_is_not_loaded_for_three_kinds_of_object(
    loaded: list[str],
) -> None:
    assert "pulumi_kubernetes.core.v1" not in loaded


def test_servers_and_command_lines_do_not_come_with_the_program(
    loaded: list[str],
) -> None:
    assert not [name for name in loaded if name.split(".")[0] in {"aiohttp", "typer", "rich"}]


def test_the_sdk_of_a_hypervisor_is_not_loaded_for_hosts() -> None:
    found = loaded_for("home-ops")
    assert "stacks.home_ops" in found
    assert "pulumi_proxmoxve" not in found
