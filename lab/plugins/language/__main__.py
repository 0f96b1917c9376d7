"""The process of the language host: started by the engine, ends with it."""

import sys
from concurrent.futures import ThreadPoolExecutor

import grpc

from lab.plugins import sdk
from lab.plugins.language.host import Host
from lab.plugins.language.proto import language_pb2_grpc
from provider.rpc import life
from provider.rpc.server import OPTIONS


def main() -> None:
    """Serve the engine whose address is the last argument, until it goes."""
    life.install()
    server = grpc.server(ThreadPoolExecutor(8), options=OPTIONS)
    host = Host(engine=sys.argv[-1], version=sdk.engine_version())
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
