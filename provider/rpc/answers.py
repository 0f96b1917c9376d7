"""The engine's answers, built from what resources return. Pure: no calls, no context."""

from collections.abc import Mapping, Sequence

from google.protobuf import struct_pb2

from provider.rpc.diff import Diff, Kind, parts
from provider.rpc.errors import Failure
from provider.rpc.plugin import Check, Plugin
from provider.rpc.proto import provider_pb2
from provider.rpc.resource import Resource
from provider.rpc.wire import Properties, carry_secrets, decode, encode, has_unknown

_UPDATES = {
    Kind.ADD: provider_pb2.PropertyDiff.ADD,
    Kind.DELETE: provider_pb2.PropertyDiff.DELETE,
    Kind.UPDATE: provider_pb2.PropertyDiff.UPDATE,
}
_REPLACES = {
    Kind.ADD: provider_pb2.PropertyDiff.ADD_REPLACE,
    Kind.DELETE: provider_pb2.PropertyDiff.DELETE_REPLACE,
    Kind.UPDATE: provider_pb2.PropertyDiff.UPDATE_REPLACE,
}


def lacks(plugin: Plugin, what: str, token: str, known: Mapping[str, object]) -> str:
    """The sentence for a token that the plugin does not have."""
    listed = ", ".join(sorted(known)) or "none"
    return f"this {plugin.name} plugin ({plugin.version}) has no {what} {token}; it has: {listed}"


def check_response(check: Check, request: provider_pb2.CheckRequest) -> provider_pb2.CheckResponse:
    """Run `check` on what the engine sent; what came in secret goes out secret."""
    news = decode(request.news)
    inputs, failures = check(decode(request.olds), news)
    return provider_pb2.CheckResponse(
        inputs=encode(carry_secrets(news, inputs)), failures=check_failures(failures)
    )


def check_failures(failures: Sequence[Failure]) -> list[provider_pb2.CheckFailure]:
    """`failures` as messages."""
    return [
        provider_pb2.CheckFailure(property=failure.property, reason=failure.reason)
        for failure in failures
    ]


def diff_response(diff: Diff) -> provider_pb2.DiffResponse:
    """`diff` in the engine's words: top-level names, and a kind for every path."""
    wire = provider_pb2.DiffResponse
    replaced = set(diff.replaces)
    detailed = {
        path: provider_pb2.PropertyDiff(
            kind=(_REPLACES if path in replaced else _UPDATES)[kind], inputDiff=True
        )
        for path, kind in diff.detailed.items()
    }
    return wire(
        changes=wire.DIFF_SOME if diff.changed else wire.DIFF_NONE,
        replaces=_tops(diff.replaces),
        diffs=_tops(diff.detailed),
        detailedDiff=detailed,
        hasDetailedDiff=bool(detailed),
        deleteBeforeReplace=diff.delete_before_replace,
    )


def _tops(paths: Sequence[str] | Mapping[str, object]) -> list[str]:
    return list(dict.fromkeys(parts(path)[0] for path in paths))


def sealed_outputs(
    resource: Resource, inputs: Properties, outputs: Properties, *, preview: bool
) -> struct_pb2.Struct:
    """A resource's outputs, made secret where its inputs or its class say so.

    `ValueError` when a real run left something unknown: the engine would store the placeholder.
    """
    if not preview and has_unknown(outputs):
        names = [name for name, item in outputs.items() if has_unknown(item)]
        raise ValueError(f"outputs still unknown after a real run: {', '.join(names)}")
    return encode(resource.sealed(carry_secrets(inputs, outputs)))
