# SPDX-License-Identifier: AGPL-3.0-or-later
"""The way to the machine simulator: a virtual machine that starts is a machine that boots.

A client of its control API (`/machines`) and no more; what a machine is made of is decided in
`state.machine`.
"""

from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

SECONDS = 30.0
# What the hardware of an existing machine can be changed to; the rest was decided when it was made.
CHANGEABLE = ("cpus", "memoryMiB", "disks", "addresses")


class MachineError(Exception):
    """The machine simulator refused, or could not be reached."""


class Machines:
    """The control API at `base`; without a base every call is accepted and does nothing."""

    def __init__(self, base: str | None) -> None:
        self._base = base.rstrip("/") if base else None
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def boot(self, machine: dict[str, Any]) -> None:
        """Create the machine (or bring its hardware up to date), then power it on."""
        status, _ = await self._call("POST", "/machines", machine, accept=(201, 409))
        if status == 409:
            await self.change(machine)
        await self.power(machine["id"], "on")

    async def change(self, machine: dict[str, Any]) -> None:
        """Give an existing machine this hardware."""
        body = {key: machine[key] for key in CHANGEABLE}
        await self._call("PATCH", _path(machine["id"]), body, accept=(200, 204))

    async def power(self, name: str, to: str) -> None:
        """Power the machine `on` or `off`, or `reset` it."""
        accept = (200, 202, 204) if to == "on" else (200, 202, 204, 404)
        await self._call("POST", f"{_path(name)}/power", {"to": to}, accept=accept)

    async def delete(self, name: str) -> None:
        """Forget the machine; one that never booted was never there."""
        await self._call("DELETE", _path(name), None, accept=(200, 202, 204, 404))

    async def show(self, name: str) -> dict[str, Any] | None:
        """What the machine simulator knows of it; None if nothing."""
        status, body = await self._call("GET", _path(name), None, accept=(200, 404))
        return body if status == 200 else None

    async def _call(
        self, method: str, path: str, body: Any, *, accept: tuple[int, ...]
    ) -> tuple[int, Any]:
        if self._base is None:
            return 404 if 404 in accept else accept[0], None
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=SECONDS)
            self._session = aiohttp.ClientSession(timeout=timeout, requote_redirect_url=False)
        try:
            async with self._session.request(method, self._url(path), json=body) as answer:
                text = await answer.text()
                if answer.status not in accept:
                    raise MachineError(f"{method} {path}: {answer.status} {text.strip()[:200]}")
                is_json = answer.content_type == "application/json" and text
                return answer.status, await answer.json() if is_json else None
        except (aiohttp.ClientError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            raise MachineError(
                f"machine simulator at {self._base} is not there: {reason}"
            ) from error

    def _url(self, path: str) -> URL:
        return URL(f"{self._base}{path}", encoded=True)


def _path(name: str) -> str:
    return f"/machines/{quote(name, safe='')}"
