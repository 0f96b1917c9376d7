"""Resources of a cluster's life: founding, joining, waiting, leaving."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import pulumi
from pulumi import Input, Output

from components.hearth.wire import talos_client


class Condition(StrEnum):
    """What a gate can wait for."""

    API_SERVERS_READY = "apiServersReady"
    NODES_REGISTERED = "nodesRegistered"
    NODES_READY = "nodesReady"
    CLUSTER_DNS_ANSWERS = "clusterDnsAnswers"


class Anchor(pulumi.CustomResource):
    """The cluster's life; nothing ever replaces it, so `deleted_with` points here."""

    def __init__(
        self, name: str, *, cluster: str, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("hearth:index:Anchor", name, {"cluster": cluster}, opts)


class Gate(pulumi.CustomResource):
    """Waits in its create; whoever takes `kubeconfig` or `nodes` from it waits too.

    `deadline_seconds` is how long, `hint` what to do when it was not long enough, `trigger` what
    must make it wait again once it has changed.
    """

    kubeconfig: Output[str]
    nodes: Output[Sequence[str]]

    def __init__(
        self,
        name: str,
        *,
        condition: Condition,
        kubeconfig: Input[str],
        deadline_seconds: int,
        api_servers: Sequence[str] = (),
        nodes: Input[Sequence[Input[str]]] = (),
        trigger: Input[Any] = None,
        hint: str | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "condition": condition.value,
            "kubeconfig": Output.secret(kubeconfig),
            "deadlineSeconds": deadline_seconds,
            "apiServers": list(api_servers),
            "nodes": nodes,
            "trigger": trigger,
            "hint": hint,
        }
        super().__init__("hearth:index:Gate", name, inputs, opts)


class Quorum(pulumi.CustomResource):
    """Refuses a plan that takes more than one control plane down.

    `control_planes` holds, by name, each fact whose change replaces that machine or cuts it off, in
    the words that a refusal uses. Machines take `cluster` from it, so that none changes before.
    """

    cluster: Output[str]

    def __init__(
        self,
        name: str,
        *,
        cluster: str,
        control_planes: Mapping[str, Mapping[str, str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        planes = {machine: dict(facts) for machine, facts in control_planes.items()}
        inputs = {"cluster": cluster, "controlPlanes": planes}
        super().__init__("hearth:index:Quorum", name, inputs, opts)


class Turn(pulumi.CustomResource):
    """Stands before a control plane that changes, or after it; whoever comes next waits.

    With `others_only` all control planes but `machine` have to be well, else that one too. It waits
    when it is made and when `trigger` changes, and never while the cluster is being founded.
    """

    def __init__(
        self,
        name: str,
        *,
        machine: str,
        others_only: bool,
        trigger: Input[Mapping[str, Any]],
        control_planes: Mapping[str, str],
        client_configuration: Output[Any],
        founding: Input[bool],
        deadline_seconds: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "machine": machine,
            "waitsFor": "others" if others_only else "all",
            "trigger": trigger,
            "controlPlanes": dict(control_planes),
            "clientConfiguration": talos_client(client_configuration),
            "founding": founding,
            "deadlineSeconds": deadline_seconds,
        }
        super().__init__("hearth:index:Turn", name, inputs, opts)


class Bootstrap(pulumi.CustomResource):
    """Founds etcd on the first of `control_planes` (addresses), unless one is a member already."""

    def __init__(
        self,
        name: str,
        *,
        control_planes: Sequence[str],
        client_configuration: Output[Any],
        deadline_seconds: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "controlPlanes": list(control_planes),
            "clientConfiguration": talos_client(client_configuration),
            "deadlineSeconds": deadline_seconds,
        }
        super().__init__("hearth:index:Bootstrap", name, inputs, opts)


class Membership(pulumi.CustomResource):
    """A machine in its cluster: its create waits until it has joined, its delete makes it leave.

    `drain_seconds` is how long a node is drained before its machine goes all the same.
    """

    def __init__(
        self,
        name: str,
        *,
        machine: str,
        address: str,
        control_plane: bool,
        control_planes: Sequence[str],
        client_configuration: Output[Any],
        kubeconfig: Input[str],
        drain_seconds: int,
        deadline_seconds: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "machine": machine,
            "address": address,
            "controlPlane": control_plane,
            "controlPlanes": list(control_planes),
            "clientConfiguration": talos_client(client_configuration),
            "kubeconfig": Output.secret(kubeconfig),
            "drainSeconds": drain_seconds,
            "deadlineSeconds": deadline_seconds,
        }
        super().__init__("hearth:index:Membership", name, inputs, opts)
