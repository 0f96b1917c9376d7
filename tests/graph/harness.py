"""The real program under Pulumi's mocks: one event loop, one fresh run, everything recorded.

Build, let every registration land, then assert: absence is only assertable at the end. Computed
outputs are unknown in a preview and secret where the real providers make them so. What mocks cannot
see (diffs, delete order, provider errors) belongs to the lab.
"""

import asyncio
import base64
import json
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import pulumi
import yaml
from google.protobuf import struct_pb2
from pulumi.runtime import mocks as pulumi_mocks
from pulumi.runtime import rpc

from config import secret_keys
from config.one_password import FIELDS
from lab.factory.wire import parse
from stacks.cluster import build
from stacks.program import export, load
from tests.graph.recorded import SECRET, SIGNATURE, Graph, Invoked, Registered, plain_message

ROOT = Path(__file__).resolve().parents[2]
CANARY = "canary-of-"
SECRET_KEYS = tuple(key.removeprefix("hearth:") for key in secret_keys.SECRET_KEYS)
SECRETS_OUTPUT = {
    "machineSecrets": {
        "certs": {
            **{
                name: {"cert": f"{name}-cert", "key": f"{CANARY}{name}-key"}
                for name in ("etcd", "k8s", "k8sAggregator", "os")
            },
            "k8sServiceaccount": {"key": f"{CANARY}serviceaccount-key"},
        },
        "cluster": {"id": "cluster-id", "secret": f"{CANARY}cluster-secret"},
        "secrets": {
            "bootstrapToken": f"{CANARY}bootstrap-token",
            "secretboxEncryptionSecret": f"{CANARY}secretbox",
        },
        "trustdinfo": {"token": f"{CANARY}trustd-token"},
    },
    "clientConfiguration": {
        "caCertificate": "ca",
        "clientCertificate": "crt",
        "clientKey": f"{CANARY}client-key",
    },
}
SCHEMATIC = "talos:imageFactory/schematic:Schematic"
# What vendors compute, by type; in a preview none of it is known.
OUTPUTS: dict[str, dict[str, Any]] = {
    "talos:machine/secrets:Secrets": SECRETS_OUTPUT,
    "talos:cluster/kubeconfig:Kubeconfig": {"kubeconfigRaw": f"{CANARY}kubeconfig"},
    "proxmoxve:user/token:Token": {"value": f"{CANARY}csi-user@pve!csi=secret"},
    "kubernetes:helm.sh/v3:Release": {"status": {"revision": 1}},
    "random:index/randomPassword:RandomPassword": {"result": f"{CANARY}transfer-key"},
    "hearth:index:CloudflarePreflight": {"zoneId": "zone-id", "dnsGroups": ["write", "read"]},
    "hearth:index:TunnelConnections": {"token": f"{CANARY}tunnel-token"},
    "cloudflare:index/accountToken:AccountToken": {"value": f"{CANARY}api-token"},
    "hearth:index:HostPreflight": {"checked": ["mini01", "mini02", "mini03"]},
    "hearth:index:Delegation": {"records": ["zone. 300 IN NS ns."]},
}
# Which of them a provider marks secret; the engine hands the mark on.
SECRET_OUTPUTS: dict[str, tuple[str, ...]] = {
    "talos:machine/secrets:Secrets": ("machineSecrets", "clientConfiguration"),
    "talos:cluster/kubeconfig:Kubeconfig": ("kubeconfigRaw",),
    "proxmoxve:user/token:Token": ("value",),
    "random:index/randomPassword:RandomPassword": ("result",),
    "hearth:index:Gate": ("kubeconfig",),
    "hearth:index:TunnelConnections": ("token",),
    "cloudflare:index/accountToken:AccountToken": ("value",),
}
# Bridged functions give plain values back, whatever they were asked with.
ANSWERS = {
    "talos:machine/getConfiguration:getConfiguration": {
        "machineConfiguration": f"{CANARY}machine-configuration"
    },
    "talos:client/getConfiguration:getConfiguration": {"talosConfig": f"{CANARY}talosconfig"},
}


class Recorder(pulumi_mocks.Mocks):
    """Answers like vendors do: an id, the inputs, and what is computed."""

    def __init__(self, *, preview: bool) -> None:
        self.graph = Graph()
        self.preview = preview

    def new_resource(self, args: pulumi_mocks.MockResourceArgs) -> tuple[str, dict[Any, Any]]:
        if self.preview:
            return "", args.inputs
        if args.typ == SCHEMATIC:  # the factory's answer follows from the question
            name = parse(str(args.inputs["schematic"]).encode()).identifier
        else:
            name = f"{args.name}-id"
        return name, {**args.inputs, **OUTPUTS.get(args.typ, {})}

    def call(self, args: pulumi_mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]]]:
        provider = str(args.provider or "").rpartition("::")[0]
        call = Invoked(
            token=args.token,
            args=args.args,
            provider=provider,
            after=len(self.graph.resources),
        )
        self.graph.invokes.append(call)
        return ANSWERS[args.token], []


