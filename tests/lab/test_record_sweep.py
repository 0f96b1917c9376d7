"""What external-dns leaves in a zone: what its marks say is ours goes, everything else stays."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from provider.cloudflare import Credentials
from provider.record_sweep import RecordSweep
from provider.rpc import Refused
from tests.lab.cloudflare_world import OWNER_TOKEN, READER_TOKEN, ZONE, World, cloudflare_in
from tests.lab.simulator_process import make_authority

pytestmark = [pytest.mark.lab, pytest.mark.timeout(60)]

STATE = {"zoneId": ZONE, "zone": "example.org", "owners": ["ours", "ours-too"]}
TARGET = {"A": "192.0.2.1", "AAAA": "2001:db8::1", "CNAME": "elsewhere.example.org"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("cloudflare")
    with cloudflare_in(directory, make_authority(directory)) as world:
        yield world


@pytest.fixture
def world(running: World) -> World:
    """A zone that is empty at the beginning of every test."""
    with running.client() as client:
        for record in client.dns.records.list(zone_id=ZONE):
            client.dns.records.delete(record.id, zone_id=ZONE)
    return running


def put(world: World, kind: str, name: str, content: str) -> None:
    with world.client() as client:
        made: Mapping[str, Any] = {"type": kind, "name": name, "content": content, "ttl": 300}
        client.dns.records.create(zone_id=ZONE, **made)


def mark(world: World, name: str, owner: str) -> None:
    said = f"heritage=external-dns,external-dns/owner={owner},external-dns/resource=ingress/a/b"
    put(world, "TXT", name, f'"{said}"')


def written(world: World, name: str, owner: str, kind: str = "A") -> None:
    """A record as external-dns writes it, and its mark."""
    put(world, kind, name, TARGET[kind])
    mark(world, f"{kind.lower()}-{name}", owner)


def left(world: World) -> set[tuple[str, str]]:
    with world.client() as client:
        return {(record.type, record.name) for record in client.dns.records.list(zone_id=ZONE)}


def sweep(world: World, token: str = OWNER_TOKEN) -> None:
    made = RecordSweep()
    made.credentials = Credentials(
        token=token,
        endpoint=f"{world.simulator.url}/client/v4",
        authorities=str(world.authority.bundle),
    )
    made.delete(ZONE, STATE, 0.0)


@pytest.mark.parametrize("kind", ["A", "AAAA", "CNAME"])
def test_what_bears_one_of_our_owner_ids_goes_with_its_mark(world: World, kind: str) -> None:
    written(world, "www.example.org", "ours", kind)
    written(world, "apps.example.org", "ours-too", kind)
    sweep(world)
    assert left(world) == set()


def test_what_others_wrote_stays(world: World) -> None:
    written(world, "theirs.example.org", "theirs")
    written(world, "ours.example.org", "ours")
    put(world, "A", "by-hand.example.org", "192.0.2.9")
    put(world, "TXT", "a-by-hand.example.org", '"external-dns/owner=ours"')
    sweep(world)
    assert left(world) == {
        ("A", "theirs.example.org"),
        ("TXT", "a-theirs.example.org"),
        ("A", "by-hand.example.org"),
        ("TXT", "a-by-hand.example.org"),
    }


def test_only_the_type_that_is_marked_goes(world: World) -> None:
    written(world, "www.example.org", "ours")
    put(world, "AAAA", "www.example.org", TARGET["AAAA"])
    sweep(world)
    assert left(world) == {("AAAA", "www.example.org")}


def test_a_record_that_another_owner_has_marked_too_stays_and_only_our_mark_goes(
    world: World,
) -> None:
    written(world, "www.example.org", "ours")
    mark(world, "a-www.example.org", "theirs")
    sweep(world)
    assert left(world) == {("A", "www.example.org"), ("TXT", "a-www.example.org")}


def test_a_mark_whose_name_says_nothing_is_left_as_it_is(world: World) -> None:
    put(world, "A", "www.example.org", TARGET["A"])
    mark(world, "registry.www.example.org", "ours")
    sweep(world)
    assert left(world) == {("A", "www.example.org"), ("TXT", "registry.www.example.org")}


def test_a_wildcard_is_not_guessed_from_the_word_that_stands_for_it(world: World) -> None:
    put(world, "A", "*.apps.example.org", TARGET["A"])
    mark(world, "a-any.apps.example.org", "ours")
    sweep(world)
    assert left(world) == {("A", "*.apps.example.org"), ("TXT", "a-any.apps.example.org")}


def test_a_mark_whose_record_is_gone_goes_too(world: World) -> None:
    mark(world, "a-www.example.org", "ours")
    sweep(world)
    assert left(world) == set()


def test_more_records_than_a_page_holds_all_go(world: World) -> None:
    for number in range(60):
        written(world, f"app{number}.example.org", "ours")
    sweep(world)
    assert left(world) == set()


def test_a_zone_without_marks_is_done(world: World) -> None:
    sweep(world)


def test_a_token_that_may_not_write_is_an_error_and_never_nothing_left(world: World) -> None:
    written(world, "www.example.org", "ours")
    with pytest.raises(Refused, match="Cloudflare answered 403"):
        sweep(world, READER_TOKEN)
    assert len(left(world)) == 2


def test_making_it_asks_nobody() -> None:
    assert RecordSweep().create(dict(STATE), False, 0.0) == (ZONE, STATE)
    assert RecordSweep().create(dict(STATE), True, 0.0) == ("", STATE)
