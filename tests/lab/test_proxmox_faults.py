"""Every kind of fault of the simulated host: what a client sees, and that it ends when told."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from proxmoxer import AuthenticationError, ResourceException
from requests.exceptions import ConnectionError as Dropped

from lab.proxmox.wire import FAULT
from tests.lab.proxmox_host import Host, done, host_in
from tests.lab.waiting import wait_until

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with host_in(tmp_path_factory.mktemp("faults")) as running:
        api = running.login()
        assert done(api, api.nodes("atlas").qemu.post(vmid=101, scsi0="local-zfs:8")) == "OK"
        yield running


@pytest.fixture(autouse=True)
def healed(host: Host) -> Iterator[None]:
    yield
    host.lab("DELETE", "faults")
    assert host.lab("GET", "faults") == []
    api = host.login()
    guest = api.nodes("atlas").qemu(101)
    if guest.status.current.get()["status"] == "running":
        assert done(api, guest.status.stop.post()) == "OK"


def change(api: Any) -> Any:
    return api.nodes("atlas").qemu(101).config.put(description="changed")


def start(api: Any) -> str:
    return done(api, api.nodes("atlas").qemu(101).status.start.post())


def make(api: Any) -> str:
    return done(api, api.nodes("atlas").qemu.post(vmid=102, scsi0="local-zfs:1"))


REFUSALS: list[tuple[dict[str, Any], Callable[[Any], Any], str]] = [
    ({"kind": "quorum-lost"}, change, "no quorum"),
    ({"kind": "node-offline", "node": "atlas"}, change, "No route to host"),
    ({"kind": "config-lock", "vmid": 101}, change, "can't lock file"),
    ({"kind": "guest-lock", "vmid": 101, "lock": "snapshot"}, change, r"locked \(snapshot\)"),
    (
        {"kind": "fail", "method": "PUT", "path": "/config", "status": 500, "message": "no luck"},
        change,
        "no luck",
    ),
    ({"kind": "revoke-tickets"}, change, "invalid PVE ticket"),
]
ENDINGS: list[tuple[dict[str, Any], Callable[[Any], str], str]] = [
    ({"kind": "start-error", "vmid": 101}, start, "QEMU exited with code 1"),
    ({"kind": "storage-full", "storage": "local-zfs"}, make, "No space left on device"),
    ({"kind": "storage-offline", "storage": "local-zfs"}, make, "is not online"),
    (
        {
            "kind": "fail",
            "method": "POST",
            "path": "/nodes/atlas/qemu/101/status/start",
            "error": "already_running",
        },
        start,
        "already running",
    ),
]


def spoken(value: Any) -> str:
    """A case's part in its test's name, the same in every process that collects it."""
    if isinstance(value, dict):
        return "-".join(str(item) for item in value.values())
    return value if isinstance(value, str) else str(value.__name__)


@pytest.mark.parametrize(("fault", "call", "said"), REFUSALS, ids=spoken)
def test_a_fault_refuses_a_request_until_it_ends(
    host: Host, fault: dict[str, Any], call: Callable[[Any], Any], said: str
) -> None:
    api = host.login()
    host.lab("POST", "faults", fault)
    with pytest.raises(ResourceException, match=said):
        call(api)
    host.lab("DELETE", "faults")
    call(host.login())


@pytest.mark.parametrize(("fault", "call", "said"), ENDINGS, ids=spoken)
def test_a_fault_fails_a_task_in_proxmoxs_words(
    host: Host, fault: dict[str, Any], call: Callable[[Any], str], said: str
) -> None:
    host.lab("POST", "faults", fault)
    assert said in call(host.login())


def test_a_deaf_guest_runs_into_the_timeout_of_its_shutdown(host: Host) -> None:
    api = host.login()
    assert start(api) == "OK"
    host.lab("POST", "faults", {"kind": "deaf-guest", "vmid": 101})
    upid = api.nodes("atlas").qemu(101).status.shutdown.post()
    assert "got timeout" in done(api, upid)
    assert api.nodes("atlas").qemu(101).status.current.get()["status"] == "running"


def test_a_flaky_network_drops_requests(host: Host) -> None:
    host.lab("POST", "faults", {"kind": "flaky-network", "dropRate": 1.0})
    with pytest.raises((Dropped, AuthenticationError)):
        host.login()


def test_a_slow_network_still_answers(host: Host) -> None:
    host.lab("POST", "faults", {"kind": "slow-network", "latency": 5})
    assert host.login().version.get()["release"] == "9.0"


def test_a_late_answer_tells_of_what_was_done_when_it_was_asked(host: Host) -> None:
    api, late = host.login(), {"kind": "late-answer", "method": "POST", "path": "/pools"}
    host.lab("POST", "faults", {**late, "seconds": 2})
    with ThreadPoolExecutor() as other:
        answer = other.submit(api.pools.post, poolid="late")
        wait_until(lambda: "late" in host.lab("GET", "world")["pools"], "the pool to be there")
        assert not answer.done()
        assert answer.result(10) is None
    api.pools("late").delete()


def test_a_storage_that_was_full_twice_has_its_space_back(host: Host) -> None:
    def free() -> int:
        return int(host.login().nodes("atlas").storage("local-zfs").status.get()["avail"])

    before = free()
    for _ in range(2):
        host.lab("POST", "faults", {"kind": "storage-full", "storage": "local-zfs"})
    assert free() == 0
    host.lab("DELETE", "faults")
    assert free() == before


def test_no_kind_of_fault_is_left_untried() -> None:
    kinds = {str(fault["kind"]) for fault, _, _ in [*REFUSALS, *ENDINGS]}
    kinds |= {"deaf-guest", "flaky-network", "slow-network", "late-answer"}
    schema = FAULT.json_schema()
    assert kinds == set(schema["discriminator"]["mapping"])