class Monitor(pulumi_mocks.MockMonitor):
    """Keeps the requests, which carry the options that mocks never see."""

    def __init__(self, mocks: Recorder) -> None:
        super().__init__(mocks)
        self.graph = mocks.graph
        self.mocked: Any = super()

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 (gRPC's name)
        with event_loop():
            answer = self.mocked.RegisterResource(request)
        if request.type != "pulumi:pulumi:Stack":
            for name in SECRET_OUTPUTS.get(request.type, ()):
                seal(answer.object, name)
            self.graph.resources.append(
                Registered(type=request.type, name=request.name, urn=answer.urn, request=request)
            )
        return answer

    def Invoke(self, request: Any) -> Any:  # noqa: N802 (gRPC's name)
        with event_loop():
            return self.mocked.Invoke(request)

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 (gRPC's name)
        self.graph.component_outputs[request.urn] = plain_message(request.outputs)
        return self.mocked.RegisterResourceOutputs(request)


@contextmanager
def event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """This thread's event loop, closed afterwards: the SDK opens one per thread and leaves it."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield loop
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def seal(outputs: struct_pb2.Struct, name: str) -> None:
    """Mark one output secret, as the engine would hand it back."""
    if name in outputs.fields and SIGNATURE not in outputs.fields[name].struct_value.fields:
        value = struct_pb2.Value()
        value.CopyFrom(outputs.fields[name])
        wrapped = outputs.fields[name].struct_value
        wrapped.fields[SIGNATURE].string_value = SECRET
        wrapped.fields["value"].CopyFrom(value)


def stack_settings(stack: str) -> dict[str, Any]:
    """The committed file's plain values."""
    document = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())
    config: dict[str, Any] = document["config"]
    return config


def changed(stack: str, change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """The committed values with the cluster's facts changed by `change`."""
    settings = deepcopy(stack_settings(stack))
    change(settings["hearth:cluster"])
    return settings


def run(
    stack: str,
    *,
    preview: bool = False,
    settings: dict[str, Any] | None = None,
    in_lab: bool = True,
    without: Collection[str] = (),
) -> Graph:
    """Run the program for a stack and give back what it registered.

    Every secret key is set to a canary, but for those in `without`.
    """
    recorder = Recorder(preview=preview)
    to_the_end: Any = pulumi.runtime.test

    def program() -> None:
        facts = load(ROOT, stack, in_lab=in_lab)
        export(facts, build(facts))

    with event_loop() as loop:
        pulumi.runtime.set_mocks(
            recorder, project="hearth", stack=stack, preview=preview, monitor=Monitor(recorder)
        )
        configure(stack_settings(stack) if settings is None else settings, without)
        to_the_end(program)()
        exported: Any = pulumi.runtime.get_root_resource().outputs  # type: ignore[union-attr]
        serialized = loop.run_until_complete(rpc.serialize_properties(exported, {}))
        recorder.graph.exports = plain_message(serialized)
    return recorder.graph


def configure(settings: dict[str, Any], without: Collection[str]) -> None:
    """Set the stack's config: its plain values, and a canary for every secret."""
    config = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in settings.items()
        if not (isinstance(value, dict) and "secure" in value)
    }
    secrets = {key: f"{CANARY}{key}" for key in SECRET_KEYS}
    secrets |= formed()
    planted = {f"hearth:{key}": text for key, text in secrets.items() if key not in without}
    pulumi.runtime.set_all_config(config | planted, list(planted))


def formed() -> dict[str, str]:
    """The secrets that have a form which is looked at, a canary in each."""
    fields = {name: dict.fromkeys(inner, CANARY) or CANARY for name, inner in FIELDS.items()}
    parts = ({"alg": "ES256"}, {"aud": ["com.1password.connect"]})
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts]
    return {
        "proxmoxAuth": json.dumps({"username": "root@pam", "password": f"{CANARY}password"}),
        "onePasswordCredentials": json.dumps({**fields, "version": "2"}),
        "onePasswordToken": ".".join([*encoded, f"{CANARY}onePasswordToken"]),
    }
