"""The run of a Pulumi program in this process, and what the user reads when it fails.

As the vendor's host shows it: a `RunError` as its message alone, anything else as the traceback of
the user's program, without the frames of the machinery that called it. Failures of resources were
shown by the engine already; the program only learns that the engine is gone. The engine starts a
host for every run, so nothing is tidied up for a second one.
"""

import asyncio
import logging
import os
import runpy
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import grpc
import pulumi
from pulumi.runtime import reset_options, run_in_stack, set_all_config

from lab.plugins.language.proto import language_pb2

ENTRY = "__main__.py"


def run(request: language_pb2.RunRequest, engine: str) -> language_pb2.RunResponse:
    """Run the program that `request` describes, to its end or until it fails."""
    # Unfinished tasks are normal when a run is cut short, and asyncio would say so at length.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    entry = _entry_point(request)
    os.chdir(request.pwd or entry.parent)
    sys.path.insert(0, str(entry.parent))
    sys.argv = [str(entry), *request.args]
    reset_options(
        project=request.project,
        monitor_address=request.monitor_address,
        engine_address=engine,
        stack=request.stack,
        parallel=request.parallel,
        preview=request.dryRun,
        organization=request.organization or "organization",
    )
    set_all_config(dict(request.config), list(request.configSecretKeys))
    try:
        return _run_to_its_end(entry, request.parallel)
    finally:
        sys.path.remove(str(entry.parent))
        sys.stdout.flush()
        sys.stderr.flush()


def _entry_point(request: language_pb2.RunRequest) -> Path:
    directory = Path(request.info.program_directory or request.pwd)
    chosen = directory / (request.info.entry_point or ".")
    return chosen / ENTRY if chosen.is_dir() else chosen


def _run_to_its_end(entry: Path, parallel: int) -> language_pb2.RunResponse:
    def program() -> None:
        runpy.run_path(str(entry), run_name="__main__")

    loop = asyncio.new_event_loop()
    loop.set_default_executor(ThreadPoolExecutor(max_workers=max(parallel, 1) * 4))
    try:
        loop.run_until_complete(run_in_stack(program))
    except SystemExit as end:
        return _exited(end.code)
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.UNAVAILABLE:  # else the engine has ended the run
            pulumi.log.error(f"RPC error: {error.details()}")
    except Exception as error:  # noqa: BLE001 (whatever the program raises is shown to its user)
        pulumi.log.error("Program failed with an unhandled exception:\n" + _view(error, entry))
    else:
        return language_pb2.RunResponse()
    finally:
        _close(loop)
    return language_pb2.RunResponse(bail=True)


def _exited(code: object) -> language_pb2.RunResponse:
    if not code:
        return language_pb2.RunResponse()
    if not isinstance(code, int):
        pulumi.log.error(str(code))
        return language_pb2.RunResponse(bail=True)
    return language_pb2.RunResponse(error=f"Program exited with non-zero exit code: {code}")


def _view(error: Exception, entry: Path) -> str:
    """The traceback from the program's own first frame on; none if it could not be compiled."""
    frame = error.__traceback__
    while frame is not None and Path(frame.tb_frame.f_code.co_filename) != entry:
        frame = frame.tb_next
    if frame is not None or (isinstance(error, SyntaxError) and error.filename == str(entry)):
        error = error.with_traceback(frame)
    return "".join(traceback.format_exception(error))


def _close(loop: asyncio.AbstractEventLoop) -> None:
    for task in asyncio.all_tasks(loop):
        task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            loop.run_until_complete(task)
    loop.close()
