"""DNS records and tunnels.

What replaces, and what is forgotten, is the vendor's: a tunnel that still has connections cannot be
deleted, and the plugin reports success all the same (its issue 5255), so that the next tunnel of
that name is refused with 409. A tunnel's configuration cannot be deleted at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from lab.plugins.cloudflare.api import Api, ApiError
from lab.plugins.cloudflare.names import shaped, to_api, to_pulumi
from provider.rpc import Diff, Properties, Refused, Resource, field_wise, operation, plain

_GONE = (
    "Resource not found: The resource was not found on the server and will be removed from state."
)
_TUNNEL_IN_USE = 1022


class Bridged(Resource):
    """A resource that is compared with its state. `path` names its collection by its inputs."""

    optional_computed: ClassVar[Sequence[str]] = ()
    """Left out by the program, these keep what Cloudflare says."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def diff(
        self,
        id: str,  # noqa: A002
        olds: Properties,
        old_inputs: Properties,
        news: Properties,
        ignore: Sequence[str],
    ) -> Diff:
        """What differs from the state."""
        del id
        state, wanted = plain(olds), plain(news)
        names = {*plain(old_inputs), *wanted}
        names -= {name for name in self.optional_computed if name not in wanted}
        before = {name: state[name] for name in names if state.get(name) is not None}
        before = {name: shaped(value, wanted.get(name, value)) for name, value in before.items()}
        return field_wise(before, wanted, ignore=ignore, replace_on=self.replace_on)

    def path(self, inputs: Mapping[str, Any]) -> str:
        """The collection's path."""
        raise NotImplementedError

    def body(self, inputs: Mapping[str, Any]) -> Any:
        """What is sent."""
        hidden = {"zoneId", "accountId", "tunnelId"}
        return to_api({key: value for key, value in inputs.items() if key not in hidden})

    def outputs(self, live: Mapping[str, Any], inputs: Properties) -> Properties:
        """The state: what the program wrote, and what Cloudflare says."""
        found: Properties = {
            key: value for key, value in to_pulumi(dict(live)).items() if key != "id"
        }
        computed = dict.fromkeys(self.computed)
        return {**computed, **plain(inputs), **{k: v for k, v in found.items() if v is not None}}

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One call, its refusal told to the user."""
        try:
            return self._api.call(method, path, body)
        except ApiError as error:
            raise Refused(str(error)) from error

    def create(self, inputs: Properties, preview: bool, timeout: float) -> tuple[str, Properties]:
        """POST the collection."""
        del timeout
        if preview:
            return "", self.planned(inputs)
        known = plain(inputs)
        made = self.call("post", self.path(known), self.body(known))
        return str(made["id"]), self.outputs(made, inputs)

    def read(
        self,
        id: str,  # noqa: A002
        state: Properties,
        inputs: Properties,
    ) -> tuple[str | None, Properties, Properties]:
        """GET it; gone on 404."""
        written = plain(inputs) or self.imported(id)
        known = {**plain(state), **written}
        identifier = id.rpartition("/")[2]
        try:
            live = self._api.call("get", self.one(known, identifier))
        except ApiError as error:
            if error.status == 404:
                operation.current().warn(_GONE)
                return None, {}, {}
            raise Refused(str(error)) from error
        if live.get("deleted_at"):
            return None, {}, {}
        now = self.outputs(live, known)
        kept = {key: shaped(now.get(key, value), value) for key, value in written.items()}
        return identifier, now, kept

    def one(self, known: Mapping[str, Any], identifier: str) -> str:
        """The path of one."""
        return f"{self.path(known)}/{identifier}"

    def imported(self, identifier: str) -> Properties:
        """Inputs from an import's ID, `ACCOUNT/ID` or `ZONE/ID`."""
        owner, slash, _ = identifier.rpartition("/")
        if not slash:
            raise Refused(f'invalid ID: want "<{self.required[0]}>/<id>", got {identifier!r}')
        return {self.required[0]: owner}

    def update(
        self,
        id: str,  # noqa: A002
        olds: Properties,
        news: Properties,
        preview: bool,
        timeout: float,
    ) -> Properties:
        """PUT it."""
        del timeout
        if preview:
            return self.planned(news, olds)
        known = plain(news)
        made = self.call(self.update_verb, self.one(known, id), self.body(known))
        now = self.outputs(made, news)
        untold = [name for name in self.secret_outputs if now.get(name) is None and name in olds]
        return {**now, **{name: olds[name] for name in untold}}

    update_verb: ClassVar[str] = "put"

    def delete(
        self,
        id: str,  # noqa: A002
        state: Properties,
        timeout: float,
    ) -> None:
        """DELETE it; what is gone is deleted."""
        del timeout
        try:
            self._api.call("delete", self.one(plain(state), id))
        except ApiError as error:
            if error.status != 404:
                raise Refused(str(error)) from error


