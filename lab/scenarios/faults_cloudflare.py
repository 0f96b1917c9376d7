"""Faults of a Cloudflare account, met by an `up` that starts from nothing."""

from collections.abc import Iterator
from contextlib import contextmanager

from config.secret_keys import CLOUDFLARE_TOKEN
from lab.error_page import AREAS
from lab.scenarios.cloudflare_account import facts, record, token_for
from lab.scenarios.fault import Fault
from lab.scenarios.needs import Need
from lab.scenarios.rehearsal import Rehearsal

VENDORS = AREAS[4]
NAMES = frozenset({Need.CLOUDFLARE})
SOMEBODY = "the shop, since 2019"


@contextmanager
def lesser_token(rehearsal: Rehearsal) -> Iterator[None]:
    """A token that finds the zone, and may change nothing."""
    with (
        token_for(rehearsal, ["Zone Read"]) as value,
        rehearsal.facts.edited(lambda _: None),
    ):
        rehearsal.engine.set_secret(CLOUDFLARE_TOKEN, value)
        yield


@contextmanager
def taken_name(rehearsal: Rehearsal) -> Iterator[None]:
    """Somebody's record where one of ours is to be."""
    name = facts(rehearsal)["tunnel"]["hostnames"][0]
    theirs = {"name": name, "type": "A", "content": "192.0.2.7", "comment": SOMEBODY}
    with record(rehearsal, theirs):
        yield


FAULTS = (
    Fault(
        name="fault-cloudflare-token",
        area=VENDORS,
        wrong="Cloudflare's token lacks rights",
        remedy="give it the rights of docs/cloudflare.md",
        says=("the token lacks", "DNS > Edit", "Tunnel > Edit", "API Tokens > Edit"),
        needs=NAMES,
        setting=lesser_token,
    ),
    Fault(
        name="fault-cloudflare-record",
        area=VENDORS,
        wrong="a record that is not ours stands where one of ours is to be",
        remedy="delete it at Cloudflare, or choose another name",
        says=("is not this stack's", SOMEBODY),
        needs=NAMES,
        setting=taken_name,
    ),
)
