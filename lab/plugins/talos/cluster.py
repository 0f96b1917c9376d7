"""What is read from a running cluster: kubeconfig, health, disks.

`health` approximates one thing: with `skipKubernetesChecks` the provider runs the first part of
Talos' checks, which talosctl cannot do alone; here services and machine stages are asked instead.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

from lab.plugins.talos import documents, schema
from lab.plugins.talos.bundle import talosconfig
from lab.plugins.talos.connection import Machine, Patience, Target, timeout_of
from lab.plugins.talos.ctl import CtlError, Private, refuse, run
from lab.plugins.talos.values import certificate_end, seconds
from provider.rpc import (
    UNKNOWN,
    Diff,
    Failure,
    Kind,
    Properties,
    Refused,
    Resource,
    Secret,
    has_unknown,
    plain,
)

_RENEWAL: Final = "720h"
_CLIENT: Final = "kubernetesClientConfiguration"
_ONE_MACHINE: Final = {"clientConfiguration": schema.CLIENT, "node": {}}
_HEALTH: Final = {"clientConfiguration": schema.CLIENT, "controlPlaneNodes": {}, "endpoints": {}}
_DISK: Final = {
    "devPath": "dev_path",
    "size": "size",
    "prettySize": "pretty_size",
    "ioSize": "io_size",
    "sectorSize": "sector_size",
    "readonly": "readonly",
    "cdrom": "cdrom",
    "model": "model",
    "serial": "serial",
    "modalias": "modalias",
    "wwid": "wwid",
    "uuid": "uuid",
    "busPath": "bus_path",
    "subSystem": "sub_system",
    "transport": "transport",
    "rotational": "rotational",
    "secondaryDisks": "secondary_disks",
    "symlinks": "symlinks",
}
_ZERO: Final[dict[str, Any]] = {
    "size": 0,
    "ioSize": 0,
    "sectorSize": 0,
    "readonly": False,
    "cdrom": False,
    "rotational": False,
    "secondaryDisks": [],
    "symlinks": [],
}


class Kubeconfig(Resource):
    """`talos.cluster.Kubeconfig`: the administrator's, fetched once and kept until it ages."""

    required = ("clientConfiguration", "node")
    computed = ("endpoint", "kubeconfigRaw", _CLIENT)
    secret_outputs = ("kubeconfigRaw",)

    def check(self, olds: Properties, news: Properties, /) -> tuple[Properties, list[Failure]]:
        """Refuse a renewal time that is no duration."""
        renewal = news.get("certificateRenewalDuration")
        if isinstance(renewal, str):
            seconds(renewal)
        return super().check(olds, news)

    def diff(
        self,
        identity: str,
        olds: Properties,
        old_inputs: Properties,
        news: Properties,
        ignore: Sequence[str],
        /,
    ) -> Diff:
        """Compare, and update what is about to end."""
        diff = super().diff(identity, olds, old_inputs, news, ignore)
        if not _ends_soon(olds, news):
            return diff
        return Diff(detailed={**diff.detailed, "kubeconfigRaw": Kind.UPDATE})

    def create(
        self, inputs: Properties, preview: bool, _timeout: float, /
    ) -> tuple[str, Properties]:
        """Fetch it, until the machine gives it out."""
        known = _with_defaults(inputs)
        if preview:
            return "", self.planned(known)
        name, fetched = _fetch(plain(known), "create")
        return name, {**known, **fetched}

    def update(
        self,
        _identity: str,
        olds: Properties,
        news: Properties,
        preview: bool,
        _timeout: float,
        /,
    ) -> Properties:
        """Fetch it again."""
        known = _with_defaults(news)
        if preview:
            old = {} if _ends_soon(olds, news) else olds
            return {
                **known,
                "kubeconfigRaw": old.get("kubeconfigRaw", UNKNOWN),
                _CLIENT: old.get(_CLIENT, UNKNOWN),
            }
        return {**known, **_fetch(plain(known), "update")[1]}

    def delete(self, _identity: str, _state: Properties, _timeout: float, /) -> None:
        """Forget it."""


def _with_defaults(inputs: Properties) -> Properties:
    return {
        **inputs,
        "endpoint": inputs.get("endpoint") or inputs["node"],
        "certificateRenewalDuration": inputs.get("certificateRenewalDuration") or _RENEWAL,
    }


def _fetch(inputs: Properties, verb: str) -> tuple[str, Properties]:
    def fetch(machine: Machine) -> bytes:
        return machine.secure_ctl("kubeconfig", "-").stdout

    timeout = timeout_of(inputs, verb)
    raw = Target.of(inputs).until_done("failed to retrieve kubeconfig", timeout, fetch).decode()
    config = documents.load(raw)
    context = _named(config["contexts"], config["current-context"])["context"]
    server = _named(config["clusters"], context["cluster"])["cluster"]
    user = _named(config["users"], context["user"])["user"]
    return context["cluster"], {
        "kubeconfigRaw": Secret(raw),
        _CLIENT: {
            "host": server["server"],
            "caCertificate": server["certificate-authority-data"],
            "clientCertificate": user["client-certificate-data"],
            "clientKey": Secret(user["client-key-data"]),
        },
    }


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["name"] == name)


