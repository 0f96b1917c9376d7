"""What a cut-off create left at Cloudflare: asked of its API with the stack's own token.

A record says in its comment whose it is; a tunnel and an API token carry the stack's name. A
token's value was told once, to nobody, so the token goes.
"""

from collections.abc import Callable, Mapping
from typing import Any

import requests

from config.secret_keys import CLOUDFLARE_TOKEN
from ops.errors import VerbError
from ops.recover import table
from ops.recover.findings import Finding, Properties, adopted, cleared, left, removed

ENDPOINT = "https://api.cloudflare.com/client/v4"
REQUEST_SECONDS = 30
PER_PAGE = 50


class Cloudflare:
    """One Cloudflare account, asked with a stack's secrets (in clear); `verify` is a bundle."""

    def __init__(
        self, secrets: Mapping[str, str], endpoint: str = ENDPOINT, verify: str | bool = True
    ) -> None:
        self._secrets, self._endpoint, self._verify = secrets, endpoint, verify
        self._judges: dict[str, Callable[[Properties], Finding]] = {
            table.DNS_RECORD: self.record,
            table.TUNNEL: self.tunnel,
            table.ACCOUNT_TOKEN: self.token,
        }

    def judge(self, kind: str, inputs: Properties) -> Finding:
        """What is there of a resource, and what to do about it."""
        return self._judges[kind](inputs)

    @property
    def judged(self) -> frozenset[str]:
        """The types that it can judge."""
        return frozenset(self._judges)

    def record(self, inputs: Properties) -> Finding:
        """A record, by name and type; ours by its comment."""
        name, kind = str(inputs["name"]), str(inputs["type"])
        path = f"/zones/{inputs['zoneId']}/dns_records"
        found = [item for item in self.all(path, name=name) if item["type"] == kind]
        if not found:
            return cleared(f"there is no {kind} record {name}")
        has, wanted = str(found[0].get("comment") or ""), str(inputs.get("comment") or "")
        if has != wanted:
            return left(
                f"the {kind} record {name} is not this stack's: its comment is {has!r}, ours is "
                f"{wanted!r}"
            )
        return adopted(f"the {kind} record {name} is there", str(found[0]["id"]))

    def tunnel(self, inputs: Properties) -> Finding:
        """A tunnel, by its name, which no other can have."""
        name = str(inputs["name"])
        path = f"/accounts/{inputs['accountId']}/cfd_tunnel"
        found = self.all(path, name=name, is_deleted="false")
        if not found:
            return cleared(f"there is no tunnel {name}")
        return adopted(f"the tunnel {name} is there", str(found[0]["id"]))

    def token(self, inputs: Properties) -> Finding:
        """An API token: nobody has its value, so it goes. Its name may stand there twice."""
        name, path = str(inputs["name"]), f"/accounts/{inputs['accountId']}/tokens"
        found = [str(item["id"]) for item in self.all(path) if item["name"] == name]
        if not found:
            return cleared(f"there is no API token {name}")

        def remove() -> None:
            for identifier in found:
                self.ask("DELETE", f"{path}/{identifier}")

        return removed(f"the API token {name} was made, and nobody has its value", remove)

    def all(self, path: str, **query: str) -> list[dict[str, Any]]:
        """Every page of a list."""
        found: list[dict[str, Any]] = []
        while True:
            page = {"page": str(len(found) // PER_PAGE + 1), "per_page": str(PER_PAGE)}
            items: list[dict[str, Any]] = self.ask("GET", path, **page, **query) or []
            found += items
            if len(items) < PER_PAGE:
                return found

    def ask(self, method: str, path: str, **query: str) -> Any:
        """One request; VerbError with Cloudflare's words when it is refused."""
        if CLOUDFLARE_TOKEN not in self._secrets:
            raise VerbError(
                f"{CLOUDFLARE_TOKEN} is needed to look at Cloudflare: `pulumi config set --secret`."
            )
        headers = {"Authorization": f"Bearer {self._secrets[CLOUDFLARE_TOKEN].strip()}"}
        try:
            answer = requests.request(
                method,
                f"{self._endpoint}{path}",
                params=query,
                headers=headers,
                timeout=REQUEST_SECONDS,
                verify=self._verify,
            )
            body = answer.json()
        except requests.RequestException as error:
            raise VerbError(f"Cloudflare could not be asked for {path} ({error}).") from error
        if not answer.ok:
            said = "; ".join(f"{e.get('message')} ({e.get('code')})" for e in body["errors"])
            raise VerbError(f"Cloudflare answered {answer.status_code} {said} to {path}.")
        return body["result"]
