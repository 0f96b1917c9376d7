"""The program's side of our own provider: one class per resource of `provider/`.

Thin on purpose: names and types of inputs and outputs, nothing that thinks.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import pulumi
from pulumi import Input, Output


class Condition(StrEnum):
    """What a gate can wait for."""

    API_SERVERS_READY = "apiServersReady"
    NODES_REGISTERED = "nodesRegistered"
    NODES_READY = "nodesReady"
    CLUSTER_DNS_ANSWERS = "clusterDnsAnswers"


class Provider(pulumi.ProviderResource):
    """Our provider with the credentials that preflight and sweep read at run time."""

    def __init__(
        self,
        name: str,
        *,
        proxmox_endpoint: Input[str] | None = None,
        proxmox_token: Input[str] | None = None,
        proxmox_insecure: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        token = None if proxmox_token is None else Output.secret(proxmox_token)
        inputs = {
            "proxmoxEndpoint": proxmox_endpoint,
            "proxmoxToken": token,
            "proxmoxInsecure": "true" if proxmox_insecure else None,
        }
        super().__init__("hearth", name, inputs, opts)


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


class Preflight(pulumi.CustomResource):
    """Checks a Proxmox VE before anything is built; its outputs are the datastores that passed."""

    image_datastore: Output[str]
    machine_datastore: Output[str]

    def __init__(
        self,
        name: str,
        *,
        hosts: Sequence[dict[str, str]],
        image_datastore: str,
        machine_datastore: str,
        volume_datastore: str | None,
        frees_volumes: bool,
        pool: Input[str],
        machines: Sequence[Mapping[str, Any]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "hosts": list(hosts),
            "image_datastore": image_datastore,
            "machine_datastore": machine_datastore,
            "volume_datastore": volume_datastore,
            "frees_volumes": frees_volumes,
            "pool": pool,
            "machines": list(machines),
        }
        super().__init__("hearth:index:Preflight", name, inputs, opts)

    def translate_input_property(self, prop: str) -> str:
        """camelCase on the wire."""
        return camel(prop)

    def translate_output_property(self, prop: str) -> str:
        """snake_case in Python."""
        return snake(prop)


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


class MachineAnswers(pulumi.CustomResource):
    """Waits in its create until a machine answers that this cluster may configure.

    Whoever takes `address` from it waits too. `authority` is the cluster's, as Talos spells it.
    """

    address: Output[str]

    def __init__(
        self,
        name: str,
        *,
        machine: str,
        address: Input[str],
        authority: Input[str],
        deadline_seconds: int,
        hint: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "machine": machine,
            "address": address,
            "authority": authority,
            "deadlineSeconds": deadline_seconds,
            "hint": hint,
        }
        super().__init__("hearth:index:MachineAnswers", name, inputs, opts)


class VolumeSweep(pulumi.CustomResource):
    """Its delete frees what the storage driver left; who comes after takes `datastore` from it."""

    datastore: Output[str]

    def __init__(
        self,
        name: str,
        *,
        datastore: str,
        hosts: Sequence[str],
        region: str,
        shared: bool,
        data_on_destroy: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "datastore": datastore,
            "hosts": list(hosts),
            "region": region,
            "shared": shared,
            "dataOnDestroy": data_on_destroy,
        }
        super().__init__("hearth:index:VolumeSweep", name, inputs, opts)


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


class Delegation(pulumi.CustomResource):
    """The records that a parent zone needs, as zone-file lines."""

    records: Output[Sequence[str]]

    def __init__(
        self,
        name: str,
        *,
        zone: str,
        nameserver: str,
        address: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {"zone": zone, "nameserver": nameserver, "address": address, "records": None}
        super().__init__("hearth:index:Delegation", name, inputs, opts)


def talos_client(configuration: Output[Any]) -> Output[dict[str, str]]:
    """Talos' `client_configuration` as a dict in camelCase, secret as a whole."""
    named = configuration.apply(
        lambda found: {
            "caCertificate": found.ca_certificate,
            "clientCertificate": found.client_certificate,
            "clientKey": found.client_key,
        }
    )
    return Output.secret(named)


def camel(name: str) -> str:
    """`image_datastore` as `imageDatastore`."""
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


def snake(name: str) -> str:
    """`imageDatastore` as `image_datastore`."""
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name)
