"""`./hearth check` as a person runs it, over the committed trees and over spoiled copies."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from checks.command import PAGE, page
from checks.rules import RULES

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
SPOILED = "gitops/clusters/test-cluster/infrastructure-metallb-pools.yaml"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The word, from any folder."""
    command = [sys.executable, str(ROOT / "hearth"), "check", *arguments]
    return subprocess.run(
        command, cwd="/", capture_output=True, text=True, timeout=500, check=False
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the stacks' files and their trees, of which one waits for nobody."""
    root = tmp_path_factory.mktemp("repository")
    shutil.copytree(ROOT / "gitops", root / "gitops")
    for path in ROOT.glob("Pulumi.*.yaml"):
        shutil.copy(path, root)
    spoiled = root / SPOILED
    spoiled.write_text(spoiled.read_text().replace("infrastructure-metallb\n", "metallb\n"))
    for words in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", "-C", str(root), *words], check=True, timeout=60)
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "-C", str(root), *who, "commit", "-qm", "all"], check=True, timeout=60)
    return root


def test_the_committed_trees_have_no_finding() -> None:
    done = run()
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
    assert "0 findings in" in done.stderr
    assert "home-ops, test-cluster" in done.stderr


def test_a_finding_ends_with_1_and_has_its_place(copy: Path) -> None:
    done = run("-C", str(copy), "--format", "json")
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert {one["rule"] for one in found} == {"dependency-missing"}
    assert found[0]["file"] == SPOILED
    line = (copy / SPOILED).read_text().splitlines()[found[0]["line"] - 1]
    assert "metallb" in line


def test_another_stack_has_no_part_in_it_and_a_rule_can_be_left_out(copy: Path) -> None:
    assert run("home-ops", "-C", str(copy)).returncode == 0
    assert run("-C", str(copy), "--without", "dependency-missing").returncode == 0


def test_what_has_not_changed_is_not_looked_at(copy: Path) -> None:
    done = run("-C", str(copy), "--changed", "--base", "HEAD")
    assert done.returncode == 0
    assert "nothing that the trees are judged by has changed since HEAD" in done.stderr
    (copy / "gitops" / "new.yaml").write_text("kind: ConfigMap\n")
    assert run("-C", str(copy), "--changed", "--base", "HEAD").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tset-cluster",), "there is no stack tset-cluster; did you mean test-cluster?"),
        (("--format", "sarf"), "there is no format sarf; did you mean sarif?"),
        (("--without", "image-tags"), "there is no rule image-tags"),
        (("-C", "/usr"), "/usr has no Pulumi.STACK.yaml, so there is no tree to look at"),
    ],
)
def test_a_mistake_of_a_person_ends_with_2_and_a_sentence(
    arguments: tuple[str, ...], words: str
) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_the_map_of_owners_has_both_halves_of_a_cluster() -> None:
    done = run("test-cluster", "--owners")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines == sorted(lines)
    assert "test-cluster release kube-system/cilium: the program, chart cilium" in lines
    release = next(line for line in lines if "release metallb-system/metallb: " in line)
    assert "gitops/infrastructure/metallb/release.yaml:" in release
    assert release.endswith("chart metallb")


def test_the_page_of_rules_is_as_it_would_be_written() -> None:
    text = (ROOT / PAGE).read_text()
    assert text == page(text, RULES), "run `./hearth check --write-page`"
