"""The lab's Git server over SSH, under the real git and ssh: whom it lets in, how it refuses."""

import json
import shlex
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab.git_desk import Desk, furnished
from tests.lab.simulator_process import Simulator, running
from tests.lab.ssh_keys import make_key
from tests.lab.waiting import wait_until

pytestmark = pytest.mark.lab

NAME = "owner/tree"
SLOW_SECONDS = 1.5


@dataclass
class Visit:
    """A desk whose git goes to a server over SSH; `keys` are where its key pairs lie."""

    desk: Desk
    server: Simulator
    keys: Path

    def url(self, name: str = f"{NAME}.git", user: str = "git") -> str:
        """A repository's address, as a stack's file has it."""
        port = self.desk.lab(self.server, "GET", "world").json()["sshPort"]
        return f"ssh://{user}@127.0.0.1:{port}/{name}"

    def go(self, *, key: str = "deploy", host: str = "host") -> None:
        """Use a key, and believe in a host key."""
        port = self.desk.lab(self.server, "GET", "world").json()["sshPort"]
        public = (self.keys / f"{host}.pub").read_text()
        (self.keys / "known_hosts").write_text(f"[127.0.0.1]:{port} {public}")
        words = ["ssh", "-F", "/dev/null", "-i", str(self.keys / key)]
        for option in (
            "IdentitiesOnly=yes",
            "IdentityAgent=none",
            "BatchMode=yes",
            "StrictHostKeyChecking=yes",
            "GlobalKnownHostsFile=/dev/null",
            f"UserKnownHostsFile={self.keys / 'known_hosts'}",
        ):
            words += ["-o", option]
        self.desk.settings["GIT_SSH_COMMAND"] = shlex.join(words)

    def fault(self, **fault: object) -> None:
        """Put a fault in force."""
        self.desk.lab(self.server, "POST", "faults", fault).raise_for_status()

    def told(self, url: str | None = None) -> str:
        """What git says; it has to fail."""
        done = self.desk.git("ls-remote", url or self.url())
        assert done.returncode != 0, done.stdout
        return done.stderr


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """One server for all of them."""
    folder = tmp_path_factory.mktemp("git")
    desk, keys = furnished(folder), folder / "keys"
    keys.mkdir()
    made = {name: make_key(keys / name) for name in ("deploy", "stranger", "host", "impostor")}
    with running(
        "lab.git",
        folder,
        *("--state", folder / "state", "--source", desk.source, "--name", NAME),
        *("--ssh", "127.0.0.1:0", "--host-key", keys / "host", "--client-key", made["deploy"]),
        authority=desk.authority,
    ) as server:
        yield Visit(desk, server, keys)


@pytest.fixture
def visit(host: Visit) -> Visit:
    """The server without faults, and a client with the right keys."""
    host.desk.lab(host.server, "DELETE", "faults")
    host.go()
    return host


