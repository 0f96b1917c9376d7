"""How every HTTP simulator of the lab is started and stopped: arguments, TLS, log, signals.

It knows aiohttp and nothing else. A simulator hands over an `aiohttp.web.Application` and gets:
`GET /-/healthz`, a request log that holds paths and statuses but neither queries, headers nor
bodies (that is where secrets travel), a quiet end on SIGTERM, and an end with its parent, so that
nothing outlives the lab that started it. It deliberately knows no vendor's API.
"""

import argparse
import asyncio
import contextlib
import ctypes
import errno
import json
import logging
import os
import signal
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

PR_SET_PDEATHSIG: Final = 1
HEALTH_PATH: Final = "/-/healthz"
SHUTDOWN_SECONDS: Final = 1.0
LOG_NAME: Final = "lab.requests"
_IN_USE: Final = (
    "the address is in use; `ss -ltnp` names who listens there: end that, or give --listen another"
)

Cleanup = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Address:
    """Where a simulator listens."""

    host: str
    port: int


@dataclass(frozen=True, kw_only=True)
class Options:
    """What every simulator takes on its command line."""

    listen: Address
    certificate: Path | None
    key: Path | None
    log: Path | None

    @property
    def scheme(self) -> str:
        """`https` when a certificate was given, else `http`."""
        return "https" if self.certificate else "http"


def address(text: str) -> Address:
    """Read `IP:PORT` (or `[IPV6]:PORT`); port 0 lets the system pick one."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not an address; write IP:PORT, for example 198.18.1.4:8006"
        )
    return Address(host.strip("[]"), int(port))


def arguments(module: str, purpose: str) -> argparse.ArgumentParser:
    """A parser with the arguments that all simulators share."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=purpose)
    parser.add_argument("--listen", type=address, required=True, metavar="IP:PORT")
    parser.add_argument(
        "--certificate", type=Path, metavar="FILE", help="PEM; without it: plain HTTP"
    )
    parser.add_argument("--key", type=Path, metavar="FILE", help="PEM key of the certificate")
    parser.add_argument("--log", type=Path, metavar="FILE", help="one JSON line per request")
    return parser


def options(parser: argparse.ArgumentParser, parsed: argparse.Namespace) -> Options:
    """The shared arguments out of a parsed command line; ends with usage when they disagree."""
    if (parsed.certificate is None) != (parsed.key is None):
        parser.error("--certificate and --key go together: give both (TLS) or neither (plain HTTP)")
    for path in (parsed.certificate, parsed.key):
        if path is not None and not path.is_file():
            parser.error(f"{path} does not exist; the lab writes it before it starts a simulator")
    return Options(
        listen=parsed.listen, certificate=parsed.certificate, key=parsed.key, log=parsed.log
    )


def end_with_parent() -> None:
    """Have the kernel send SIGTERM when the process that started this one ends (Linux)."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it ended before the request was in place
        sys.exit(0)


class RequestLog(AbstractAccessLogger):
    """One JSON line per request: never a query, a header or a body."""

    @property
    def enabled(self) -> bool:
        """Whether anybody asked for a log."""
        return self.logger.isEnabledFor(logging.INFO)

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """Write the line; `time` is in seconds."""
        line = {
            "host": request.host,
            "method": request.method,
            "path": request.path,
            "status": response.status,
            "ms": round(time * 1000, 1),
        }
        self.logger.info(json.dumps(line))


def _logger(target: Path | None) -> logging.Logger:
    logger = logging.getLogger(LOG_NAME)
    logger.propagate = False
    logger.setLevel(logging.INFO if target else logging.CRITICAL)
    if target:
        target.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(target, encoding="utf-8")
        handler.setFormatter(_Stamped("%(message)s"))
        logger.addHandler(handler)
    return logger


class _Stamped(logging.Formatter):
    """Adds the time to a JSON line."""

    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        return json.dumps({"time": f"{stamp}Z", **json.loads(record.getMessage())})


async def healthz(_request: web.Request) -> web.Response:
    """`GET /-/healthz`: the simulator is up and answers."""
    return web.Response(text="ok\n")


async def _serve(app: web.Application, opts: Options, cleanup: Cleanup | None) -> None:
    context = None
    if opts.certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(opts.certificate, opts.key)
    runner = web.AppRunner(
        app,
        access_log=_logger(opts.log),
        access_log_class=RequestLog,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await runner.setup()
    try:
        await web.TCPSite(runner, opts.listen.host, opts.listen.port, ssl_context=context).start()
        host, port = runner.addresses[0][:2]
        shown = f"[{host}]" if ":" in host else host
        print(f"listening on {opts.scheme}://{shown}:{port}", flush=True)
        await stop.wait()
    finally:
        await runner.cleanup()
        if cleanup:
            await cleanup()


def run(make: Callable[[], web.Application], opts: Options, cleanup: Cleanup | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the process's exit status.

    `make` builds the application (it may raise `OSError` or `ValueError` with a sentence for the
    reader); `cleanup` runs last. The first line on stdout is `listening on URL` with its port.
    """
    end_with_parent()
    try:
        app = make()
        app.router.add_get(HEALTH_PATH, healthz)
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_serve(app, opts, cleanup))
    except (OSError, ValueError) as error:
        said = _IN_USE if getattr(error, "errno", None) == errno.EADDRINUSE else str(error)
        print(f"cannot serve on {opts.listen.host}:{opts.listen.port}: {said}", file=sys.stderr)
        return 1
    return 0
