"""The lab's Git server under the real git."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.lab.simulator_process import Authority, Simulator, make_authority, running

pytestmark = pytest.mark.lab


@dataclass
class Desk:
    """A checkout, a server that serves it, and a git that trusts the server."""

    source: Path
    folder: Path
    authority: Authority

    def git(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The real git with nobody's settings."""
        settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        names = {
            f"GIT_{who}_{key}": value
            for who in ("AUTHOR", "COMMITTER")
            for key, value in (("NAME", "test"), ("EMAIL", "test@localhost"))
        }
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **settings, **names}
        environment["GIT_SSL_CAINFO"] = str(self.authority.bundle)
        return subprocess.run(
            ["git", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def say(self, *arguments: str) -> str:
        """What git printed; it has to succeed."""
        done = self.git(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, path: str, text: str) -> None:
        """Commit a file in the checkout."""
        file = self.source / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        self.say("-C", str(self.source), "add", ".")
        self.say("-C", str(self.source), "commit", "--quiet", "-m", path)

    def lab(self, simulator: Simulator, method: str, path: str) -> requests.Response:
        """One of the server's own endpoints."""
        url = f"{simulator.url}/-/{path}"
        return requests.request(method, url, verify=str(self.authority.bundle), timeout=20)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path / "checkout", tmp_path, make_authority(tmp_path))
    made.say("init", "--quiet", str(made.source))
    made.commit("gitops/clusters/one/kustomization.yaml", "resources: []\n")
    made.commit("program.py", "print()\n")
    return made


@pytest.fixture
def server(desk: Desk) -> Iterator[Simulator]:
    options = ("--state", desk.folder / "state", "--source", desk.source)
    with running("lab.git", desk.folder, *options, authority=desk.authority) as simulator:
        yield simulator


def test_a_clone_holds_the_committed_folder_and_nothing_else(desk: Desk, server: Simulator) -> None:
    (desk.source / "gitops" / "uncommitted.yaml").write_text("a: 1\n")
    clone = desk.folder / "clone"
    desk.say("clone", "--quiet", "--branch", "main", f"{server.url}/owner/any.git", str(clone))
    files = [path.relative_to(clone).as_posix() for path in clone.rglob("*") if path.is_file()]
    kept = [path for path in files if not path.startswith(".git/")]
    assert kept == ["gitops/clusters/one/kustomization.yaml"]


def test_the_same_tree_is_the_same_commit_after_a_restart_and_elsewhere(desk: Desk) -> None:
    commits = []
    for state in ("one", "one", "two"):
        options = ("--state", desk.folder / state, "--source", desk.source)
        with running("lab.git", desk.folder, *options, authority=desk.authority) as simulator:
            commits.append(desk.lab(simulator, "GET", "world").json()["commit"])
    assert len(set(commits)) == 1


def test_a_change_is_served_once_it_is_committed_and_asked_for(
    desk: Desk, server: Simulator
) -> None:
    url = f"{server.url}/owner/any.git"
    before = desk.say("ls-remote", url, "refs/heads/main")
    desk.commit("gitops/apps/new.yaml", "a: 1\n")
    assert desk.say("ls-remote", url, "refs/heads/main") == before
    commit = desk.lab(server, "POST", "refresh").json()["commit"]
    assert desk.say("ls-remote", url, "refs/heads/main").startswith(commit)


def test_what_is_pushed_is_served(desk: Desk, server: Simulator) -> None:
    url, clone = f"{server.url}/owner/any.git", desk.folder / "clone"
    desk.say("clone", "--quiet", url, str(clone))
    (clone / "pushed.yaml").write_text("a: 1\n")
    desk.say("-C", str(clone), "add", ".")
    desk.say("-C", str(clone), "commit", "--quiet", "-m", "push")
    desk.say("-C", str(clone), "push", "--quiet", "origin", "HEAD:main")
    pushed = desk.say("-C", str(clone), "rev-parse", "HEAD")
    assert desk.say("ls-remote", url, "refs/heads/main").startswith(pushed)


def test_a_server_that_is_away_says_so_as_often_as_told(desk: Desk, server: Simulator) -> None:
    url = f"{server.url}/-/faults"
    fault = {"kind": "unavailable", "times": 1}
    requests.post(url, json=fault, verify=str(desk.authority.bundle), timeout=10)
    failed = desk.git("ls-remote", f"{server.url}/owner/any.git")
    assert "503" in failed.stderr
    assert desk.git("ls-remote", f"{server.url}/owner/any.git").returncode == 0


def test_a_checkout_without_the_folder_is_refused_with_gits_reason(desk: Desk) -> None:
    options = ("--state", desk.folder / "state", "--source", desk.source, "--folder", "none")
    with (
        pytest.raises(AssertionError, match="pathspec 'none' did not match"),
        running("lab.git", desk.folder, *options, authority=desk.authority),
    ):
        pass
