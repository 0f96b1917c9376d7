"""Smart HTTP and the server's own endpoints; the SSH door opens and closes with them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lab.git.backend import Question, ask
from lab.git.faults import KINDS
from lab.git.repository import BRANCH, GitError, Repository
from lab.git.ssh import Door, listening
from lab.http_faults import Faults

MAX_BYTES: Final = 256 * 1024**2
_SERVICES: Final = "info/refs|git-upload-pack|git-receive-pack"


class Commit(BaseModel):
    """What `POST /-/commit` takes: whole files by their paths, null for one that goes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    message: str = Field(min_length=1)
    files: dict[str, str | None] = Field(min_length=1)


def application(repository: Repository, door: Door | None = None) -> web.Application:
    """The server of a repository, brought up to date first."""
    repository.refresh()
    faults = Faults(KINDS)
    server = _Server(repository)
    app = web.Application(middlewares=[faults.middleware], client_max_size=MAX_BYTES)
    if door is not None:
        app.cleanup_ctx.append(lambda _app: server.ssh(door, faults))
    app.router.add_routes(
        [
            web.get("/-/world", server.show),
            web.post("/-/refresh", server.refresh),
            web.post("/-/commit", server.commit),
            *faults.routes(),
            web.get(f"/{{repository:.+}}/{{service:{_SERVICES}}}", server.serve),
            web.post(f"/{{repository:.+}}/{{service:{_SERVICES}}}", server.serve),
        ]
    )
    return app


class _Server:
    """The handlers of one repository."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._ssh_port: int | None = None

    async def ssh(self, door: Door, faults: Faults) -> AsyncIterator[None]:
        """Have the door open for as long as the application runs."""
        async with listening(door, self._repository, faults) as port:
            self._ssh_port = port
            yield

    async def serve(self, request: web.Request) -> web.Response:
        """A request of Git's own protocol."""
        if not self._repository.is_called(request.match_info["repository"]):
            return web.Response(status=404, text="Repository not found.\n")
        question = Question(
            method=request.method,
            service=request.match_info["service"],
            query=request.query_string,
            headers=request.headers,
            body=await request.read(),
        )
        reply = await ask(self._repository.path, question)
        return web.Response(status=reply.status, body=reply.body, headers=reply.headers)

    async def show(self, _request: web.Request) -> web.Response:
        """The branch: where it is, and what is on it."""
        return await self._told(lambda: None)

    async def refresh(self, _request: web.Request) -> web.Response:
        """Commit the folder as the checkout has it now."""
        return await self._told(self._repository.refresh, status=500)

    async def commit(self, request: web.Request) -> web.Response:
        """Commit somebody's change."""
        try:
            wanted = Commit.model_validate_json(await request.read())
        except ValidationError as error:
            return web.json_response({"error": str(error)}, status=400)
        return await self._told(
            lambda: self._repository.commit(wanted.message, wanted.files), status=409
        )

    async def _told(self, change: Callable[[], object], status: int = 500) -> web.Response:
        """Make a change, and say where the branch is then; `status` for what Git refuses."""

        def head() -> dict[str, Any]:
            change()
            commit = self._repository.head()
            tree = self._repository.tree(commit) if commit else None
            return {"branch": BRANCH, "commit": commit, "tree": tree, "sshPort": self._ssh_port}

        try:
            return web.json_response(await asyncio.to_thread(head))
        except GitError as error:
            return web.json_response({"error": str(error)}, status=status)
