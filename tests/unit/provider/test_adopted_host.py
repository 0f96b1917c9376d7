"""Boxes taken in: the right one, once, at its own address; and what stands in the way of that."""

from typing import Any

import pytest

from provider.adopted_host import AdoptedHost
from provider.rpc import UNKNOWN, Refused, Secret
from provider.rpc.wire import Properties
from tests.unit.provider.spoken import listening
from tests.unit.provider.talos_boxes import OURS, THEIRS, Boxes, boxes, facts, network

pytestmark = [pytest.mark.unit, pytest.mark.timeout(10)]

CLIENT = {"caCertificate": "ca", "clientCertificate": "crt", "clientKey": "the-key"}


def inputs(number: int = 1, **changed: Any) -> Properties:
    host = facts(number)
    given = host | {
        "network": network(host),
        "authority": OURS,
        "clientConfiguration": Secret(CLIENT),
        "controlPlanes": [facts(other)["address"] for other in (1, 2, 3)],
        "dataOnDestroy": "keep",
        "deadlineSeconds": 0.1,
    }
    return given | changed


def adopted(world: Boxes, **environment: str) -> AdoptedHost:
    return AdoptedHost(world.look, world.reach, world.blank, 0.01, environment)


def refusal(world: Boxes, given: Properties) -> str:
    with pytest.raises(Refused) as refused:
        adopted(world).create(given, False, 0.0)
    return str(refused.value)


def test_a_blank_box_is_given_its_addresses_and_stays_blank() -> None:
    world = boxes()
    assert adopted(world).create(inputs(), False, 0.0) == ("mini01", inputs())
    box = world.boxes[0]
    assert (box.at, box.authority) == ("172.29.51.11", "")
    assert box.asked.count(("apply-config",)) == 1


def test_a_preview_asks_nobody() -> None:
    world = boxes()
    unknown = inputs(authority=UNKNOWN)
    assert adopted(world).create(unknown, True, 0.0) == ("", unknown)
    assert world.looks == {}


def test_a_box_that_is_at_its_address_already_is_looked_at_and_left_as_it_is() -> None:
    world = boxes()
    world.boxes[0].at = "172.29.51.11"
    adopted(world).create(inputs(), False, 0.0)
    assert ("apply-config",) not in world.boxes[0].asked
    world.boxes[0].mac = "68:5B:35:00:00:99"
    message = refusal(world, inputs())
    assert message.startswith("mini01 was not adopted. The blank box at 172.29.51.11:\n  it is")


def test_a_machine_of_this_cluster_is_taken_over_by_an_interrupted_run() -> None:
    world = boxes()
    world.boxes[0].joined("172.29.51.11")
    assert adopted(world).create(inputs(), False, 0.0)[0] == "mini01"
    assert {words[0] for words in world.boxes[0].asked} == {"get"}


def test_another_box_of_this_cluster_at_the_address_is_not_taken_for_this_one() -> None:
    world = boxes()
    world.boxes[1].joined("172.29.51.11")
    message = refusal(world, inputs())
    assert "The machine at 172.29.51.11 is of this cluster already:" in message
    assert "its cards are 68:5B:35:00:00:02 (enp3s0f0)" in message


def test_a_machine_of_another_cluster_is_refused_wherever_it_answers() -> None:
    world = boxes()
    world.boxes[0].authority = THEIRS
    message = refusal(world, inputs(deadlineSeconds=600))
    assert "what answers at 172.29.51.101 is not blank" in message
    assert "`talosctl reset`" in message
    world.boxes[0].at = "172.29.51.11"
    assert "belongs to another cluster" in refusal(world, inputs(deadlineSeconds=600))


def test_the_wrong_box_is_given_nothing() -> None:
    world = boxes()
    world.boxes[0].mac = "68:5B:35:00:00:99"
    del world.boxes[0].disks["sdb"]
    message = refusal(world, inputs(deadlineSeconds=600))
    assert message.startswith("mini01 was not adopted. The blank box at 172.29.51.101:\n  it is")
    assert "no disk matches metal.dataDisks longhorn-ssd" in message
    assert ("apply-config",) not in world.boxes[0].asked


def test_another_uuid_is_another_box() -> None:
    world = boxes()
    wrong = inputs(uuid="4C4C4544-0000-0000-0000-000000000002")
    assert "say metal.uuid 4c4c4544-0000-0000-0000-000000000002" in refusal(world, wrong)
    right = inputs(uuid="4C4C4544-0000-0000-0000-000000000001")
    assert adopted(world).create(right, False, 0.0)[0] == "mini01"


def test_addresses_for_a_card_that_has_another_name_are_refused() -> None:
    world = boxes()
    given = inputs(network=network(facts(1), "eth0"))
    assert (
        "its card with the MAC 68:5B:35:00:00:01 is called enp3s0f0, and the facts of mini01 give "
        "the addresses to eth0\n    set its interface to enp3s0f0"
    ) in refusal(world, given)
    assert world.boxes[0].at == world.boxes[0].dhcp


