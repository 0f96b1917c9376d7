"""Who answers at a machine's address, over real TLS, and what becomes of the wait for it."""

import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from provider import talos_probe
from provider.machine_answers import MachineAnswers
from provider.rpc import UNKNOWN, Cancelled, Refused
from provider.rpc.operation import Operation, serving
from provider.talos_probe import PORT, Answer
from tests.unit.provider.https_server import make_certificate
from tests.unit.provider.talos_port import authority, own_address, talos_port

pytestmark = [pytest.mark.unit, pytest.mark.timeout(10)]

OURS, THEIRS = make_certificate(), make_certificate()
ADDRESS, ELSEWHERE = own_address(1), own_address(2)


def inputs(**changed: Any) -> dict[str, Any]:
    given = {"machine": "cp1", "address": ADDRESS, "authority": authority(OURS)}
    return given | {"deadlineSeconds": 0, "hint": "Look at its console."} | changed


def refusal(**changed: Any) -> str:
    with pytest.raises(Refused) as refused:
        MachineAnswers().create(inputs(**changed), False, 0.0)
    return str(refused.value)


def test_a_blank_machine_may_be_configured(tmp_path: Path) -> None:
    with talos_port(ADDRESS, THEIRS, tmp_path, configured=False):
        assert MachineAnswers().create(inputs(), False, 0.0) == ("cp1", inputs())


def test_a_machine_that_this_cluster_has_configured_passes(tmp_path: Path) -> None:
    with talos_port(ADDRESS, OURS, tmp_path, configured=True):
        assert MachineAnswers().create(inputs(), False, 0.0)[0] == "cp1"


def test_a_machine_of_another_cluster_is_refused_at_once_and_with_a_way_out(tmp_path: Path) -> None:
    with talos_port(ADDRESS, THEIRS, tmp_path, configured=True):
        message = refusal(deadlineSeconds=600)
    assert f"the machine at {ADDRESS} belongs to another cluster" in message
    assert "talosctl reset" in message


def test_an_authority_that_is_none_recognises_nobody(tmp_path: Path) -> None:
    with talos_port(ADDRESS, OURS, tmp_path, configured=True):
        assert "belongs to another cluster" in refusal(authority="bm90IGEgY2VydGlmaWNhdGU=")


def test_nobody_in_time_is_told_with_the_reason_and_where_to_look() -> None:
    assert refusal() == (
        f"waited 0 s for cp1 to answer at {ADDRESS}:{PORT}: connection refused.\n"
        "Look at its console."
    )


def test_something_that_is_not_talos_is_told_apart() -> None:
    def speak(listener: socket.socket) -> None:
        with listener.accept()[0] as client:
            client.sendall(b"SSH-2.0-x\r\n" * 9)

    with socket.create_server((ADDRESS, PORT)) as listener:
        thread = threading.Thread(target=speak, args=(listener,))
        thread.start()
        found = talos_probe.ask(ADDRESS)
        thread.join()
    assert isinstance(found, str)
    assert "does not speak TLS" in found


def test_a_machine_that_comes_late_is_waited_for(tmp_path: Path) -> None:
    came = threading.Event()

    def come() -> None:
        with talos_port(ADDRESS, THEIRS, tmp_path, configured=False):
            came.wait(10)

    thread = threading.Thread(target=come)
    thread.start()
    try:
        assert MachineAnswers().create(inputs(deadlineSeconds=9), False, 0.0)[0] == "cp1"
    finally:
        came.set()
        thread.join()


def test_a_cancel_ends_the_wait() -> None:
    cancelled = threading.Event()
    cancelled.set()
    with serving(Operation(cancelled=cancelled)), pytest.raises(Cancelled):
        MachineAnswers().create(inputs(deadlineSeconds=600), False, 0.0)


def test_a_preview_asks_nobody() -> None:
    unknown = inputs(address=UNKNOWN)
    assert MachineAnswers().create(unknown, True, 0.0) == ("", unknown)


def test_a_new_deadline_is_nothing_to_wait_for_and_a_new_address_is() -> None:
    gate, before = MachineAnswers(), inputs()
    later = inputs(deadlineSeconds=5, hint="x")
    assert gate.update("cp1", before, later, False, 0.0) == later
    with pytest.raises(Refused, match="waited 0 s"):
        gate.update("cp1", before, inputs(address=ELSEWHERE), False, 0.0)


def test_silence_is_consent(tmp_path: Path) -> None:
    with talos_port(ADDRESS, THEIRS, tmp_path, configured=False):
        found = talos_probe.ask(ADDRESS)
    assert isinstance(found, Answer)
    assert found.is_blank
