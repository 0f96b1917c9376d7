"""Faults of a plain HTTP service as data: requests that fail, and requests that are slow.

`POST /-/faults` adds one, `GET` lists, `DELETE` ends them all. What an answer looks like when a
vendor's service fails is the vendor's: a simulator brings its own kinds, and one that is reached in
another way than HTTP asks `take` for itself. It knows aiohttp and nothing else.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, ConfigDict, Field, ValidationError

CONTROL: Final = "/-/"


@dataclass(frozen=True)
class Answer:
    """What a failing request is answered with."""

    status: int
    body: str
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


class Fault(BaseModel):
    """One fault: which requests it hits, how often, and how."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    method: str | None = None
    path: str = Field(default="/", description="prefix of the paths it hits")
    times: int | None = Field(default=None, gt=0, description="none: until it is ended")
    seconds: float = Field(default=0.0, ge=0, description="for kind `slow`")


@dataclass(frozen=True)
class _Rule:
    fault: Fault
    left: int | None


class Faults:
    """The faults in force on one service."""

    def __init__(self, kinds: Mapping[str, Answer]) -> None:
        """`kinds` are the service's own; `slow` exists everywhere."""
        self._kinds = kinds
        self._rules: list[_Rule] = []

    def add(self, fault: Fault) -> None:
        """Put a fault in force; `ValueError` for an unknown kind."""
        known = ["slow", *sorted(self._kinds)]
        if fault.kind not in known:
            raise ValueError(f"there is no fault '{fault.kind}' here; known: {', '.join(known)}")
        self._rules.append(_Rule(fault, fault.times))

    def clear(self) -> None:
        """End every fault."""
        self._rules.clear()

    def listing(self) -> list[dict[str, Any]]:
        """The faults in force."""
        return [rule.fault.model_dump(exclude_defaults=True) for rule in self._rules]

    def take(
        self, method: str, path: str = "/", kinds: Collection[str] | None = None
    ) -> Fault | None:
        """The first fault that hits a request; one that hits a number of times is used up by it.

        `kinds` are those that can show at this point of a connection; none: all.
        """
        for index, rule in enumerate(self._rules):
            fault = rule.fault
            if fault.method not in {None, method} or not path.startswith(fault.path):
                continue
            if kinds is not None and fault.kind not in kinds:
                continue
            if rule.left == 1:
                del self._rules[index]
            elif rule.left is not None:
                self._rules[index] = replace(rule, left=rule.left - 1)
            return fault
        return None

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Apply the first fault that hits the request."""
        control = request.path.startswith(CONTROL)
        fault = None if control else self.take(request.method, request.path)
        if fault is None:
            return await handler(request)
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            return await handler(request)
        answer = self._kinds[fault.kind]
        return web.Response(
            status=answer.status,
            text=answer.body,
            content_type=answer.content_type,
            headers=dict(answer.headers),
        )

    def routes(self) -> list[web.RouteDef]:
        """`/-/faults`."""

        async def listing(_request: web.Request) -> web.Response:
            return web.json_response(self.listing())

        async def add(request: web.Request) -> web.Response:
            try:
                self.add(Fault.model_validate_json(await request.read()))
            except (ValidationError, ValueError) as error:
                return web.json_response({"error": str(error)}, status=400)
            return web.json_response(self.listing(), status=201)

        async def clear(_request: web.Request) -> web.Response:
            self.clear()
            return web.json_response([])

        return [
            web.get("/-/faults", listing),
            web.post("/-/faults", add),
            web.delete("/-/faults", clear),
        ]
