"""Giving up a place in etcd: the quorum first, gracefully where it goes, and never the last one."""

import pytest

from provider.etcd_seat import Seat
from provider.rpc import Refused
from provider.talosctl import Credentials
from tests.unit.provider.talos_machines import NOT_CONNECTED_YET, Machines

pytestmark = [pytest.mark.unit, pytest.mark.timeout(10)]

CP1, CP2, CP3 = "10.0.1.1", "10.0.1.2", "10.0.1.3"
ID1, ID2 = f"{1:016x}", f"{2:016x}"
CREDENTIALS = Credentials("ca", "crt", "key")


def seat(machines: Machines, name: str = "cp1", own: str = CP1) -> Seat:
    others = [machines.reach(item, CREDENTIALS) for item in (CP1, CP2, CP3) if item != own]
    return Seat(name, machines.reach(own, CREDENTIALS), others)


def names(machines: Machines) -> set[str]:
    return {name for name, _, _ in machines.listed.values()}


def test_a_leader_hands_over_and_leaves_by_itself() -> None:
    machines = Machines().founded(CP1, CP2, CP3)
    seat(machines).give_up(5.0)
    assert names(machines) == {"cp2", "cp3"}
    assert machines.leader == ID2
    assert machines.changing() == [(CP1, "etcd", "forfeit-leadership"), (CP1, "etcd", "leave")]


def test_a_dead_machine_is_removed_through_another_and_not_asked_to_leave() -> None:
    machines = Machines(down={CP1}).founded(CP1, CP2, CP3)
    seat(machines).give_up(5.0)
    assert names(machines) == {"cp2", "cp3"}
    assert machines.changing() == [(CP2, "etcd", "remove-member", ID1)]


def test_a_leave_that_etcd_wants_a_little_later_is_asked_for_again() -> None:
    machines = Machines(refusals=[NOT_CONNECTED_YET.format(CP1)]).founded(CP1, CP2, CP3)
    seat(machines).give_up(5.0)
    assert names(machines) == {"cp2", "cp3"}
    assert machines.changing()[-2:] == [(CP1, "etcd", "leave")] * 2


def test_a_machine_that_does_not_manage_to_leave_is_removed() -> None:
    machines = Machines(deaf={CP1}).founded(CP1, CP2, CP3)
    seat(machines).give_up(5.0)
    assert names(machines) == {"cp2", "cp3"}


def test_a_dead_machine_is_removed_through_the_one_that_answers() -> None:
    machines = Machines(down={CP1}).founded(CP1, CP2, CP3)
    machines.listed[f"{4:016x}"] = ("cp4", "10.0.1.4", False)
    machines.data["10.0.1.4"] = f"{4:016x}"
    one = seat(machines)
    more = Seat(one.name, one.own, [*one.others, machines.reach("10.0.1.4", CREDENTIALS)])
    more.give_up(5.0)
    assert names(machines) == {"cp2", "cp3", "cp4"}


def test_the_last_member_stays() -> None:
    machines = Machines().founded(CP1)
    with pytest.raises(Refused, match="cp1 is the last member of etcd"):
        seat(machines).give_up(5.0)
    assert machines.changing() == []


def test_a_member_stays_when_the_rest_would_have_no_quorum() -> None:
    machines = Machines(down={CP3}).founded(CP1, CP2, CP3)
    with pytest.raises(Refused, match="of the 2 members that remain 2 have to be healthy, and cp3"):
        seat(machines).give_up(5.0)
    assert machines.changing() == []
    assert names(machines) == {"cp1", "cp2", "cp3"}


def test_the_quorum_is_that_of_voters() -> None:
    machines = Machines(down={CP3}).founded(CP1, CP2, CP3)
    machines.listed[f"{3:016x}"] = ("cp3", CP3, True)
    seat(machines).give_up(5.0)
    assert names(machines) == {"cp2", "cp3"}


def test_could_not_ask_is_an_error_and_not_none() -> None:
    machines = Machines(down={CP1, CP2, CP3}).founded(CP1, CP2, CP3)
    with pytest.raises(Refused, match="no control plane could be asked") as caught:
        seat(machines).give_up(5.0)
    assert all(address in str(caught.value) for address in (CP1, CP2, CP3))


def test_a_machine_that_is_no_member_has_nothing_to_give_up() -> None:
    machines = Machines(down={CP3}).founded(CP1, CP2)
    seat(machines, "cp3", CP3).give_up(5.0)
    assert machines.changing() == []


def test_a_member_that_never_started_is_known_by_its_address_and_removed() -> None:
    machines = Machines().founded(CP1, CP2)
    machines.listed[f"{3:016x}"] = ("", CP3, True)
    seat(machines, "cp3", CP3).give_up(5.0)
    assert machines.changing() == [(CP1, "etcd", "remove-member", f"{3:016x}")]


def test_a_member_that_cannot_be_removed_is_told_after_the_deadline() -> None:
    machines = Machines(down={CP1}, stuck={ID1}).founded(CP1, CP2, CP3)
    with pytest.raises(Refused, match="cp1 is still a member of etcd"):
        seat(machines).give_up(0.0)
