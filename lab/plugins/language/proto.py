"""The language host's protobuf messages, loaded without the SDK: not every start runs a program."""

from provider.rpc.proto import plugin_pb2, without_the_sdk

with without_the_sdk():
    from pulumi.runtime.proto import language_pb2, language_pb2_grpc

__all__ = ["language_pb2", "language_pb2_grpc", "plugin_pb2"]
