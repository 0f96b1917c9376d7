"""The table of services against the real simulators: each row starts and answers by its name."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lab.world import Service, World, WorldError, WorldPlan
from lab.world.facts import StackFacts
from lab.world.services import require_modules, require_setups, services
from tests.lab.world_driver import ROOT, small

pytestmark = pytest.mark.lab

FACTS = StackFacts(stack="small", operator=("10.0.255.254/16",), proxmox=None)


def _row(state: Path, name: str) -> Service:
    table = services(FACTS, root=ROOT, state=state, shelf=Path("/shelf"), real_charts=Path("/none"))
    return next(service for service in table if service.name == name)


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("factory", "https://factory.talos.dev/versions"),
        ("charts", "https://helm.cilium.io/index.yaml"),
    ],
)
def test_a_simulator_answers_ordinary_clients_under_its_vendors_name(
    tmp_path: Path, name: str, url: str
) -> None:
    with World(small(tmp_path, _row(tmp_path, name))) as running:
        fetch = f"import urllib.request as r; print(r.urlopen('{url}', timeout=10).status)"
        done = running.run([sys.executable, "-c", fetch], timeout=20)
        assert (done.stdout, done.stderr) == ("200\n", "")
    assert (tmp_path / "logs" / f"{name}.requests").stat().st_size > 0


def test_a_service_whose_program_is_not_in_the_tree_is_named(tmp_path: Path) -> None:
    row = _row(tmp_path, "factory")
    absent = Service(
        name="ghost", argv=(*row.argv[:2], "lab.ghost", *row.argv[3:]), probe=row.probe
    )
    plan: WorldPlan = small(tmp_path, row, absent)
    with pytest.raises(WorldError, match=r"this tree has no lab\.ghost"):
        require_modules(plan)


def test_a_vendor_without_its_past_is_named_before_anything_starts(tmp_path: Path) -> None:
    facts = replace(FACTS, cloudflare=True)
    table = services(
        facts, root=ROOT, state=tmp_path, shelf=Path("/shelf"), real_charts=Path("/none")
    )
    plan = small(tmp_path, *table)
    with pytest.raises(WorldError, match=r"setup/cloudflare\.json not there: nothing was prepared"):
        require_setups(plan)
    (tmp_path / "setup").mkdir()
    (tmp_path / "setup" / "cloudflare.json").touch()
    require_setups(plan)


def test_logs_of_the_last_start_are_kept_beside_this_ones(tmp_path: Path) -> None:
    for _ in range(2):
        with World(small(tmp_path)):
            pass
    for folder in ("logs", "logs.previous"):
        said = (tmp_path / folder / "world.log").read_text()
        assert said.count("ready") == 1
