"""Zones, accounts and DNS records."""

from typing import Any, Final

from aiohttp import web

from lab.cloudflare.errors import unknown_record
from lab.cloudflare.routes.gate import BASE, Gate, json_object, now
from lab.cloudflare.state.records import Record, check_neighbours, matches, normalised
from lab.cloudflare.state.store import new_id
from lab.cloudflare.wire import envelope, page

_RECORD_FILTERS: Final = ("name", "type", "content", "comment")


class ZoneRoutes:
    """The handlers."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._store = gate.store

    def table(self) -> list[web.RouteDef]:
        """What is served."""
        records = f"{BASE}/zones/{{zone}}/dns_records"
        one = f"{records}/{{record}}"
        return [
            web.get(f"{BASE}/accounts", self._accounts),
            web.get(f"{BASE}/accounts/{{account}}", self._account),
            web.get(f"{BASE}/zones", self._zones),
            web.get(f"{BASE}/zones/{{zone}}", self._zone),
            web.get(records, self._list),
            web.post(records, self._create),
            web.get(one, self._read),
            web.put(one, self._replace),
            web.patch(one, self._edit),
            web.delete(one, self._delete),
        ]

    async def _accounts(self, request: web.Request) -> web.Response:
        token = self._gate.token(request)
        seen = [
            account
            for key, account in sorted(self._store.accounts.items())
            if self._gate.may_account(token, "Account Settings Read", key)
            and request.query.get("name") in {None, account["name"]}
        ]
        return web.json_response(page(seen, request.query, 20, 50))

    async def _account(self, request: web.Request) -> web.Response:
        account = self._gate.account(request, "Account Settings Read")
        return web.json_response(envelope(self._store.accounts[account]))

    async def _zones(self, request: web.Request) -> web.Response:
        token, query = self._gate.token(request), request.query
        seen = [
            zone
            for key, zone in self._store.zones.items()
            if self._gate.may_zone(token, "Zone Read", key)
            and query.get("name") in {None, zone["name"]}
            and query.get("account.id") in {None, zone["account"]["id"]}
            and query.get("status") in {None, zone["status"]}
        ]
        seen.sort(key=lambda zone: str(zone["name"]))
        return web.json_response(page(seen, query, 20, 50))

    async def _zone(self, request: web.Request) -> web.Response:
        return web.json_response(envelope(self._gate.zone(request, "Zone Read")))

    # ------------------------------------------------------------------- records

    def _records(self, request: web.Request, group: str) -> tuple[str, dict[str, Record]]:
        zone = self._gate.zone(request, group)
        return str(zone["name"]), self._store.records[zone["id"]]

    async def _list(self, request: web.Request) -> web.Response:
        _, records = self._records(request, "DNS Read")
        filters = {k: v for k, v in request.query.items() if k.split(".")[0] in _RECORD_FILTERS}
        found = [record for record in records.values() if matches(record, filters)]
        found.sort(key=lambda record: (record["name"], record["type"], record["id"]))
        return web.json_response(page(found, request.query, 100, 5000))

    async def _create(self, request: web.Request) -> web.Response:
        zone, records = self._records(request, "DNS Write")
        made = normalised(await json_object(request), zone)
        check_neighbours(made, records.values())
        moment = now()
        made = {"id": new_id(), **made, "meta": {}, "created_on": moment, "modified_on": moment}
        records[made["id"]] = made
        return self._changed(made)

    def _changed(self, result: Any) -> web.Response:
        self._gate.changed()
        return web.json_response(envelope(result))

    @staticmethod
    def _record(request: web.Request, records: dict[str, Record]) -> Record:
        found = records.get(request.match_info["record"])
        if found is None:
            raise unknown_record()
        return found

    async def _read(self, request: web.Request) -> web.Response:
        _, records = self._records(request, "DNS Read")
        return web.json_response(envelope(self._record(request, records)))

    async def _replace(self, request: web.Request) -> web.Response:
        return await self._update(request, {})

    async def _edit(self, request: web.Request) -> web.Response:
        _, records = self._records(request, "DNS Write")
        return await self._update(request, self._record(request, records))

    async def _update(self, request: web.Request, base: Record) -> web.Response:
        zone, records = self._records(request, "DNS Write")
        before = self._record(request, records)
        made = normalised({**base, **await json_object(request)}, zone)
        others = [record for record in records.values() if record["id"] != before["id"]]
        check_neighbours(made, others, changes=True)
        kept = {key: before[key] for key in ("id", "created_on", "meta")}
        records[before["id"]] = {**made, **kept, "modified_on": now()}
        return self._changed(records[before["id"]])

    async def _delete(self, request: web.Request) -> web.Response:
        _, records = self._records(request, "DNS Write")
        record = self._record(request, records)
        del records[record["id"]]
        return self._changed({"id": record["id"]})
