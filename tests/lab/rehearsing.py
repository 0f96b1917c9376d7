"""A committed stack rehearsed as `make rehearse` does it, for tests that judge its report.

It never runs as root: where the tests do, an ordinary user runs it, in a copy of the project.
"""

import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from lab.rehearse import able
from lab.scenarios.catalog import chosen
from lab.world.inventory import members
from tests.lab.ordinary_user import OrdinaryUser, ordinary_user

ROOT = Path(__file__).resolve().parents[2]
REHEARSAL_SECONDS = 2000
# Stages are timed when the engine's log is looked at, which is done in steps.
WATCHED_SECONDS = 0.2
SVG = "{http://www.w3.org/2000/svg}"
CANARIES = ("tskey-auth-lab", "AGE-SECRET-KEY-", "BEGIN OPENSSH PRIVATE KEY", "BEGIN PRIVATE KEY")
Report = dict[str, Any]


@dataclass(frozen=True)
class Tree:
    """The project that a rehearsal runs in, and whose it is where that is not ours."""

    folder: Path
    user: OrdinaryUser | None = None

    def start(self, stack: str, scenarios: str) -> "subprocess.Popen[str]":
        """`./hearth rehearse STACK`, begun."""
        argv = [".venv/bin/python", "hearth", "rehearse", stack, "--scenarios", scenarios]
        return subprocess.Popen(
            self.user.command(argv) if self.user else argv,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def reports(self) -> dict[str, Report]:
        """`.lab/report.json`."""
        found: dict[str, Report] = json.loads((self.folder / ".lab" / "report.json").read_text())
        return found


def tree_in(folder: Path) -> Tree:
    """The project where the tests run, or a copy of it in `folder` where they run as root."""
    if os.geteuid() != 0:
        return Tree(ROOT)
    user = ordinary_user(folder)
    return Tree(user.tree, user)


@dataclass(frozen=True)
class Rehearsal:
    """A rehearsal that has ended."""

    tree: Tree
    stack: str
    scenarios: str
    done: "subprocess.CompletedProcess[str]"

    @property
    def kept(self) -> Path:
        """The lab's folder, where the report and the stack's own folder lie."""
        return self.tree.folder / ".lab"

    def report(self) -> Report:
        """What it told of its stack, once it has ended well."""
        done = self.done
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        assert (self.kept / "report.json").stat().st_uid != 0
        return self.tree.reports()[self.stack]

    def insist_passed(self, report: Report) -> None:
        """Exactly the scenarios that were asked for ran, in their order, and passed."""
        wanted = [entry.name for entry in chosen(self.scenarios, able(self.stack))]
        assert [entry["name"] for entry in report["scenarios"]] == wanted
        assert not [entry for entry in report["scenarios"] if not entry["passed"]]

    def insist_stages(self, report: Report, layers: Iterable[str]) -> None:
        """Every stage has its times, and these layers are among them."""
        assert set(layers) <= {stage["layer"] for stage in report["stages"]}
        assert all(0 <= stage["start"] <= stage["end"] for stage in report["stages"])

    def insist_picture(self, report: Report) -> None:
        """The critical path is a chain of stages, and drawn in the stack's picture."""
        path = report["criticalPath"]
        ends = {stage["urn"]: (stage["start"], stage["end"]) for stage in report["stages"]}
        assert len(path["urns"]) > 5
        assert 0 < path["seconds"] <= report["createSeconds"]
        for before, after in pairwise(path["urns"]):
            assert ends[before][1] <= ends[after][0] + WATCHED_SECONDS
        drawn = ET.fromstring((self.kept / self.stack / "timeline.svg").read_text())  # noqa: S314 (our own)
        marked = drawn.findall(f".//{SVG}rect[@class='path']")
        # One more stands in the legend.
        assert len(marked) == len(path["urns"]) + 1

    def insist_no_secret(self) -> None:
        """No secret of the lab's stands in what was printed, logged or drawn."""
        texts = {"output": self.done.stdout + self.done.stderr}
        folder = self.kept / self.stack
        public = [self.kept / "timeline.svg", self.kept / "report.json"]
        for path in [*(folder / "engine").glob("*"), *(folder / "logs").glob("*"), *public]:
            if path.is_file():
                texts[path.name] = path.read_text(errors="replace")
        assert not [
            f"{name}: {word}" for name, text in texts.items() for word in CANARIES if word in text
        ]

    def insist_nothing_left(self) -> None:
        """No process of it lives, and the stack's file is as committed.

        Namespaces and ports go with the processes: the lab's live in namespaces of their own. The
        rehearsal looks for its lab's mark itself; other worlds may run beside it.
        """
        assert "left behind" not in self.done.stderr
        mine = str(self.kept / self.stack)
        assert not [member for member in members() if mine in member.command]
        for name in (f"Pulumi.{self.stack}.yaml", "Pulumi.yaml"):
            assert (self.tree.folder / name).read_bytes() == (ROOT / name).read_bytes()


def ended(process: "subprocess.Popen[str]") -> "subprocess.CompletedProcess[str]":
    """A rehearsal that was begun, at its end; one that does not end is killed with its world."""
    try:
        output, errors = process.communicate(timeout=REHEARSAL_SECONDS)
    finally:
        process.kill()
        process.wait()
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


def rehearsed(folder: Path, stack: str, scenarios: str) -> Rehearsal:
    """One stack through scenarios, in a tree of its own where that can be had."""
    tree = tree_in(folder)
    (tree.folder / ".lab" / "report.json").unlink(missing_ok=True)
    done = ended(tree.start(stack, scenarios))
    return Rehearsal(tree=tree, stack=stack, scenarios=scenarios, done=done)
