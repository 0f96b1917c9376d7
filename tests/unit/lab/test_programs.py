"""The table of programs for pods: which rows there are, and that the simulator can read them."""

import json
import re
import sys
from pathlib import Path

import pytest

from lab.charts.descriptions import described
from lab.programs import Program, module, programs, write_programs

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[3]
WORD = re.compile(r"\{[a-z]+(:[a-z0-9-]+)?\}")
KNOWN = {"{address}", "{directory}", "{kubeconfig}", "{namespace}", "{pod}", "{node}"}
FLUX = (
    "source-controller",
    "kustomize-controller",
    "helm-controller",
    "notification-controller",
)


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    for name in FLUX:
        (tmp_path / name).touch(mode=0o700)
    return tmp_path


def _images(rows: tuple[Program, ...]) -> list[str]:
    return [row.image for row in rows]


def test_a_program_that_is_not_on_the_shelf_has_no_row(shelf: Path) -> None:
    assert "ghcr.io/fluxcd/helm-controller" in _images(programs(ROOT, shelf))
    (shelf / "helm-controller").unlink()
    images = _images(programs(ROOT, shelf))
    assert "ghcr.io/fluxcd/helm-controller" not in images
    assert "ghcr.io/fluxcd/source-controller" in images


def test_the_sealed_secrets_controller_finds_its_cluster_and_makes_no_key(shelf: Path) -> None:
    image = "docker.io/bitnami/sealed-secrets-controller"
    assert image not in _images(programs(ROOT, shelf))
    (shelf / "sealed-secrets-controller").touch(mode=0o700)
    (row,) = (row for row in programs(ROOT, shelf) if row.image == image)
    assert row.args[:4] == ("--mount", sys.executable, "-m", "lab.incluster")
    assert "--key-renew-period=0" in row.args
    assert row.environment["POD_NAMESPACE"] == "{namespace}"


def test_every_image_has_one_row_and_no_tag(shelf: Path) -> None:
    images = _images(programs(ROOT, shelf))
    assert len(images) == len(set(images)) >= len(FLUX)
    assert all(":" not in image.rpartition("/")[2] and "@" not in image for image in images)


def test_rows_use_only_words_that_the_simulator_fills_in(shelf: Path) -> None:
    for row in programs(ROOT, shelf):
        text = " ".join((*row.args, *row.environment.values(), row.ready or ""))
        words = {match.group() for match in WORD.finditer(text)}
        assert not {word for word in words - KNOWN if not word.startswith("{port:")}, row


def test_controllers_of_flux_share_no_port_and_serve_artifacts_where_they_say(shelf: Path) -> None:
    for row in programs(ROOT, shelf):
        if row.path != str(shelf / "source-controller"):
            continue
        flags = dict(arg.split("=", 1) for arg in row.args if "=" in arg)
        assert flags["--storage-addr"] == flags["--storage-adv-addr"]
        addresses = [value for value in flags.values() if "{port:" in value]
        assert len(set(addresses)) == len(addresses) - 1


def test_a_module_of_this_tree_runs_wherever_it_is_started() -> None:
    row = module(ROOT, "example.org/x", "lab.x", "--at={address}")
    assert (row.path, row.args) == (sys.executable, ("-m", "lab.x", "--at={address}"))
    assert row.environment["PYTHONPATH"] == str(ROOT)
    assert row.environment["KUBECONFIG"] == "{kubeconfig}"


def test_the_file_has_the_simulators_own_keys(tmp_path: Path) -> None:
    path = tmp_path / "new" / "programs.json"
    write_programs(path, [Program(image="a/b", path="/bin/sh", args=("-c", "true"))])
    assert json.loads(path.read_text()) == [
        {
            "image": "a/b",
            "path": "/bin/sh",
            "args": ["-c", "true"],
            "flags": [],
            "environment": {},
            "ready": None,
        }
    ]


def test_every_played_controller_has_a_row_when_its_program_is_there(shelf: Path) -> None:
    played = {
        one.document["controller"]["image"] for one in described() if "controller" in one.document
    }
    assert played
    assert not played & set(_images(programs(ROOT, shelf)))
    (shelf / "operators").touch(mode=0o700)
    assert played <= set(_images(programs(ROOT, shelf)))
