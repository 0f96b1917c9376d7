"""The pure parts of the world: plans, names, the LAN, refusals, the table of services."""

import ipaddress
import json
from dataclasses import replace
from pathlib import Path

import pytest

from config.load import stack_paths
from lab.cli import split
from lab.world import HttpProbe, PortProbe, Service, WorldPlan
from lab.world.environment import environment
from lab.world.facts import Endpoint, StackFacts, git_server, operator_address, read_facts
from lab.world.hosts import hosts_text
from lab.world.inventory import dead_labs, init_of, members
from lab.world.messages import Message, parse
from lab.world.namespace import explain_refusal, joining
from lab.world.network import commands
from lab.world.plan import SUPERVISOR, read_plan, write_plan
from lab.world.services import world_plan

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[3]


def _service(name: str, *after: str) -> Service:
    return Service(name=name, argv=("true",), probe=PortProbe(host="::1", port=1), after=after)


def _plan(*services: Service, state: Path = Path("/state")) -> WorldPlan:
    return WorldPlan(
        stack="s", state=state, cwd=Path("/"), addresses=("10.0.255.254/16",), services=services
    )


def test_a_plan_survives_its_way_into_the_namespaces(tmp_path: Path) -> None:
    probe = HttpProbe(url="https://x.lab/-/healthz")
    service = Service(name="x", argv=("a", "b"), probe=probe, names=("x.lab",), address="127.0.1.1")
    plan = _plan(service, _service("y", "x"), state=tmp_path)
    write_plan(plan, tmp_path / "plan.json")
    assert read_plan(tmp_path / "plan.json") == plan
    assert (tmp_path / "plan.json").stat().st_mode & 0o077 == 0


def test_a_service_after_one_that_comes_later_is_refused() -> None:
    with pytest.raises(ValueError, match="x comes after y, which no earlier service is"):
        _plan(_service("x", "y"), _service("y"))


def test_two_services_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two services are called x"):
        _plan(_service("x"), _service("x"))


def test_names_lead_to_the_lab_and_localhost_stays() -> None:
    text = hosts_text({"api.cloudflare.com": "198.18.1.2"})
    assert "127.0.0.1 localhost\n" in text
    assert text.endswith("198.18.1.2 api.cloudflare.com\n")


def test_the_bridge_carries_the_operators_address_in_both_families() -> None:
    made = commands(["172.29.51.254/24", "fd00::1/64"])
    assert made[0] == ["ip", "link", "set", "lo", "up"]
    assert ["ip", "address", "add", "172.29.51.254/24", "dev", "br0"] in made
    assert ["ip", "address", "add", "fd00::1/64", "dev", "br0", "nodad"] in made


def test_gateways_and_what_lies_behind_them_stand_on_the_bridge_alone() -> None:
    made = commands(["10.0.255.254/16"], ["10.0.0.1", "198.18.1.3", "198.18.1.3", "fd00::1"])
    on_bridge = [line[3:] for line in made if line[:3] == ["ip", "address", "add"]]
    assert on_bridge == [
        ["10.0.255.254/16", "dev", "br0"],
        ["10.0.0.1/32", "dev", "br0"],
        ["198.18.1.3/32", "dev", "br0"],
        ["fd00::1/128", "dev", "br0", "nodad", "preferred_lft", "0"],
    ]


def test_a_service_on_loopback_is_not_offered_to_the_lan() -> None:
    addresses = ("198.18.1.2", "127.0.1.1", "198.18.1.1", None)
    named = [replace(_service(f"s{i}"), address=text) for i, text in enumerate(addresses)]
    assert _plan(*named).internet == ("198.18.1.1", "198.18.1.2")


@pytest.mark.parametrize(
    ("subnet", "address"),
    [
        ("10.0.0.0/16", "10.0.255.254/16"),
        ("172.29.51.0/24", "172.29.51.254/24"),
        ("fd47:25e1:2f96:51::/64", "fd47:25e1:2f96:51:ffff:ffff:ffff:fffe/64"),
    ],
)
def test_the_operator_speaks_from_the_last_address_of_a_net(subnet: str, address: str) -> None:
    assert operator_address(subnet) == address


