"""What the scenarios of Flux commit, before anything is served."""

from pathlib import Path

import pytest
import yaml

from lab.scenarios.flux import BROKEN_TEXT, FOLDER, PROBE, PROBE_TEXT, PROBED, listed

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[3]
ROOTS = (
    "# What Flux reconciles.\nkind: Kustomization\nresources:\n  - one.yaml\n  - two.yaml\n",
    "kind: Kustomization\nresources:\n- one.yaml\n- two.yaml\nconfigurations: []\n",
)


@pytest.mark.parametrize("root", ROOTS)
def test_the_probe_joins_the_resources_and_nothing_else_changes(root: str) -> None:
    before, after = yaml.safe_load(root), yaml.safe_load(listed(root, f"{PROBE}.yaml"))
    assert after.pop("resources") == [f"{PROBE}.yaml", *before.pop("resources")]
    assert after == before


def test_the_probe_is_a_config_map_and_the_broken_one_is_none() -> None:
    assert yaml.safe_load(PROBE_TEXT.replace("{word}", "x"))["data"] == {"commit": "x"}
    assert yaml.safe_load(BROKEN_TEXT)["data"] == "none"


def test_what_the_commits_concern_is_in_every_committed_tree_and_prunes() -> None:
    for root in (ROOT / "gitops" / "clusters").iterdir():
        found = yaml.safe_load((root / f"{PROBED}.yaml").read_text())
        assert found["metadata"]["name"] == PROBED
        assert found["spec"]["path"] == f"./{FOLDER}"
        assert found["spec"]["prune"] is True
