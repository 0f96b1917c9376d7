"""RecordSweep: a resource whose delete takes away what a cluster's external-dns left in a zone.

external-dns dies with its cluster, and its records stay: they lead to addresses that somebody else
may get. It writes beside each of them whose it is, in a TXT record; only what bears one of the
stack's own owner IDs goes, so two clusters may share a zone. It stands before the machines, so its
delete comes when nobody is left who would write the records anew.

Source of the format: kubernetes-sigs.github.io/external-dns, "The TXT registry", v0.18 and later:
the TXT record of `www.example.org`, type A, is `a-www.example.org`. One that a prefix, a suffix or
a replacement of `*` has changed does not say which record it stands for: it is listed, and left.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from provider import cloudflare
from provider.cloudflare import Api
from provider.rpc import Properties, Resource, operation, plain

HERITAGE = "heritage=external-dns"
OWNER = "external-dns/owner="
MARK = re.compile(r"(?P<type>a|aaaa|cname|mx|naptr|ns|srv|txt)-(?P<name>.+)", re.IGNORECASE)
SHOWN = 10
Record = Mapping[str, Any]


class RecordSweep(Resource):
    """Inputs: `zoneId`, `zone` (its name), `owners` (external-dns' owner IDs)."""

    required = ("zoneId", "zone", "owners")
    replace_on = ("zoneId",)

    def __init__(self) -> None:
        self.credentials: cloudflare.Credentials | None = None

    def create(self, inputs: Properties, preview: bool, timeout: float) -> tuple[str, Properties]:
        """Nothing to do until the cluster goes."""
        del timeout
        return ("" if preview else str(plain(inputs["zoneId"]))), inputs

    def update(
        self,
        id: str,  # noqa: A002
        olds: Properties,
        news: Properties,
        preview: bool,
        timeout: float,
    ) -> Properties:
        """Other instances from now on: what a former one wrote is no longer looked for."""
        del id, olds, preview, timeout
        return news

    def delete(self, id: str, state: Properties, timeout: float) -> None:  # noqa: A002
        """Take away the records and then their marks, so that what was cut off is found again."""
        del id, timeout
        known = plain(state)
        path = f"/zones/{known['zoneId']}/dns_records"
        with cloudflare.connected(self.credentials) as api:
            marks = api.all(path, type="TXT")
            ours = owned_by(marks, frozenset(known["owners"]))
            strangers = {str(mark["name"]) for mark in owned_by_others(marks, ours)}
            gone: list[str] = []
            unclear: list[str] = []
            for mark in ours:
                if str(mark["name"]) in strangers:
                    remove(api, path, mark)
                    continue
                records = marked(api, path, mark)
                if records is None:
                    unclear.append(str(mark["name"]))
                    continue
                for record in (*records, mark):
                    remove(api, path, record)
                gone += [f"{record['name']} {record['type']}" for record in records]
        told(str(known["zone"]), gone, unclear)


def marked(api: Api, path: str, mark: Record) -> list[Record] | None:
    """The records that a mark stands for; None when its name does not say so for certain."""
    match = MARK.fullmatch(str(mark["name"]))
    if match is None:
        return None
    kind, name = match["type"].upper(), match["name"]
    found = [item for item in api.all(path, type=kind, name=name) if item["id"] != mark["id"]]
    if found:
        return found
    # A word in the place of `*` names a record that there is not; the real one is no guess.
    wild = f"*.{name.partition('.')[2]}"
    return None if api.all(path, type=kind, name=wild) else []


def remove(api: Api, path: str, record: Record) -> None:
    """Take one record away; gone already is well."""
    where = f"{path}/{record['id']}"
    answer = api.answer("DELETE", where)
    if answer.found:
        cloudflare.result_of(answer, where)


def owned_by(marks: Iterable[Record], owners: frozenset[str]) -> list[Record]:
    """The marks that bear one of these owner IDs."""
    return [mark for mark in marks if owner_of(mark) in owners]


def owned_by_others(marks: Iterable[Record], ours: Sequence[Record]) -> list[Record]:
    """The marks of external-dns that bear somebody else's."""
    known = {mark["id"] for mark in ours}
    return [mark for mark in marks if owner_of(mark) is not None and mark["id"] not in known]


def owner_of(mark: Record) -> str | None:
    """The owner ID in a TXT record of external-dns; None in any other."""
    fields = str(mark.get("content", "")).strip('"').split(",")
    if HERITAGE not in fields:
        return None
    return next((item.removeprefix(OWNER) for item in fields if item.startswith(OWNER)), None)


def told(zone: str, gone: Sequence[str], unclear: Sequence[str]) -> None:
    """Say what went, and what is left because nobody can tell what it stands for."""
    say = operation.current().info
    if gone:
        first = ", ".join(gone[:SHOWN])
        more = f" and {len(gone) - SHOWN} more" if len(gone) > SHOWN else ""
        say(f"took {len(gone)} records of external-dns out of {zone}: {first}{more}")
    if unclear:
        say(
            f"left in {zone}, because their names do not say which record they stand for: "
            f"{', '.join(unclear)}"
        )
