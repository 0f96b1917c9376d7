"""Bootstrap: once in a cluster's life, whatever is killed, emptied or silent in between."""

import threading
from typing import Any

import pytest

from provider.founding import Bootstrap
from provider.rpc import Cancelled, Refused, Secret
from provider.rpc.operation import Operation, serving
from tests.unit.provider.spoken import listening
from tests.unit.provider.talos_machines import Machines

pytestmark = [pytest.mark.unit, pytest.mark.timeout(10)]

CP1, CP2, CP3 = "10.0.1.1", "10.0.1.2", "10.0.1.3"
CLIENT = {"caCertificate": "ca", "clientCertificate": "crt", "clientKey": "the-key"}
INPUTS: dict[str, Any] = {
    "controlPlanes": [CP1, CP2, CP3],
    "clientConfiguration": Secret(CLIENT),
    "deadlineSeconds": 5,
}
BUSY = "error executing bootstrap: rpc error: code = FailedPrecondition desc = time is not in sync"
STARTED = [(CP1, "bootstrap")]


def create(machines: Machines, inputs: dict[str, Any] | None = None) -> str:
    identity, outputs = Bootstrap(machines.reach, 0.01).create(inputs or INPUTS, False, 0.0)
    assert outputs == (inputs or INPUTS)
    return identity


def test_a_cluster_of_empty_machines_is_founded_on_the_first() -> None:
    machines = Machines()
    assert create(machines) == "etcd"
    assert machines.changing() == STARTED
    asked = {call[0] for call in machines.calls if call[1] == "ls"}
    assert asked == {CP1, CP2, CP3}


def test_a_cluster_that_stands_is_left_alone() -> None:
    machines = Machines().founded(CP1, CP2, CP3)
    create(machines)
    assert machines.changing() == []


def test_a_first_control_plane_that_was_made_anew_founds_no_second_cluster() -> None:
    machines = Machines().founded(CP1, CP2, CP3)
    del machines.data[CP1]
    create(machines)
    assert machines.changing() == []


def test_a_control_plane_that_cannot_be_asked_counts_as_a_member_until_it_answers() -> None:
    machines = Machines(down={CP3})
    with pytest.raises(Refused, match=f"{CP3}.*no route to host") as caught:
        create(machines, {**INPUTS, "deadlineSeconds": 0.05})
    assert "nothing is founded without its answer" in str(caught.value)
    assert machines.changing() == []


def test_a_machine_without_its_data_volume_is_waited_for() -> None:
    machines = Machines(unmounted={CP2})
    with pytest.raises(Refused, match="no such file or directory"):
        create(machines, {**INPUTS, "deadlineSeconds": 0.05})
    assert machines.changing() == []


def test_a_member_beside_a_silent_machine_is_enough_to_know() -> None:
    machines = Machines(down={CP1}).founded(CP1, CP2, CP3)
    create(machines)
    assert machines.changing() == []


def test_bootstrap_is_asked_for_once_although_etcd_takes_its_time() -> None:
    machines = Machines(starting=8)
    create(machines)
    assert machines.changing() == STARTED


def test_a_refusal_that_passes_is_asked_again() -> None:
    machines = Machines(refusals=[BUSY, BUSY])
    create(machines)
    assert machines.changing() == STARTED * 3


def test_a_refusal_that_stays_is_told_in_talos_own_words() -> None:
    machines = Machines(refusals=[BUSY] * 1000)
    with pytest.raises(Refused, match="time is not in sync"):
        create(machines, {**INPUTS, "deadlineSeconds": 0.05})


def test_an_etcd_that_never_writes_is_told_after_the_deadline() -> None:
    with pytest.raises(Refused, match=f"{CP1}: was asked to found etcd and has written nothing"):
        create(Machines(starting=10**6), {**INPUTS, "deadlineSeconds": 0.05})


def test_a_create_that_was_killed_after_its_call_finds_what_it_founded() -> None:
    machines = Machines()
    create(machines)
    create(machines)
    assert machines.changing() == STARTED


def test_a_preview_an_update_and_a_delete_ask_nobody() -> None:
    machines = Machines()
    bootstrap = Bootstrap(machines.reach)
    assert bootstrap.create(INPUTS, True, 0.0) == ("", INPUTS)
    other = {**INPUTS, "controlPlanes": [CP2, CP3]}
    assert bootstrap.update("etcd", INPUTS, other, False, 0.0) == other
    bootstrap.delete("etcd", INPUTS, 0.0)
    assert machines.calls == []


def test_credentials_stay_secret_and_unspoken() -> None:
    assert isinstance(
        Bootstrap().sealed({"clientConfiguration": CLIENT})["clientConfiguration"], Secret
    )
    with listening() as spoken, pytest.raises(Refused) as caught:
        create(Machines(down={CP2}), {**INPUTS, "deadlineSeconds": 0.05})
    assert "the-key" not in spoken.everything + str(caught.value)
    assert CP2 in spoken.everything


def test_a_cancelled_wait_ends() -> None:
    cancelled = threading.Event()
    cancelled.set()
    with serving(Operation(cancelled=cancelled)), pytest.raises(Cancelled):
        create(Machines(down={CP2}))
