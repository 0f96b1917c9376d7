"""The protocol of a language host, for projects with `runtime: python`.

The vendor's host finds a Python, looks for the plugins of every installed SDK, and runs programs in
a process of their own. This one is already the right Python, requires nothing (plugins are found
when they are first used) and runs the program in its own process, with the SDK's own machinery.

Not here: code generation, packages, plugins written in Python (RunPlugin) and debuggers; the engine
is told so by UNIMPLEMENTED.
"""

# ruff: noqa: N802 (methods are called as the protocol calls them)
import sys
from collections.abc import Iterator

import grpc
from google.protobuf import empty_pb2

from lab.plugins.language.proto import language_pb2, language_pb2_grpc, plugin_pb2


class Host(language_pb2_grpc.LanguageRuntimeServicer):
    """One host process: `engine` is the engine's address, `version` that of the SDK."""

    def __init__(self, *, engine: str, version: str) -> None:
        self._engine = engine
        self._version = version

    def Handshake(
        self, request: language_pb2.LanguageHandshakeRequest, context: grpc.ServicerContext
    ) -> language_pb2.LanguageHandshakeResponse:
        """Take the engine's address, which is what we were started with too."""
        del context
        self._engine = request.engine_address or self._engine
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(
        self, request: empty_pb2.Empty, context: grpc.ServicerContext
    ) -> plugin_pb2.PluginInfo:
        """Say our version: the SDK's."""
        del request, context
        return plugin_pb2.PluginInfo(version=self._version)

    def GetRequiredPlugins(
        self, request: language_pb2.GetRequiredPluginsRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPluginsResponse:
        """Require nothing, so that nothing is downloaded."""
        del request, context
        return language_pb2.GetRequiredPluginsResponse()

    def GetRequiredPackages(
        self, request: language_pb2.GetRequiredPackagesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPackagesResponse:
        """Require nothing, so that nothing is downloaded."""
        del request, context
        return language_pb2.GetRequiredPackagesResponse()

    def InstallDependencies(
        self, request: language_pb2.InstallDependenciesRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.InstallDependenciesResponse]:
        """Leave the environment alone: `make setup` has installed what is pinned."""
        del request, context
        text = b"Nothing installed: this host runs programs in the environment it was started in.\n"
        yield language_pb2.InstallDependenciesResponse(stdout=text)

    def RuntimeOptionsPrompts(
        self, request: language_pb2.RuntimeOptionsRequest, context: grpc.ServicerContext
    ) -> language_pb2.RuntimeOptionsResponse:
        """Ask nothing when a project is made."""
        del request, context
        return language_pb2.RuntimeOptionsResponse()

    def Template(
        self, request: language_pb2.TemplateRequest, context: grpc.ServicerContext
    ) -> language_pb2.TemplateResponse:
        """Leave a new project as its template made it."""
        del request, context
        return language_pb2.TemplateResponse()

    def About(
        self, request: language_pb2.AboutRequest, context: grpc.ServicerContext
    ) -> language_pb2.AboutResponse:
        """Say which Python runs programs (`pulumi about`)."""
        del request, context
        return language_pb2.AboutResponse(
            executable=sys.executable, version=sys.version.partition(" ")[0]
        )

    def GetProgramDependencies(
        self, request: language_pb2.GetProgramDependenciesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetProgramDependenciesResponse:
        """List what is installed (`pulumi about`), whether or not a program imports it."""
        from importlib import metadata  # noqa: PLC0415 (35 ms that other starts do not pay)

        del request, context
        found = {item.name: item.version for item in metadata.distributions()}
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[
                language_pb2.DependencyInfo(name=name, version=found[name])
                for name in sorted(found)
            ]
        )

    def Run(
        self, request: language_pb2.RunRequest, context: grpc.ServicerContext
    ) -> language_pb2.RunResponse:
        """Run the program; `bail` says that what went wrong has been shown to the user."""
        from lab.plugins.language import program  # noqa: PLC0415 (loads the whole SDK)

        del context
        return program.run(request, self._engine)

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Let the engine end us: a program cannot be stopped half way."""
        del request, context
        return empty_pb2.Empty()