def test_a_clone_with_the_deploy_key_holds_the_committed_tree(visit: Visit, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    visit.desk.say("clone", "--quiet", visit.url(), str(clone))
    assert (clone / "gitops/clusters/one/kustomization.yaml").read_text() == "resources: []\n"


def test_a_push_with_the_deploy_key_is_served(visit: Visit, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    visit.desk.say("clone", "--quiet", visit.url(), str(clone))
    # More than a channel's window, so that both directions have to flow.
    (clone / "large.txt").write_text("".join(f"{n * n}\n" for n in range(600_000)))
    visit.desk.say("-C", str(clone), "add", ".")
    visit.desk.say("-C", str(clone), "commit", "--quiet", "-m", "push")
    visit.desk.say("-C", str(clone), "push", "--quiet", "origin", "HEAD:main")
    pushed = visit.desk.say("-C", str(clone), "rev-parse", "HEAD")
    assert visit.desk.say("ls-remote", visit.url(), "refs/heads/main").startswith(pushed)


def test_another_key_is_denied_as_sshd_denies_it(visit: Visit) -> None:
    visit.go(key="stranger")
    assert "git@127.0.0.1: Permission denied (publickey)." in visit.told()


def test_another_user_is_denied_with_the_right_key(visit: Visit) -> None:
    assert "Permission denied (publickey)." in visit.told(visit.url(user="root"))


def test_a_client_that_knows_another_host_key_does_not_come_in(visit: Visit) -> None:
    visit.go(host="impostor")
    assert "Host key verification failed." in visit.told()


def test_a_repository_of_another_name_is_not_found(visit: Visit) -> None:
    said = visit.told(visit.url("owner/other.git"))
    assert "ERROR: Repository not found." in said
    assert "Could not read from remote repository" in said


def test_a_repository_is_found_without_its_suffix_too(visit: Visit) -> None:
    assert "refs/heads/main" in visit.desk.say("ls-remote", visit.url(NAME))


def test_https_knows_the_repository_by_the_same_name_alone(visit: Visit) -> None:
    assert "refs/heads/main" in visit.desk.say("ls-remote", f"{visit.server.url}/{NAME}.git")
    assert "not found" in visit.told(f"{visit.server.url}/owner/other.git")


def test_nobody_gets_a_shell(visit: Visit) -> None:
    command = shlex.split(visit.desk.settings["GIT_SSH_COMMAND"])
    port = visit.url().rpartition(":")[2].partition("/")[0]
    done = subprocess.run(
        [*command, "-p", port, "git@127.0.0.1", "id"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 1
    assert "there is no shell access here" in done.stderr


def test_a_server_that_is_away_hangs_up_as_often_as_told(visit: Visit) -> None:
    visit.fault(kind="unavailable", method="SSH", times=1)
    assert "onnection " in visit.told()  # closed or reset, as the network has it
    assert "refs/heads/main" in visit.desk.say("ls-remote", visit.url())


def test_a_server_that_denies_knows_the_deploy_key_no_more(visit: Visit) -> None:
    visit.fault(kind="denied", method="SSH")
    assert "Permission denied (publickey)." in visit.told()
    assert "refs/heads/main" in visit.desk.say("ls-remote", f"{visit.server.url}/{NAME}.git")


def test_a_repository_can_go_missing(visit: Visit) -> None:
    visit.fault(kind="missing", method="SSH", path=f"/{NAME}")
    assert "ERROR: Repository not found." in visit.told()


def test_a_slow_server_answers_in_the_end(visit: Visit) -> None:
    visit.fault(kind="slow", method="SSH", seconds=SLOW_SECONDS)
    started = time.monotonic()
    assert "refs/heads/main" in visit.desk.say("ls-remote", visit.url())
    assert time.monotonic() - started > SLOW_SECONDS


def test_the_log_says_who_asked_for_what_and_how_it_ended(visit: Visit) -> None:
    before = visit.server.log.read_text()

    def seen() -> list[tuple[str, int]]:
        lines = visit.server.log.read_text().removeprefix(before).splitlines()
        found = [json.loads(line) for line in lines if '"SSH"' in line]
        return [(line["path"], line["status"]) for line in found]

    visit.desk.say("ls-remote", visit.url())
    visit.told(visit.url("owner/other.git"))
    # The line of a visit is written when its client may have gone already.
    wait_until(lambda: len(seen()) == 2, "both visits to be in the log")
    assert seen() == [
        (f"/{NAME}.git/git-upload-pack", 0),
        ("/owner/other.git/git-upload-pack", 1),
    ]


def test_a_door_without_its_keys_is_refused_with_a_sentence(tmp_path: Path) -> None:
    desk = furnished(tmp_path)
    options = ("--state", tmp_path / "state", "--source", desk.source, "--ssh", "127.0.0.1:0")
    with (
        pytest.raises(AssertionError, match="--ssh needs --host-key and --client-key"),
        running("lab.git", tmp_path, *options),
    ):
        pass
