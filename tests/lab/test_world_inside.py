"""What it is like inside a world, seen by real programs in real namespaces."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.world import FileProbe, PortProbe, Running, Service, World, WorldError
from lab.world.crashes import Crashes
from tests.lab.waiting import wait_until
from tests.lab.world_driver import ADDRESS, LAN, NAME, ROOT, small, web

pytestmark = pytest.mark.lab

GET = f"import urllib.request as r; print(r.urlopen('https://{NAME}/', timeout=5).status)"


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    state = tmp_path_factory.mktemp("world")
    with World(small(state, web(state, "die-with-parent"))) as running:
        yield running


def _said(running: Running, *argv: str) -> str:
    done = running.run(list(argv), timeout=20)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_vendors_name_leads_to_the_lab_over_trusted_tls(inside: Running) -> None:
    assert _said(inside, sys.executable, "-c", GET) == "200\n"


def test_a_program_that_ignores_the_environment_trusts_the_lab_too(inside: Running) -> None:
    program = ["env", "-u", "SSL_CERT_FILE", sys.executable, "-c"]
    loads = "import ssl; c = ssl.create_default_context(cafile='/etc/ssl/certs/ca-certificates.crt'"
    counts = f"{loads}); print(any('Hearth lab' in str(a['subject']) for a in c.get_ca_certs()))"
    assert _said(inside, *program, counts) == "True\n"


def test_an_unknown_name_is_refused_at_once_and_asks_nobody_outside(inside: Running) -> None:
    done = inside.run(["getent", "hosts", "pypi.org"], timeout=3)
    assert (done.returncode, done.stdout) == (2, "")


def test_the_operator_is_on_the_lan_in_both_families(inside: Running) -> None:
    said = _said(inside, "ip", "-brief", "address", "show", "dev", "br0")
    assert all(address in said for address in LAN)


def test_there_is_nothing_but_loopback_and_the_lan(inside: Running) -> None:
    links = re.findall(r"^(\S+) ", _said(inside, "ip", "-brief", "link"), re.MULTILINE)
    assert links == ["lo", "br0"]


def test_the_lab_sees_only_its_own_processes_and_no_zombies(inside: Running) -> None:
    def states() -> dict[str, str]:
        lines = _said(inside, "ps", "-eo", "pid=,stat=").splitlines()
        return dict(line.split() for line in lines)

    assert len(states()) < 10
    wait_until(lambda: not any("Z" in s for s in states().values()), "orphans to be reaped")


def test_a_service_that_dies_with_its_parent_lives_as_long_as_the_lab(inside: Running) -> None:
    assert inside.services() == {"web": "running"}


def test_every_process_carries_the_mark_and_is_seen_from_outside(inside: Running) -> None:
    commands = " ".join(member.command for member in inside.leftovers())
    assert "lab.world.supervisor" in commands
    assert "tests.lab.world_service" in commands
    assert Running.find(inside.state) == inside


def test_a_service_that_is_asked_to_crash_is_killed_and_answers_again(inside: Running) -> None:
    def process() -> str:
        return _said(inside, "pgrep", "-f", "tests.lab.world_service").splitlines()[0]

    before = process()
    assert Crashes(state=inside.state).crash("web", deadline=20) < 20
    assert process() != before
    assert _said(inside, sys.executable, "-c", GET) == "200\n"
    wait_until(lambda: inside.services() == {"web": "running"}, "the service to count as running")


def test_a_crash_of_a_service_that_is_none_is_refused(inside: Running) -> None:
    with pytest.raises(WorldError, match="there is no service mail"):
        Crashes(state=inside.state).crash("mail", deadline=20)


def test_outside_nothing_has_changed(inside: Running) -> None:
    assert inside.alive()
    assert NAME not in Path("/etc/hosts").read_text()
    done = subprocess.run(
        [sys.executable, "-c", f"import socket; socket.create_connection(('{ADDRESS}', 443), 2)"],
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert b"ConnectionRefusedError" in done.stderr


def test_a_world_that_is_up_is_not_started_twice(inside: Running) -> None:
    with pytest.raises(WorldError, match=r"is up already: enter it with `\./hearth lab shell"):
        World(small(inside.state)).start()
    assert inside.alive()


def test_keys_and_facts_are_for_their_owner_only(inside: Running) -> None:
    secret = [*inside.state.glob("certificates/*.key"), inside.state / "world.json"]
    assert len(secret) == 3
    assert [path for path in secret if path.stat().st_mode & 0o077] == []


def _service(name: str, script: str, *, after: tuple[str, ...] = (), ready: Path) -> Service:
    return Service(
        name=name,
        argv=("sh", "-c", script),
        probe=FileProbe(path=ready),
        after=after,
        deadline=30,
    )


def test_a_service_that_ends_is_reported_with_its_last_words(tmp_path: Path) -> None:
    bad = _service("bad", "echo no such disk >&2; exit 3", ready=tmp_path / "never")
    world = World(small(tmp_path, bad))
    with pytest.raises(WorldError, match=r"bad ended with exit code 3; its log .*bad\.log ends:\n"):
        world.start()
    assert "no such disk" in (tmp_path / "logs" / "bad.log").read_text()
    assert Running.find(tmp_path) is None


def test_a_service_that_is_never_ready_names_what_was_waited_for(tmp_path: Path) -> None:
    slow = Service(
        name="slow",
        argv=("sleep", "600"),
        probe=PortProbe(host="127.0.0.1", port=1),
        deadline=0.5,
    )
    with pytest.raises(
        WorldError, match=r"slow was not ready after .*connection to 127\.0\.0\.1:1"
    ):
        World(small(tmp_path, slow)).start()


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    ghost = Service(name="ghost", argv=("/no/such",), probe=FileProbe(path=tmp_path / "x"))
    with pytest.raises(WorldError, match="ghost cannot be started: /no/such: No such file"):
        World(small(tmp_path, ghost)).start()


def test_a_service_starts_only_when_those_before_it_are_ready(tmp_path: Path) -> None:
    ready = tmp_path / "first-ready"
    first = _service("first", f"touch {ready}; sleep 600", ready=ready)
    script = f"test -e {ready} && touch {ready}.too; sleep 600"
    second = _service("second", script, after=("first",), ready=Path(f"{ready}.too"))
    stages: list[str] = []
    with World(small(tmp_path, first, second), lambda text, _: stages.append(text)) as running:
        assert running.services() == {"first": "running", "second": "running"}
    assert stages == ["certificates", "names and network", "first", "second"]


def test_services_that_do_not_follow_each_other_start_together(tmp_path: Path) -> None:
    def needing(name: str, other: str) -> Service:
        waits = f"while ! test -e {tmp_path / other}; do sleep 0.02; done"
        ready = tmp_path / f"{name}.ready"
        script = f"touch {tmp_path / name}; {waits}; touch {ready}; sleep 600"
        return _service(name, script, ready=ready)

    with World(small(tmp_path, needing("one", "two"), needing("two", "one"))) as running:
        assert running.services() == {"one": "running", "two": "running"}


def test_the_first_cause_is_reported_not_what_followed_from_it(tmp_path: Path) -> None:
    first = _service("first", "exit 1", ready=tmp_path / "never")
    second = _service("second", "exit 0", after=("first",), ready=tmp_path / "never")
    with pytest.raises(WorldError, match="first ended with exit code 1"):
        World(small(tmp_path, first, second)).start()
    assert not (tmp_path / "logs" / "second.log").exists()


def test_a_service_that_dies_later_is_noted(tmp_path: Path) -> None:
    go = tmp_path / "go"
    script = f"touch {go}.ready; while ! test -e {go}; do sleep 0.02; done; exit 4"
    brief = _service("brief", script, ready=Path(f"{go}.ready"))
    with World(small(tmp_path, brief)) as running:
        go.touch()
        wait_until(lambda: running.services() == {"brief": "ended (4)"}, "its end to be noted")


def test_temporary_files_go_with_the_service(tmp_path: Path) -> None:
    script = f'touch "$TMPDIR/x" {tmp_path}/ready; sleep 600'
    with World(small(tmp_path, _service("t", script, ready=tmp_path / "ready"))):
        assert len(list((tmp_path / "tmp").glob("t-*/x"))) == 1
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_system_that_forbids_namespaces_is_told_how_to_allow_them() -> None:
    asks = "from lab.world.namespace import check; check()"
    forbids = f'echo 0 > /proc/sys/user/max_user_namespaces && exec {sys.executable} -c "{asks}"'
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "sh", "-c", forbids],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert "sudo sysctl -w user.max_user_namespaces=15000" in done.stderr.splitlines()[-1]
