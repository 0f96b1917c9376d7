"""Every rule over trees of its own: one that has what it forbids, and the same one mended.

A tree is a small repository, `gitops/` with the cluster `lab`; what has to be found in the bad one
stands in its `expected.yaml`, and nothing else may be. `settings.yaml` and `owned.yaml` beside it
are what the program would say. kustomize is the lab's.
"""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from checks.finding import Finding
from checks.rules import RULES
from checks.run import findings
from checks.tree.build import Builder, content_of
from checks.tree.definitions import Definition, definitions
from checks.tree.load import Loader, Wanted
from checks.tree.model import Tree
from config.owned import Owned, OwnedObject, OwnedRelease
from lab.tools import ensure
from lab.tools.catalog_crds import all_crds
from tests.lab.tools_bin import tool

pytestmark = pytest.mark.lab

TREES = Path(__file__).resolve().parents[1] / "fixtures" / "trees"
CASES = sorted(path.parent.name for path in TREES.glob("*/bad"))
NAMES = [rule.name for rule in RULES]


@cache
def known() -> dict[tuple[str, str], Definition]:
    """The kinds of every vendor that the lab makes definitions of."""
    rows = ensure([row.name for row in all_crds()])
    return definitions(one.path for one in rows.values())


def load(root: Path, cache_folder: Path) -> Tree:
    """The tree of the cluster `lab` in a repository."""
    content = content_of([root / "gitops"])
    builder = Builder(root=root, kustomize=tool("kustomize"), cache=cache_folder, content=content)
    settings = root / "settings.yaml"
    given = yaml.safe_load(settings.read_text()) if settings.is_file() else {}
    wanted = Wanted(
        stack="lab", path="./gitops/clusters/lab", settings=given, owned=owned(root / "owned.yaml")
    )
    return Loader(builder=builder, definitions=known()).load(wanted)


def owned(path: Path) -> Owned:
    """What the program makes in the cluster `lab`; nothing where the file is not there."""
    told: Any = yaml.safe_load(path.read_text()) if path.is_file() else {}
    return Owned(
        objects=tuple(OwnedObject(**one) for one in told.get("objects", ())),
        releases=tuple(OwnedRelease(**one) for one in told.get("releases", ())),
    )


def expected(case: str) -> list[dict[str, Any]]:
    """What a case has to find: file, line, and parts of message and fix."""
    found: list[dict[str, Any]] = yaml.safe_load((TREES / case / "bad/expected.yaml").read_text())
    return found


def test_every_rule_has_its_trees() -> None:
    assert sorted(NAMES) == CASES


@pytest.mark.parametrize("case", CASES)
def test_the_bad_tree_has_what_its_rule_forbids_and_nothing_else(case: str, tmp_path: Path) -> None:
    tree = load(TREES / case / "bad", tmp_path)
    found = findings([tree], without=())
    wanted = expected(case)
    assert len(found) == len(wanted), found
    for one, want in zip(found, wanted, strict=True):
        assert (one.rule, str(one.file), one.line) == (case, want["file"], want["line"]), one
        assert want["message"] in one.message
        assert want["fix"] in one.fix
    assert findings([tree], without=(case,)) == []


@pytest.mark.parametrize("case", CASES)
def test_the_good_tree_has_nothing(case: str, tmp_path: Path) -> None:
    nothing: list[Finding] = []
    assert findings([load(TREES / case / "good", tmp_path)], without=()) == nothing