class DnsRecord(Bridged):
    """`DnsRecord`. A name without its zone is kept as written."""

    required = ("zoneId", "name", "type", "ttl")
    defaults: ClassVar[Mapping[str, Any]] = {"proxied": False}
    replace_on = ("zoneId",)
    computed = (
        "commentModifiedOn",
        "createdOn",
        "meta",
        "modifiedOn",
        "proxiable",
        "settings",
        "tags",
        "tagsModifiedOn",
    )
    optional_computed = ("content", "data", "priority", "settings", "tags")

    def path(self, inputs: Mapping[str, Any]) -> str:
        """A zone's records."""
        return f"/zones/{inputs['zoneId']}/dns_records"

    def outputs(self, live: Mapping[str, Any], inputs: Properties) -> Properties:
        """The record; `meta` is JSON in a string."""
        found = super().outputs(live, inputs)
        found["meta"] = json.dumps(live.get("meta") or {})
        written = plain(inputs).get("name")
        full = str(live.get("name", ""))
        relative = isinstance(written, str) and full.startswith(f"{written}.")
        if relative or (written == "@" and full):
            found["name"] = written
        return found


_TUNNEL_COMPUTED = (
    "accountTag",
    "connections",
    "connsActiveAt",
    "connsInactiveAt",
    "createdAt",
    "deletedAt",
    "metadata",
    "remoteConfig",
    "status",
    "tunType",
)


class Tunnel(Bridged):
    """`ZeroTrustTunnelCloudflared`. It has no token: that is a function's answer."""

    required = ("accountId", "name")
    defaults: ClassVar[Mapping[str, Any]] = {"configSrc": "local"}
    replace_on = ("accountId", "configSrc")
    computed = _TUNNEL_COMPUTED
    secret_outputs = ("tunnelSecret",)
    update_verb = "patch"

    def path(self, inputs: Mapping[str, Any]) -> str:
        """An account's tunnels."""
        return f"/accounts/{inputs['accountId']}/cfd_tunnel"

    def outputs(self, live: Mapping[str, Any], inputs: Properties) -> Properties:
        """The tunnel; `metadata` is JSON in a string, the secret is never told again."""
        found = super().outputs(live, inputs)
        found["metadata"] = json.dumps(live.get("metadata") or {})
        return found

    def delete(
        self,
        id: str,  # noqa: A002
        state: Properties,
        timeout: float,
    ) -> None:
        """DELETE it, and report success although connections kept it alive: the vendor's bug."""
        try:
            super().delete(id, state, timeout)
        except Refused as error:
            cause = error.__cause__
            if not (isinstance(cause, ApiError) and _TUNNEL_IN_USE in cause.codes):
                raise


# The API's own spelling, where Pulumi's of it is another.
_CAPITALS = {"noTlsVerify": "noTLSVerify", "matchSnItoHost": "matchSNItoHost"}


class TunnelConfig(Bridged):
    """`ZeroTrustTunnelCloudflaredConfig`: the ingress rules of a tunnel managed at Cloudflare."""

    required = ("accountId", "tunnelId")
    defaults: ClassVar[Mapping[str, Any]] = {"source": "cloudflare"}
    replace_on = ("accountId", "tunnelId")
    computed = ("createdAt", "version")
    optional_computed = ("config", "source")

    def path(self, inputs: Mapping[str, Any]) -> str:
        """The tunnel's configuration; there is one."""
        return f"/accounts/{inputs['accountId']}/cfd_tunnel/{inputs['tunnelId']}/configurations"

    def one(self, known: Mapping[str, Any], identifier: str) -> str:
        """The same."""
        del identifier
        return self.path(known)

    def body(self, inputs: Mapping[str, Any]) -> Any:
        """The configuration; inside it the API speaks camelCase, with `ingress` in the singular."""
        config = dict(inputs.get("config") or {})
        if "ingresses" in config:
            config["ingress"] = config.pop("ingresses")
        return {"config": _spelt(_present(config), _CAPITALS)}

    def outputs(self, live: Mapping[str, Any], inputs: Properties) -> Properties:
        """The configuration in the program's words."""
        back = {theirs: ours for ours, theirs in _CAPITALS.items()}
        config = dict(_spelt(live.get("config") or {}, back))
        if "ingress" in config:
            config["ingresses"] = config.pop("ingress")
        config.pop("warp-routing", None)
        found = {key: value for key, value in live.items() if key in ("created_at", "version")}
        source = live.get("source") or plain(inputs).get("source")
        return {**plain(inputs), "config": config, "source": source, **to_pulumi(found)}

    def imported(self, identifier: str) -> Properties:
        """`ACCOUNT/TUNNEL`."""
        account, slash, tunnel = identifier.partition("/")
        if not slash:
            raise Refused(f'invalid ID: want "<account_id>/<tunnel_id>", got {identifier!r}')
        return {"accountId": account, "tunnelId": tunnel}

    def create(self, inputs: Properties, preview: bool, timeout: float) -> tuple[str, Properties]:
        """PUT it: a tunnel has a configuration from the start."""
        del timeout
        if preview:
            return "", self.planned(inputs)
        known = plain(inputs)
        made = self.call("put", self.path(known), self.body(known))
        return str(known["tunnelId"]), self.outputs(made, inputs)

    def delete(
        self,
        id: str,  # noqa: A002
        state: Properties,
        timeout: float,
    ) -> None:
        """Nothing: the API has no way to, and the vendor drops it from the state."""
        del id, state, timeout


def _present(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _present(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_present(item) for item in value]
    return value


def _spelt(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {names.get(key, key): _spelt(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_spelt(item, names) for item in value]
    return value
