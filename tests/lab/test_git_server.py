"""The lab's Git server under the real git."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.git_desk import Desk, furnished
from tests.lab.simulator_process import Simulator, running

pytestmark = pytest.mark.lab


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return furnished(tmp_path)


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
    desk.lab(server, "POST", "faults", {"kind": "unavailable", "times": 1})
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


def test_a_commit_over_the_control_api_is_what_a_push_would_have_been(
    desk: Desk, server: Simulator
) -> None:
    url, clone = f"{server.url}/owner/any.git", desk.folder / "clone"
    files = {
        "gitops/apps/new.yaml": "a: 1\n",
        "gitops/clusters/one/kustomization.yaml": None,
    }
    answer = desk.lab(server, "POST", "commit", {"message": "One for another", "files": files})
    desk.say("clone", "--quiet", url, str(clone))
    assert desk.say("-C", str(clone), "log", "--format=%H %s", "-1") == (
        f"{answer.json()['commit']} One for another"
    )
    assert (clone / "gitops/apps/new.yaml").read_text() == "a: 1\n"
    assert not (clone / "gitops/clusters/one/kustomization.yaml").exists()


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"gitops/none.yaml": None}, "gitops/none.yaml cannot go: it is not there"),
        ({"gitops/clusters/one/kustomization.yaml": "resources: []\n"}, "nothing to commit"),
        ({"../outside.yaml": "a: 1\n"}, "Invalid path '../outside.yaml'"),
    ],
)
def test_a_commit_that_git_would_refuse_is_refused_with_the_reason(
    desk: Desk, server: Simulator, files: dict[str, str | None], reason: str
) -> None:
    before = desk.lab(server, "GET", "world").json()
    answer = desk.lab(server, "POST", "commit", {"message": "no", "files": files})
    assert answer.status_code == 409
    assert reason in answer.json()["error"]
    assert desk.lab(server, "GET", "world").json() == before


def test_a_refresh_takes_back_what_was_committed_over_the_control_api(
    desk: Desk, server: Simulator
) -> None:
    before = desk.lab(server, "GET", "world").json()
    files = {"gitops/apps/new.yaml": "a: 1\n"}
    changed = desk.lab(server, "POST", "commit", {"message": "new", "files": files}).json()
    after = desk.lab(server, "POST", "refresh").json()
    assert before["tree"] == after["tree"] != changed["tree"]
    assert len({before["commit"], changed["commit"], after["commit"]}) == 3
