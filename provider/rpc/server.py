"""Serving a plugin: the few lines of its executable.

    from provider.rpc import Plugin, serve
    serve(Plugin(name="random", version="4.21.4", resources={...}, functions={...}))

`serve` speaks the engine's start-up protocol (its address in argv, our port as the first line on
stdout), serves until the engine goes, and goes with it.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

from provider.rpc import faults, life
from provider.rpc.operation import Engine
from provider.rpc.plugin import Plugin
from provider.rpc.proto import provider_pb2_grpc
from provider.rpc.servicer import Servicer

LARGEST_MESSAGE = 400 * 1024 * 1024
"""What the SDKs and the engine allow; gRPC's own 4 MiB is less than one machine config's state."""
CALLS_AT_ONCE = 64
"""Threads start on demand; an operation may wait for minutes, and must not hold up others."""
OPTIONS = (
    ("grpc.max_receive_message_length", LARGEST_MESSAGE),
    ("grpc.max_send_message_length", LARGEST_MESSAGE),
)


def start(plugin: Plugin, engine: str | None, log: Path) -> tuple[grpc.Server, int]:
    """A running server for `plugin` on a loopback port of the kernel's choice.

    `engine` is the address of the engine's own service, `log` the file for tracebacks.
    """
    server = grpc.server(ThreadPoolExecutor(CALLS_AT_ONCE), options=OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(
        Servicer(plugin, Engine(engine), log), server
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def serve(plugin: Plugin) -> None:
    """Be the plugin's process; does not return before the engine is done with it."""
    life.install()
    engine = sys.argv[-1] if len(sys.argv) > 1 else None
    server, port = start(plugin, engine, faults.log_path(plugin.name, os.environ))
    life.hand_over_port(port)
    server.wait_for_termination()
