"""Smart HTTP under any repository's path: the lab has one repository, whatever it is called."""

import asyncio
from typing import Final

from aiohttp import web

from lab.git.backend import Question, ask
from lab.git.faults import KINDS
from lab.git.repository import BRANCH, GitError, Repository
from lab.http_faults import Faults

MAX_BYTES: Final = 256 * 1024**2
_SERVICES: Final = "info/refs|git-upload-pack|git-receive-pack"


def application(repository: Repository) -> web.Application:
    """The server of a repository, brought up to date first."""
    repository.refresh()
    faults = Faults(KINDS)
    app = web.Application(middlewares=[faults.middleware], client_max_size=MAX_BYTES)

    async def serve(request: web.Request) -> web.Response:
        question = Question(
            method=request.method,
            service=request.match_info["service"],
            query=request.query_string,
            headers=request.headers,
            body=await request.read(),
        )
        reply = await ask(repository.path, question)
        return web.Response(status=reply.status, body=reply.body, headers=reply.headers)

    def head() -> web.Response:
        return web.json_response({"branch": BRANCH, "commit": repository.head()})

    async def show(_request: web.Request) -> web.Response:
        return await asyncio.to_thread(head)

    async def refresh(_request: web.Request) -> web.Response:
        try:
            await asyncio.to_thread(repository.refresh)
        except GitError as error:
            return web.json_response({"error": str(error)}, status=500)
        return await asyncio.to_thread(head)

    app.router.add_routes(
        [
            web.get("/-/world", show),
            web.post("/-/refresh", refresh),
            *faults.routes(),
            web.get(f"/{{repository:.+}}/{{service:{_SERVICES}}}", serve),
            web.post(f"/{{repository:.+}}/{{service:{_SERVICES}}}", serve),
        ]
    )
    return app
