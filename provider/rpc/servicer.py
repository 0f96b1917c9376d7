"""The gRPC face of a plugin: the engine's calls, turned into calls on resources and functions.

Everything that is the same for all plugins is done here: decoding and encoding, features offered
in the handshake, echoing while the configuration is unknown, secrets kept secret, deadlines,
cancelling, and errors that a user can read. What a plugin *does* is in its `Plugin`.

Not offered: Parameterize, Construct, Call and List (UNIMPLEMENTED is what the engine expects then).
"""

# ruff: noqa: N802 (methods are called as the protocol calls them)
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import grpc
from google.protobuf import empty_pb2

from provider.rpc import faults
from provider.rpc.answers import (
    check_failures,
    check_response,
    diff_response,
    lacks,
    sealed_outputs,
)
from provider.rpc.errors import InvalidArguments, Refused
from provider.rpc.operation import Engine, Operation, serving
from provider.rpc.plugin import Plugin, accept_inputs
from provider.rpc.proto import plugin_pb2, provider_pb2, provider_pb2_grpc
from provider.rpc.resource import Resource
from provider.rpc.wire import carry_secrets, decode, encode, has_unknown, plain

T = TypeVar("T")


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """One plugin process: a `Plugin`, the engine that talks to it, and whether it is configured."""

    def __init__(self, plugin: Plugin, engine: Engine, log: Path) -> None:
        self._plugin = plugin
        self._engine = engine
        self._log = log
        self._cancelled = threading.Event()
        self._configured = True

    # -- the plugin itself ------------------------------------------------------------------

    def Handshake(
        self, request: provider_pb2.ProviderHandshakeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ProviderHandshakeResponse:
        """Agree on features: secrets are kept, resource references and output values not wanted."""
        del request, context
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def Attach(
        self, request: plugin_pb2.PluginAttach, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Serve an engine that found us running (`PULUMI_DEBUG_PROVIDERS`)."""
        del context
        self._engine = Engine(request.address)
        return empty_pb2.Empty()

    def GetPluginInfo(
        self, request: empty_pb2.Empty, context: grpc.ServicerContext
    ) -> plugin_pb2.PluginInfo:
        """Say our version; the engine warns when it is below the SDK's."""
        del request, context
        return plugin_pb2.PluginInfo(version=self._plugin.version)

    def GetSchema(
        self, request: provider_pb2.GetSchemaRequest, context: grpc.ServicerContext
    ) -> provider_pb2.GetSchemaResponse:
        """Give the least schema there can be: no SDK is generated from it."""
        del request, context
        schema = {"name": self._plugin.name, "version": self._plugin.version}
        return provider_pb2.GetSchemaResponse(schema=json.dumps(schema))

    def GetMapping(
        self, request: provider_pb2.GetMappingRequest, context: grpc.ServicerContext
    ) -> provider_pb2.GetMappingResponse:
        """Nothing is converted from other tools."""
        del request, context
        return provider_pb2.GetMappingResponse()

    def GetMappings(
        self, request: provider_pb2.GetMappingsRequest, context: grpc.ServicerContext
    ) -> provider_pb2.GetMappingsResponse:
        """Nothing is converted from other tools."""
        del request, context
        return provider_pb2.GetMappingsResponse()

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Ask every operation to stop; those that wait through `Operation` do."""
        del request, context
        self._cancelled.set()
        return empty_pb2.Empty()

    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Validate the provider's own inputs."""
        check = self._plugin.check_config
        return self._answer(request, context, lambda: check_response(check, request))

    def DiffConfig(
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        """Compare the provider's own inputs; a replacement there replaces all it made."""

        def answer() -> provider_pb2.DiffResponse:
            olds = decode(request.old_inputs) or decode(request.olds)
            return diff_response(self._plugin.diff_config(olds, decode(request.news)))

        return self._answer(request, context, answer)

    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        """Take the provider's inputs, unless some are not known yet."""

        def answer() -> provider_pb2.ConfigureResponse:
            config = decode(request.args)
            self._configured = not has_unknown(config)
            if self._configured:
                self._plugin.configure(plain(config))
            return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

        return self._answer(request, context, answer)

    # -- resources --------------------------------------------------------------------------

    def Check(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Validate a resource's inputs and fill in defaults."""

        def answer() -> provider_pb2.CheckResponse:
            check = self._resource(request).check if self._configured else accept_inputs
            return check_response(check, request)

        return self._answer(request, context, answer)

    def Diff(
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        """Say what an update would do."""

        def answer() -> provider_pb2.DiffResponse:
            olds = decode(request.olds)
            diff = self._resource(request).diff(
                request.id,
                olds,
                decode(request.old_inputs),
                decode(request.news),
                list(request.ignoreChanges),
            )
            return diff_response(diff)

        return self._answer(request, context, answer)

    def Create(
        self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CreateResponse:
        """Make a resource, or say what can be known of it."""

        def answer() -> provider_pb2.CreateResponse:
            if request.preview and not self._configured:
                return provider_pb2.CreateResponse()
            inputs = decode(request.properties)
            resource = self._resource(request)
            identity, outputs = resource.create(inputs, request.preview, request.timeout)
            if not request.preview and not identity:
                raise ValueError("create returned no id")
            return provider_pb2.CreateResponse(
                id="" if request.preview else identity,
                properties=sealed_outputs(resource, inputs, outputs, preview=request.preview),
            )

        return self._answer(request, context, answer)

    def Read(
        self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ReadResponse:
        """Look at the real thing; an empty id says that it is gone."""

        def answer() -> provider_pb2.ReadResponse:
            before, inputs = decode(request.properties), decode(request.inputs)
            resource = self._resource(request)
            identity, state, now = resource.read(request.id, before, inputs)
            if identity is None:
                return provider_pb2.ReadResponse()
            kept = carry_secrets(before, state)
            return provider_pb2.ReadResponse(
                id=identity,
                properties=sealed_outputs(resource, inputs, kept, preview=False),
                inputs=encode(carry_secrets(inputs, now)),
            )

        return self._answer(request, context, answer)

    def Update(
        self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.UpdateResponse:
        """Change a resource in place, or say what can be known of it."""

        def answer() -> provider_pb2.UpdateResponse:
            news = decode(request.news)
            if request.preview and not self._configured:
                return provider_pb2.UpdateResponse(properties=request.news)
            resource = self._resource(request)
            outputs = resource.update(
                request.id, decode(request.olds), news, request.preview, request.timeout
            )
            properties = sealed_outputs(resource, news, outputs, preview=request.preview)
            return provider_pb2.UpdateResponse(properties=properties)

        return self._answer(request, context, answer)

    def Delete(
        self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Remove a resource."""

        def answer() -> empty_pb2.Empty:
            state = decode(request.properties)
            self._resource(request).delete(request.id, state, request.timeout)
            return empty_pb2.Empty()

        return self._answer(request, context, answer)

    # -- functions --------------------------------------------------------------------------

    def Invoke(
        self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.InvokeResponse:
        """Call a function; with unknown arguments there is no answer yet."""

        def answer() -> provider_pb2.InvokeResponse:
            arguments = decode(request.args)
            if not self._configured or has_unknown(arguments):
                return provider_pb2.InvokeResponse()
            function = self._plugin.functions.get(request.tok)
            if function is None:
                raise Refused(lacks(self._plugin, "function", request.tok, self._plugin.functions))
            try:
                result = function(plain(arguments))
            except InvalidArguments as error:
                return provider_pb2.InvokeResponse(failures=check_failures(error.failures))
            response = provider_pb2.InvokeResponse()
            getattr(response, "return").CopyFrom(encode(result))
            return response

        return self._answer(request, context, answer)

    # -- shared -----------------------------------------------------------------------------

    def _resource(self, request: Any) -> Resource:
        token = _token(request)
        resource = self._plugin.resources.get(token)
        if resource is None:
            raise Refused(lacks(self._plugin, "resource", token, self._plugin.resources))
        return resource

    def _answer(self, request: Any, context: grpc.ServicerContext, answer: Callable[[], T]) -> T:
        seconds = getattr(request, "timeout", 0.0)
        call = Operation(
            urn=getattr(request, "urn", ""),
            type=_token(request),
            preview=getattr(request, "preview", False),
            ignored=tuple(getattr(request, "ignoreChanges", ())),
            deadline=time.monotonic() + seconds if seconds else None,
            cancelled=self._cancelled,
            engine=self._engine,
        )
        with serving(call):
            try:
                return answer()
            except Exception as error:  # noqa: BLE001 (the border: nothing may reach gRPC's own log)
                verb = type(request).__name__.removesuffix("Request")
                what = f"{verb} of {call.name or call.type or self._plugin.name}"
                faults.end_call(context, error, plugin=self._plugin.name, call=what, log=self._log)


def _token(request: Any) -> str:
    """The type token of the resource, or the function's; the last of the urn's qualified type."""
    urn: str = getattr(request, "urn", "")
    if urn:
        return urn.split("::", 3)[2].rpartition("$")[2]
    return str(getattr(request, "tok", ""))