def test_a_box_that_is_off_is_told_with_both_addresses_and_the_hint() -> None:
    world = boxes()
    world.boxes[0].at = "elsewhere"
    assert refusal(world, inputs(hint="It stands in the cellar.")) == (
        "waited 0 s for mini01 to answer at 172.29.51.11:50000: nobody answers, blank, at "
        "172.29.51.101 (no route to host) or at 172.29.51.11 (no route to host).\n"
        "It stands in the cellar."
    )
    assert "the DHCP server has to give 172.29.51.101 to 68:5B:35:00:00:01" in refusal(
        world, inputs()
    )


def test_a_box_that_does_not_come_to_its_address_is_told_with_what_was_done() -> None:
    world = boxes()
    given = inputs(network=network(facts(1) | {"address": "172.29.99.99"}))
    message = refusal(world, given)
    assert "mini01 was given its addresses and does not answer at 172.29.51.11 yet" in message
    assert "switched off and on it is back at 172.29.51.101." in message
    assert world.boxes[0].asked.count(("apply-config",)) == 1


def test_a_configuration_that_talos_refuses_is_told_at_once_in_its_words() -> None:
    world = boxes()
    world.boxes[0].refuses = "rpc error: code = InvalidArgument desc = no such kind"
    assert "code = InvalidArgument desc = no such kind" in refusal(
        world, inputs(deadlineSeconds=600)
    )


def test_a_box_that_boots_late_is_waited_for() -> None:
    world = boxes()
    box = world.boxes[0]
    box.at = "elsewhere"

    def boot(address: str) -> None:
        if address == box.dhcp and world.looks[address] == 3:
            box.at = address

    world.on_look = boot
    with listening() as spoken:
        adopted(world).create(inputs(deadlineSeconds=9), False, 0.0)
    assert box.at == "172.29.51.11"
    assert "the-key" not in spoken.everything


@pytest.mark.parametrize("at", ["172.29.51.11", "off"])
def test_an_update_touches_no_machine_that_is_where_it_should_be_or_away(at: str) -> None:
    world = boxes()
    world.boxes[0].at = at
    news = inputs(hint="other", dataOnDestroy="sweep")
    assert not adopted(world).diff("mini01", {}, inputs(), inputs(), []).changed
    assert adopted(world).update("mini01", inputs(), news, False, 0.0) == news
    assert world.boxes[0].asked == []


def test_a_box_that_is_back_where_dhcp_puts_it_is_brought_to_its_address_again() -> None:
    world = boxes()
    found = adopted(world).diff("mini01", {}, inputs(), inputs(), [])
    assert found.changed
    assert not found.replaces
    with listening() as spoken:
        adopted(world).update("mini01", inputs(), inputs(), True, 0.0)
        assert world.boxes[0].asked == []
        adopted(world).update("mini01", inputs(), inputs(), False, 0.0)
    assert world.boxes[0].at == "172.29.51.11"
    assert "pulumi up --replace" in spoken.warnings[0]
    assert not adopted(world).diff("mini01", {}, inputs(), inputs(), []).changed


def test_what_is_not_known_yet_is_not_asked_for() -> None:
    world = boxes()
    adopted(world).diff("mini01", {}, inputs(), inputs(authority=UNKNOWN), [])
    assert world.looks == {}


@pytest.mark.parametrize(
    ("changed", "replaces"),
    [
        ({"mac": "68:5B:35:00:00:22"}, True),
        ({"address": "172.29.51.99"}, True),
        ({"installDisk": {"model": "Samsung*"}}, True),
        ({"uuid": "4C4C4544-0000-0000-0000-000000000001"}, False),
        ({"dataDisks": []}, False),
        ({"network": "kind: HostnameConfig"}, False),
        ({"maintenanceAddress": "172.29.51.150"}, False),
    ],
)
def test_what_makes_it_another_machine_replaces_it_and_the_old_one_goes_first(
    changed: dict[str, Any], replaces: bool
) -> None:
    found = adopted(boxes()).diff("mini01", {}, inputs(), inputs(**changed), [])
    assert found.changed
    assert bool(found.replaces) is replaces
    assert found.delete_before_replace is replaces


def test_another_uuid_replaces_it() -> None:
    before, after = (inputs(uuid=f"4C4C4544-0000-0000-0000-00000000000{n}") for n in (1, 2))
    assert adopted(boxes()).diff("mini01", {}, before, after, []).replaces == ("uuid",)


def test_a_fate_of_data_that_nobody_knows_is_refused() -> None:
    _, failures = adopted(boxes()).check({}, inputs(dataOnDestroy="burn"))
    assert [item.property for item in failures] == ["dataOnDestroy"]
    assert "not 'burn'" in failures[0].reason
