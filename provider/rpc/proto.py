"""The SDK's protobuf messages, loaded without the SDK.

`import pulumi` runs some four hundred modules, twice the time of gRPC itself, and a plugin starts
once for every engine command. The messages need none of it, so their parent packages are stood in
for by empty modules while they load. Nothing of that stays behind: a later `import pulumi` in the
same process gets the real thing (protobuf hands out the same message classes for the same
descriptors). When the SDK is already loaded its own modules are used.

Only what a resource provider speaks is loaded here; the language host uses the SDK itself.
"""

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

_PARENTS = ("pulumi", "pulumi.runtime", "pulumi.runtime.proto")


@contextmanager
def without_the_sdk() -> Iterator[None]:
    """Let `pulumi.runtime.proto.X` be imported while its parent packages are empty modules."""
    spec = importlib.util.find_spec("pulumi")
    if "pulumi" in sys.modules or spec is None or spec.origin is None:
        yield  # loaded already, or not installed: the import below then says so itself
        return
    root = Path(spec.origin).parent
    for name in _PARENTS:
        parent = ModuleType(name)
        parent.__path__ = [str(root.joinpath(*name.split(".")[1:]))]
        sys.modules[name] = parent
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "pulumi"]:
            del sys.modules[name]


with without_the_sdk():
    from pulumi.runtime.proto import (
        engine_pb2,
        engine_pb2_grpc,
        plugin_pb2,
        provider_pb2,
        provider_pb2_grpc,
        status_pb2,
    )

__all__ = [
    "engine_pb2",
    "engine_pb2_grpc",
    "plugin_pb2",
    "provider_pb2",
    "provider_pb2_grpc",
    "status_pb2",
    "without_the_sdk",
]