def _ends_soon(olds: Properties, news: Properties) -> bool:
    client = plain(olds.get(_CLIENT))
    renewal = plain(news.get("certificateRenewalDuration")) or olds.get(
        "certificateRenewalDuration"
    )
    if not isinstance(client, dict) or has_unknown(renewal):
        return False
    margin = dt.timedelta(seconds=seconds(str(renewal or _RENEWAL)))
    return certificate_end(client["clientCertificate"]) < dt.datetime.now(dt.UTC) + margin


def kubeconfig(arguments: Properties) -> Properties:
    """`talos.cluster.getKubeconfig`: the same as a function."""
    schema.require(arguments, _ONE_MACHINE)
    known = {**arguments, "endpoint": arguments.get("endpoint") or arguments["node"]}
    name, fetched = _fetch(known, "read")
    return {**known, "id": name, **plain(fetched)}


def disks(arguments: Properties) -> Properties:
    """`talos.machine.getDisks`: all disks; selecting needs CEL, which is not modelled."""
    schema.require(arguments, _ONE_MACHINE)
    if arguments.get("selector") not in {None, "", "true"}:
        raise Refused(
            f"selector {arguments['selector']!r}: this stand-in does not evaluate CEL. Leave the "
            "selector out and choose among `disks` in the program."
        )

    def get(machine: Machine) -> bytes:
        return machine.ctl("get", "disks", "--output", "json").stdout

    known = {**arguments, "endpoint": arguments.get("endpoint") or arguments["node"]}
    found = Target.of(known).until_done(
        "failed to get list of disks", timeout_of(known, "read"), get
    )
    listed = [_disk(entry["spec"]) for entry in documents.stream(found)]
    return {**known, "id": "machine_disks", "disks": listed}


def _disk(spec: dict[str, Any]) -> Properties:
    return {name: spec.get(key) or _ZERO.get(name, "") for name, key in _DISK.items()}


def health(arguments: Properties) -> Properties:
    """`talos.cluster.getHealth`: wait until the cluster is healthy, 10 minutes by default."""
    schema.require(arguments, _HEALTH)
    client = Private(documents.dump(talosconfig("dynamic", arguments["clientConfiguration"])))
    access: list[str | Private] = ["--talosconfig", client]
    access += ["--endpoints", ",".join(arguments["endpoints"])]
    timeout = timeout_of(arguments, "read")
    try:
        if arguments.get("skipKubernetesChecks"):
            _booted(arguments, access, timeout)
        else:
            _healthy(arguments, access, timeout)
    except CtlError as error:
        raise refuse("cluster health check failed", error) from None
    return {**arguments, "id": "cluster_health"}


def _healthy(arguments: Properties, access: list[str | Private], timeout: float) -> None:
    control_planes: list[str] = arguments["controlPlaneNodes"]
    workers: list[str] = arguments.get("workerNodes") or []
    command = ["health", "--server=false", f"--wait-timeout={int(timeout)}s"]
    command += ["--nodes", control_planes[0]]
    command += ["--control-plane-nodes", ",".join(control_planes)]
    command += ["--worker-nodes", ",".join(workers)] if workers else []
    run(*command, *access, timeout=timeout + 30)


def _booted(arguments: Properties, access: list[str | Private], timeout: float) -> None:
    control_planes: list[str] = arguments["controlPlaneNodes"]
    patience = Patience(timeout)
    for node in [*control_planes, *(arguments.get("workerNodes") or [])]:
        services = ("apid", "kubelet", *(("etcd",) if node in control_planes else ()))
        while (problem := _not_booted(node, services, access)) is not None:
            if not patience.lasts():
                raise CtlError(f"{node}: {problem}")
            patience.pause()


def _not_booted(node: str, services: Sequence[str], access: list[str | Private]) -> str | None:
    """What still lacks on a node, None when it has booted."""
    try:
        stage = run("get", "machinestatus", "--output", "json", "--nodes", node, *access)
        spec = documents.stream(stage.stdout)[0]["spec"]
        if spec["stage"] != "running":
            return f"the machine is {spec['stage']}"
        listed = run("services", "--nodes", node, *access).stdout.decode().splitlines()[1:]
    except CtlError as error:
        return error.message
    states = {fields[1]: fields[2:4] for fields in map(str.split, listed) if len(fields) >= 4}
    for service in services:
        if states.get(service) != ["Running", "OK"]:
            return f"{service} is {' '.join(states.get(service, ['not there']))}"
    return None
