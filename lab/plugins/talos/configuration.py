"""Making configurations: for machines (with patches) and for clients. No machine is asked.

Functions here take plain arguments in the provider's spelling; errors are the real plugin's.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from lab.plugins.talos import documents, schema
from lab.plugins.talos.bundle import from_properties, talosconfig
from lab.plugins.talos.ctl import CtlError, Private, run
from lab.plugins.talos.values import CONTRACT, DEFAULT_KUBERNETES, precedence
from provider.rpc import Failure, InvalidArguments, Properties, Refused

Bundle: TypeAlias = Mapping[str, Any]
"""A secrets bundle in talosctl's spelling."""

_BAD_PATCH: Final = "error parsing config JSON patch: "
_BAD_BUNDLE: Final = "failed to generate config bundle: "
_TYPES: Final = ("controlplane", "worker")
_CLIENT_ARGUMENTS: Final = {"clusterName": {}, "clientConfiguration": schema.CLIENT}
_MACHINE_ARGUMENTS: Final = {
    "clusterEndpoint": {},
    "clusterName": {},
    "machineSecrets": schema.MACHINE_SECRETS,
    "machineType": {},
}


def client(arguments: Properties) -> Properties:
    """`talos.client.getConfiguration`: a talosconfig."""
    schema.require(arguments, _CLIENT_ARGUMENTS)
    name = arguments["clusterName"]
    config = talosconfig(
        name,
        arguments["clientConfiguration"],
        arguments.get("endpoints"),
        arguments.get("nodes"),
    )
    return {**arguments, "id": name, "talosConfig": documents.dump_readable(config)}


def machine(arguments: Properties) -> Properties:
    """`talos.machine.getConfiguration`: the configuration of a kind of machine."""
    schema.require(arguments, _MACHINE_ARGUMENTS)
    kind = arguments["machineType"]
    if kind not in _TYPES:
        allowed = " ".join(f'"{name}"' for name in _TYPES)
        reason = f'Attribute machine_type value must be one of: [{allowed}], got: "{kind}"'
        failure = Failure("machineType", f"Invalid Attribute Value Match: {reason}")
        raise InvalidArguments([failure])
    known = {
        **arguments,
        "talosVersion": arguments.get("talosVersion") or CONTRACT,
        "kubernetesVersion": arguments.get("kubernetesVersion") or DEFAULT_KUBERNETES,
    }
    precedence(known["talosVersion"])
    check_endpoint(arguments["clusterEndpoint"])
    return {**known, "id": arguments["clusterName"], "machineConfiguration": _generate(known)}


def _generate(arguments: Properties) -> str:
    patch_flag = "--config-patch-worker"
    if arguments["machineType"] == "controlplane":
        patch_flag = "--config-patch-control-plane"
    secrets = Private(documents.dump(from_properties(arguments["machineSecrets"])))
    command: list[str | Private] = ["gen", "config"]
    command += [arguments["clusterName"], arguments["clusterEndpoint"]]
    command += ["--with-secrets", secrets, "--output-types", arguments["machineType"]]
    command += ["--talos-version", arguments["talosVersion"], "--output", "-"]
    command += ["--kubernetes-version", arguments["kubernetesVersion"].removeprefix("v")]
    command += [f"--with-docs={_flag(arguments.get('docs'))}"]
    command += [f"--with-examples={_flag(arguments.get('examples'))}"]
    for patch in arguments.get("configPatches") or []:
        command += [patch_flag, Private(patch.encode(), "@")]
    try:
        return run(*command).stdout.decode()
    except CtlError as error:
        if error.message.startswith(_BAD_PATCH):
            reason = error.message.removeprefix(_BAD_PATCH)
            raise Refused(f"config_patches are invalid: {reason}") from None
        reason = error.message.removeprefix(_BAD_BUNDLE)
        raise Refused(f"failed to generate machine configuration: {reason}") from None


def _flag(value: object) -> str:
    return "true" if value else "false"


def check_endpoint(endpoint: str) -> None:
    """Refuse a cluster endpoint that is no https URL, with what it should have been."""
    found = re.fullmatch(r"(?:([a-z][a-z0-9+.-]*)://)?(.*)", endpoint)
    scheme, host = (found[1], found[2].rstrip("/")) if found else (None, endpoint)
    has_port = re.search(r":\d+$", host) is not None
    suggestion = f'try: "https://{host}{"" if has_port else ":6443"}"'
    if scheme == "https":
        return
    if scheme is not None:
        problem = "the control plane endpoint URL should have scheme https://"
    elif has_port:
        problem = "no scheme specified for the cluster endpoint URL"
    else:
        problem = "no scheme and port specified for the cluster endpoint URL"
    raise Refused(f"cluster_endpoint is invalid: {problem}\n{suggestion}")


def patched(config: str, patches: Sequence[str]) -> str:
    """`config` with `patches` applied in order; without any it is not even looked at."""
    if not patches:
        return config
    command: list[str | Private] = ["machineconfig", "patch", Private(config.encode())]
    for patch in patches:
        command += ["--patch", Private(patch.encode(), "@")]
    try:
        return run(*command).stdout.decode().removesuffix("\n")  # talosctl adds a line's end
    except CtlError as error:
        what = "applying" if "JSON6902" in error.message else "loading"
        raise Refused(f"Error {what} config patches: {error.message}") from None


def new_bundle(contract: str) -> Bundle:
    """A new secrets bundle, as talosctl spells it."""
    try:
        made = run("gen", "secrets", "--talos-version", contract, "--output-file", "-")
    except CtlError as error:
        raise Refused(f"failed to generate secrets bundle: {error.message}") from None
    bundle: Bundle = documents.load(made.stdout)
    return bundle


def admin_config(bundle: Bundle) -> Mapping[str, Any]:
    """A talosconfig for the administrator, good for a year, signed by the bundle's own CA."""
    command: list[str | Private] = ["gen", "config", "cluster", "https://localhost:6443"]
    command += ["--with-secrets", Private(documents.dump(bundle))]
    command += ["--output-types", "talosconfig", "--output", "-"]
    try:
        config: Mapping[str, Any] = documents.load(run(*command).stdout)
    except CtlError as error:
        raise Refused(f"failed to generate client configuration: {error.message}") from None
    return config
