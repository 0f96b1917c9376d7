"""`./hearth config`: one line for a good stack, all mistakes of a bad one, and an exit code."""

import json
from pathlib import Path

import pytest

from checks.config import main
from config.load import collisions
from config.schema import SCHEMA_FILE

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[3]
BASES = ROOT / "tests" / "unit" / "config" / "bases"


@pytest.fixture
def stacks(tmp_path: Path) -> Path:
    for stack in ("test-cluster", "home-ops"):
        text = (BASES / f"{stack}.yaml").read_text()
        (tmp_path / f"Pulumi.{stack}.yaml").write_text(text)
    (tmp_path / "Pulumi.yaml").write_text("name: hearth\n")
    return tmp_path


def change(stacks: Path, stack: str, old: str, new: str) -> None:
    path = stacks / f"Pulumi.{stack}.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_good_stacks_have_a_line_each(stacks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "-C", str(stacks)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["ok      home-ops", "ok      test-cluster"]
    assert "5 machines" not in lines[0]
    assert "3 control planes, 2 workers, 0 placeholders" in lines[1]


def test_a_bad_stack_fails_with_its_mistakes_beside_a_good_one(
    stacks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(stacks, "test-cluster", "vips: [10.0.3.1]", "vips: [10.1.3.1]")
    assert main(["check", "-C", str(stacks)]) == 1
    out = capsys.readouterr().out
    assert "ok      home-ops" in out
    assert "test-cluster: 1 mistake in Pulumi.test-cluster.yaml" in out
    assert "[vip-inside-node-net]" in out


def test_one_stack_is_checked_against_all_others(
    stacks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(stacks, "test-cluster", "ownerId: test-cluster", "ownerId: home-ops-unifi")
    assert main(["check", "test-cluster", "-C", str(stacks)]) == 1
    out = capsys.readouterr().out
    assert "[stacks-share-dns-owner]" in out
    assert "home-ops (dns.externalDns[2].ownerId)" in out
    assert main(["check", "home-ops", "-C", str(stacks)]) == 1
    assert "test-cluster (dns.externalDns[0].ownerId)" in capsys.readouterr().out


def test_collisions_are_those_of_the_stack_that_is_brought_up(stacks: Path) -> None:
    assert collisions(stacks, "test-cluster") == []
    change(stacks, "test-cluster", "vips: [10.0.3.1]", "vips: [172.29.51.10]")
    for stack in ("test-cluster", "home-ops"):
        assert {f.rule for f in collisions(stacks, stack)} == {"stacks-share-address"}
        assert {f.stack for f in collisions(stacks, stack)} == {stack}


def test_a_neighbour_that_cannot_be_read_collides_with_nothing(stacks: Path) -> None:
    (stacks / "Pulumi.broken.yaml").write_text("config: [")
    assert collisions(stacks, "test-cluster") == []


def test_a_bad_neighbour_does_not_fail_a_good_stack(stacks: Path) -> None:
    change(stacks, "home-ops", "vips: [172.29.51.10]", "vips: [172.30.51.10]")
    assert main(["check", "test-cluster", "-C", str(stacks)]) == 0


def test_a_repeated_key_is_a_mistake_like_any_other(
    stacks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(stacks, "home-ops", "    protected: true", "    protected: true\n    protected: false")
    assert main(["check", "-C", str(stacks)]) == 1
    assert "[duplicate-key]" in capsys.readouterr().out


def test_a_broken_identity_is_a_mistake(stacks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = stacks / "Pulumi.home-ops.yaml"
    path.write_text(path.read_text() + "  hearth:identity:\n    deployKeyPublic: x\n")
    assert main(["check", "-C", str(stacks)]) == 1
    assert "hearth:identity.deployKeyPublic: this is no public key" in capsys.readouterr().out


def test_an_unknown_stack_lists_the_known_ones(
    stacks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "test-clutser", "-C", str(stacks)]) == 1
    assert "did you mean test-cluster? Known are: home-ops, test-cluster" in capsys.readouterr().err


def test_the_committed_stacks_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    assert "identity" in capsys.readouterr().out


def test_the_schema_is_written_where_it_is_asked_for(tmp_path: Path) -> None:
    assert main(["schema", "-C", str(tmp_path)]) == 0
    assert json.loads((tmp_path / SCHEMA_FILE).read_text())["title"] == "A Hearth stack"
    assert "`vip-free`" in (tmp_path / "docs" / "config.md").read_text()


def test_a_word_that_is_no_verb_is_a_usage_error() -> None:
    assert main(["chekc"]) == 2
