"""What becomes of an exception that a call ends with.

`Refused` reaches the user as its own message, `PartialFailure` with the detail that makes the
engine keep the resource. Anything else is a fault of the plugin: the user reads one line that names
the log, the traceback goes there and nowhere else (a message of a strange exception can hold
anything, so it is not shown). The log is private to the user, and kept small.
"""

import os
import sys
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import grpc

from provider.rpc.errors import PartialFailure, Refused
from provider.rpc.proto import provider_pb2, status_pb2
from provider.rpc.wire import encode

DIRECTORY_VARIABLE = "HEARTH_PLUGIN_LOGS"
_LARGEST = 1 << 20


def log_path(plugin: str, environment: Mapping[str, str]) -> Path:
    """Where the tracebacks of `plugin` go: `$HEARTH_PLUGIN_LOGS`, else the user's state folder."""
    chosen = environment.get(DIRECTORY_VARIABLE)
    if chosen:
        return Path(chosen) / f"{plugin}.log"
    state = environment.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "hearth" / "plugins" / f"{plugin}.log"


def end_call(
    context: grpc.ServicerContext, error: Exception, *, plugin: str, call: str, log: Path
) -> NoReturn:
    """End the gRPC call that raised `error`; `call` says which one it was ("Create of X")"""
    if isinstance(error, PartialFailure):
        context.set_trailing_metadata((("grpc-status-details-bin", _partial(error)),))
        context.abort(grpc.StatusCode.UNKNOWN, str(error))
    if isinstance(error, Refused):
        context.abort(grpc.StatusCode.UNKNOWN, str(error))
    place = _record(log, call, error)
    kind = type(error).__name__
    context.abort(
        grpc.StatusCode.INTERNAL,
        f"the {plugin} plugin failed in {call} ({kind}). This is a fault of the plugin; {place}",
    )


def _partial(error: PartialFailure) -> bytes:
    detail = provider_pb2.ErrorResourceInitFailed(
        id=error.id,
        properties=encode(error.state),
        reasons=error.reasons,
        inputs=None if error.inputs is None else encode(error.inputs),
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
    status.details.add().Pack(detail)
    return bytes(status.SerializeToString())


def _record(path: Path, call: str, error: Exception) -> str:
    text = "".join(traceback.format_exception(error))
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            if path.stat().st_size > _LARGEST:
                path.replace(path.with_suffix(".log.1"))
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as log:
            log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {call}\n{text}\n")
    except OSError as problem:
        sys.stderr.write(f"no log at {path}: {problem.strerror}\n")
        return f"its log {path} cannot be written ({problem.strerror})"
    return f"the traceback is in {path}"