@pytest.mark.parametrize(
    ("sysctl", "value", "remedy"),
    [
        ("user/max_user_namespaces", "0", "sysctl -w user.max_user_namespaces="),
        ("kernel/unprivileged_userns_clone", "0", "sysctl -w kernel.unprivileged_userns_clone=1"),
        (
            "kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        ("none", "", "seccomp"),
    ],
)
def test_forbidden_namespaces_come_with_the_way_to_allow_them(
    sysctl: str, value: str, remedy: str
) -> None:
    said = "unshare: unshare failed: Operation not permitted"
    explained = explain_refusal(said, lambda name: value if name == sysctl else None)
    assert said in explained
    assert remedy in explained


def test_a_kernel_without_bridges_is_told_apart() -> None:
    explained = explain_refusal("RTNETLINK answers: Operation not supported", lambda _name: None)
    assert "modprobe bridge" in explained


def test_entering_a_lab_ends_with_the_one_who_entered() -> None:
    command = joining(7, Path("/there"), ["kubectl", "get", "nodes"])
    assert command[:2] == ["nsenter", "--target=7"]
    assert command[-8:] == [
        *("--chdir=/there", "setpriv", "--pdeathsig", "KILL", "--"),
        *("kubectl", "get", "nodes"),
    ]


def test_a_message_survives_the_pipe() -> None:
    message = Message(kind="stage", text="naïve\n", seconds=0.5)
    line = json.dumps({"kind": "stage", "text": "naïve\n", "seconds": 0.5})
    assert parse(line) == message


def test_nothing_of_the_users_own_clusters_or_proxies_is_passed_on() -> None:
    outside = {"HTTPS_PROXY": "http://p", "KUBECONFIG": "/mine", "HOME": "/home/me", "PATH": "/x"}
    inside = environment(state=Path("/s"), shelf=Path("/shelf"), bundle=Path("/b"), outside=outside)
    assert "HTTPS_PROXY" not in inside
    assert inside["HOME"] == "/home/me"
    assert inside["KUBECONFIG"] == "/s/kubeconfig"
    assert inside["PULUMI_BACKEND_URL"] == "file:///s/backend"
    assert inside["SSL_CERT_FILE"] == "/b"
    assert inside["PATH"].startswith("/shelf:")
    assert "/x" not in inside["PATH"].split(":")


def _table(proxmox: Endpoint | None, *, cloudflare: bool = True) -> dict[str, Service]:
    facts = StackFacts(
        stack="s", operator=("10.0.255.254/16",), proxmox=proxmox, cloudflare=cloudflare
    )
    plan = world_plan(facts, root=ROOT, shelf=Path("/shelf"), real_charts=Path("/none"))
    return {service.name: service for service in plan.services}


def test_a_stack_with_a_hypervisor_gets_one_after_the_machines() -> None:
    table = _table(Endpoint(name="atlas.example", port=8006))
    assert list(table) == ["talossim", "factory", "charts", "cloudflare", "proxmox"]
    proxmox = table["proxmox"]
    assert proxmox.after == ("talossim",)
    assert proxmox.probe == HttpProbe(url="https://atlas.example:8006/-/healthz")
    assert ("--machines", "http://127.0.0.1:9900") in zip(
        proxmox.argv, proxmox.argv[1:], strict=False
    )


def test_a_stack_gets_only_the_vendors_it_has_dealings_with() -> None:
    assert list(_table(None, cloudflare=False)) == ["talossim", "factory", "charts"]
    assert read_facts(ROOT, "home-ops").cloudflare
    assert read_facts(ROOT, "home-ops").proxmox is None
    assert not read_facts(ROOT, "test-cluster").cloudflare
    assert read_facts(ROOT, "test-cluster").proxmox is not None


def test_every_simulator_has_an_address_of_its_own_and_a_certificate() -> None:
    table = _table(Endpoint(name="atlas.example", port=8006))
    simulators = [service for service in table.values() if service.names]
    assert len({service.address for service in simulators}) == len(simulators) == 4
    for service in simulators:
        listen = service.argv[service.argv.index("--listen") + 1]
        assert listen.rpartition(":")[0] == service.address
        assert ipaddress.ip_address(service.address or "") in ipaddress.ip_network("198.18.1.0/24")
        assert "--certificate" in service.argv


@pytest.mark.parametrize("stack", stack_paths(ROOT))
def test_the_facts_of_every_committed_stack_make_a_world(stack: str) -> None:
    facts = read_facts(ROOT, stack)
    assert facts.stack == stack
    assert all(ipaddress.ip_interface(address) for address in facts.operator)
    lans = [ipaddress.ip_interface(address).network for address in facts.operator]
    ways_out = [ipaddress.ip_address(text) for text in facts.gateways]
    assert ways_out
    assert all(any(way in lan for lan in lans) for way in ways_out)


@pytest.mark.parametrize(
    ("argv", "words", "command"),
    [
        (["shell"], ["shell"], []),
        (["shell", "x", "--", "ls", "-l"], ["shell", "x"], ["ls", "-l"]),
        (["shell", "--", "sh", "-c", "a -- b"], ["shell"], ["sh", "-c", "a -- b"]),
        (["shell", "--", "env", "--", "ls"], ["shell"], ["env", "--", "ls"]),
    ],
)
def test_a_command_for_the_inside_comes_after_the_first_two_dashes(
    argv: list[str], words: list[str], command: list[str]
) -> None:
    assert split(argv) == (words, command)


def _process(proc: Path, pid: int, *, environ: str, inner: str = "", state: str = "S") -> None:
    folder = proc / str(pid)
    folder.mkdir()
    (folder / "environ").write_text(environ)
    status = f"Name:\tx\nState:\t{state} (x)\nPPid:\t1\nNSpid:\t{pid}{inner}\n"
    (folder / "status").write_text(status)
    (folder / "cmdline").write_text(f"program\0{pid}\0")


def test_members_of_a_lab_are_told_by_their_mark(tmp_path: Path) -> None:
    _process(tmp_path, 10, environ="A=b\0HEARTH_LAB=one\0")
    _process(tmp_path, 11, environ="HEARTH_LAB=one\0", inner="\t1")
    _process(tmp_path, 12, environ="NOT_HEARTH_LAB=one\0")
    _process(tmp_path, 13, environ="HEARTH_LAB=one\0", state="Z")
    _process(tmp_path, 14, environ="HEARTH_LAB=two\0")
    assert [member.pid for member in members("one", tmp_path)] == [10, 11]
    assert init_of("one", tmp_path) == 11
    assert init_of("two", tmp_path) is None


def test_a_lab_with_nothing_inside_a_namespace_is_dead(tmp_path: Path) -> None:
    _process(tmp_path, 10, environ="HEARTH_LAB=alive\0")
    _process(tmp_path, 11, environ="HEARTH_LAB=alive\0", inner="\t1")
    _process(tmp_path, 12, environ="HEARTH_LAB=unmarked-init\0", inner="\t5")
    _process(tmp_path, 13, environ="HEARTH_LAB=dead\0")
    assert {lab: [m.pid for m in group] for lab, group in dead_labs(tmp_path).items()} == {
        "dead": [13]
    }


def test_a_lab_whose_supervisor_is_on_its_way_in_is_not_dead(tmp_path: Path) -> None:
    _process(tmp_path, 10, environ="HEARTH_LAB=starting\0")
    (tmp_path / "10" / "cmdline").write_text(f"unshare\0--fork\0python\0-m\0{SUPERVISOR}\0")
    assert dead_labs(tmp_path) == {}


def test_a_stacks_git_server_has_its_name_its_repository_and_its_deploy_key() -> None:
    facts = read_facts(ROOT, "home-ops")
    assert facts.git is not None
    assert (facts.git.name, facts.git.port, facts.git.is_ssh) == ("github.com", 22, True)
    plan = world_plan(facts, root=ROOT, shelf=Path("/shelf"), real_charts=Path("/none"))
    git = next(service for service in plan.services if service.name == "git")
    options = dict(zip(git.argv, git.argv[1:], strict=False))
    assert git.names == ("github.com",)
    assert options["--name"] == "geoffdavis/hearth.git"
    assert options["--client-key"].startswith("ssh-ed25519 ")
    assert options["--ssh"] == f"{git.address}:22"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ssh://git@git.example:2222/a/b.git", ("git.example", 2222, "a/b.git", True)),
        ("https://git.example/a/b", ("git.example", 443, "a/b", False)),
    ],
)
def test_the_address_of_a_repository_says_where_its_server_is(
    url: str, expected: tuple[str, int, str, bool]
) -> None:
    found = git_server(url)
    assert (found.name, found.port, found.repository, found.is_ssh) == expected
