"""What `./hearth config check` reads from a stack file is what the real engine reads from it."""

from pathlib import Path

import pytest

from config.identity import LAB_PASSPHRASE
from config.load import read_stack_text, stack_paths
from config.yaml_text import parse
from lab.stackfile import apply_overlay
from tests.lab.pulumi_project import project, read_by_engine

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]  # building the CLI takes minutes, once

ROOT = Path(__file__).resolve().parents[2]
STACKS = stack_paths(ROOT)


@pytest.mark.parametrize("stack", STACKS)
def test_the_engine_reads_a_rehearsed_stack_as_the_check_does(stack: str, tmp_path: Path) -> None:
    overlay = parse((ROOT / "lab" / "overlay" / f"{stack}.yaml").read_text(), stack)
    assert isinstance(overlay, dict)
    text, _ = apply_overlay(STACKS[stack].read_text(), overlay)
    project(tmp_path, stack, text)
    found = read_by_engine(tmp_path, stack, LAB_PASSPHRASE)
    ours = read_stack_text(text, stack).config
    for key in ("hearth:cluster", "hearth:identity"):
        assert found[key]["objectValue"] == ours[key]


def test_the_engine_and_the_check_agree_on_scalars_that_yaml_1_1_takes_otherwise(
    tmp_path: Path,
) -> None:
    text = (
        "config:\n  hearth:cluster:\n"
        "    mac: 52:54:00:12:34:56\n"
        '    text: "1"\n'
        "    switch: on\n"
        "    truth: true\n"
        "    number: 64512\n"
        '    date: "2026-11-21"\n'
        "    version: 1.2.3\n"
        "    big: 1e3\n"
        "    nothing: null\n"
    )
    project(tmp_path, "scalars", text)
    found = read_by_engine(tmp_path, "scalars", LAB_PASSPHRASE)
    assert found["hearth:cluster"]["objectValue"] == read_stack_text(text, "scalars").cluster
