"""Preflight on machines still to be made or changed: numbers, locks, space, addresses."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provider.preflight import Preflight
from provider.rpc import UNKNOWN, Refused
from tests.unit.provider.https_server import make_certificate
from tests.unit.provider.proxmox_api import GIB, ProxmoxApi, proxmox_api
from tests.unit.provider.talos_port import own_address, talos_port
from tests.unit.provider.test_preflight import INPUTS, machine, preflight, problems

pytestmark = [
    pytest.mark.unit,
    pytest.mark.timeout(10),
    pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning"),
]

FOREIGN = {"vmid": 1011, "name": "mail", "node": "atlas", "type": "qemu", "status": "running"}
OURS: dict[str, Any] = {**FOREIGN, "name": "cp1", "pool": "test-cluster"}
OTHER: dict[str, Any] = {**OURS, "vmid": 1021, "name": "worker1"}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ProxmoxApi]:
    with proxmox_api(tmp_path) as running:
        yield running


def made(api: ProxmoxApi) -> Preflight:
    """Preflight of a stack whose machines are there."""
    api.guests = [dict(OURS), dict(OTHER)]
    return preflight(api.credentials)


def updated(api: ProxmoxApi, *machines: dict[str, Any]) -> list[str]:
    """The problems of an update to these machines."""
    with pytest.raises(Refused) as refused:
        preflight(api.credentials).update(
            "passed", INPUTS, {**INPUTS, "machines": list(machines)}, False, 0.0
        )
    return str(refused.value).splitlines()[1:]


def test_a_number_that_somebody_else_has_is_refused(api: ProxmoxApi) -> None:
    api.guests = [FOREIGN]
    (line,) = problems(api)
    assert "VMID 1011 is wanted for cp1 and belongs to mail on atlas" in line
    assert "give cp1 another vm.id" in line


def test_a_number_of_a_guest_that_the_token_is_not_shown_is_refused(api: ProxmoxApi) -> None:
    api.unseen = {1021}
    (line,) = problems(api)
    assert "VMID 1021 is wanted for worker1 and belongs to a guest that the token is not" in line


def test_a_machine_that_no_state_knows_is_not_taken_over_in_silence(api: ProxmoxApi) -> None:
    api.guests = [OURS]
    (line,) = problems(api)
    assert "the state knows of no machine" in line
    assert "qm destroy 1011" in line


def test_a_stacks_own_machines_are_no_problem_later(api: ProxmoxApi) -> None:
    assert made(api).update("passed", INPUTS, INPUTS, False, 0.0) == INPUTS


def test_a_locked_machine_that_is_to_change_is_told_with_the_way_out(api: ProxmoxApi) -> None:
    api.guests = [{**OURS, "lock": "backup"}, OTHER]
    (line,) = updated(api, machine(1011, "cp1", cores=6), machine(1021, "worker1"))
    assert line == (
        "  cp1 (VMID 1011) is locked (backup) and cannot be changed: wait until that task on atlas "
        "has ended; if it died, `qm unlock 1011`"
    )


def test_a_locked_machine_that_stays_as_it_is_is_nobodys_business(api: ProxmoxApi) -> None:
    api.guests = [OURS, {**OTHER, "lock": "backup"}]
    news = {**INPUTS, "machines": [machine(1011, "cp1", cores=6), machine(1021, "worker1")]}
    assert preflight(api.credentials).update("passed", INPUTS, news, False, 0.0) == news


def test_disks_that_do_not_fit_are_told_before_the_first_is_made(api: ProxmoxApi) -> None:
    api.stores[1]["avail"] = 79 * GIB
    (line,) = problems(api)
    assert line == (
        "  datastore local-zfs on atlas has 79 GiB left, and the machines still to be made need "
        "80: free some, or make their diskGib smaller"
    )


def test_a_disk_that_grows_needs_only_what_it_grows_by(api: ProxmoxApi) -> None:
    api.guests = [OURS, OTHER]
    api.stores[1]["avail"] = 9 * GIB
    (line,) = updated(
        api,
        machine(1011, "cp1", disk={"interface": "scsi0", "sizeGib": 50}),
        machine(1021, "worker1"),
    )
    assert "need 10" in line


@pytest.mark.parametrize("how", [{"type": "lvmthin"}, {"sparse": 1}])
def test_where_disks_take_their_space_later_more_may_be_promised(
    api: ProxmoxApi, how: dict[str, Any]
) -> None:
    api.stores[1].update(how, avail=5 * GIB)
    assert preflight(api.credentials).create(INPUTS, False, 0.0)[0] == "passed"


def test_an_image_needs_space_too(api: ProxmoxApi) -> None:
    api.stores[0]["avail"] = GIB
    (line,) = problems(api)
    assert "datastore local on atlas has 1 GiB left" in line


@pytest.mark.parametrize(
    ("configured", "whose"), [(False, "a blank machine"), (True, "a machine of a cluster")]
)
def test_an_address_that_somebody_has_is_refused(
    api: ProxmoxApi, tmp_path: Path, configured: bool, whose: str
) -> None:
    folder = tmp_path / "talos"
    folder.mkdir()
    address = own_address(3)
    given = [machine(1011, "cp1", address=address), machine(1021, "worker1")]
    with talos_port(address, make_certificate(), folder, configured=configured):
        (line,) = problems(api, machines=given)
    assert f"{whose} answers at {address} already, where cp1 is to be made" in line


@pytest.mark.parametrize("before", [INPUTS["machines"], None])
def test_a_machine_that_gets_another_number_may_answer_until_it_goes(
    api: ProxmoxApi, tmp_path: Path, before: object
) -> None:
    folder = tmp_path / "talos"
    folder.mkdir()
    news = [machine(1091, "cp1", address="127.0.9.5"), machine(1021, "worker1")]
    wanted = {**INPUTS, "machines": news}
    # The second time round the state knows the new number already, and the guest is still there.
    olds = {**INPUTS, "machines": before or news}
    check = made(api)
    with talos_port("127.0.9.5", make_certificate(), folder, configured=True):
        assert check.update("passed", olds, wanted, False, 0.0) == wanted


def test_while_a_machine_is_missing_the_check_is_made_again(api: ProxmoxApi) -> None:
    check = made(api)
    assert not check.diff("passed", INPUTS, INPUTS, INPUTS, ()).changed
    api.guests.pop()
    assert check.diff("passed", INPUTS, INPUTS, INPUTS, ()).changed


def test_what_cannot_be_asked_changes_nothing(api: ProxmoxApi) -> None:
    check = made(api)
    api.fault = lambda _request: (500, {})
    assert not check.diff("passed", INPUTS, INPUTS, INPUTS, ()).changed
    assert not preflight(None).diff("passed", INPUTS, INPUTS, INPUTS, ()).changed


def test_machines_that_are_not_known_yet_are_a_change(api: ProxmoxApi) -> None:
    news = {**INPUTS, "machines": UNKNOWN}
    assert made(api).diff("passed", INPUTS, INPUTS, news, ()).changed
