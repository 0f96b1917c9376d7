"""Resources of physical hosts: all looked at first, then each adopted, and reset at the end."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi import Input, Output

from components.hearth.wire import talos_client


class HostPreflight(pulumi.CustomResource):
    """Looks at all hosts before anything is applied to one; who comes after takes `checked`.

    `hosts` are their facts, `image` is where the ISO to boot from can be had.
    """

    checked: Output[Sequence[str]]

    def __init__(
        self,
        name: str,
        *,
        hosts: Sequence[Mapping[str, Any]],
        talos_version: Input[str],
        schematic: Input[str],
        extensions: Sequence[str],
        image: Input[str],
        authority: Input[str],
        deadline_seconds: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "hosts": [dict(host) for host in hosts],
            "talosVersion": talos_version,
            "schematic": schematic,
            "extensions": list(extensions),
            "image": image,
            "authority": authority,
            "deadlineSeconds": deadline_seconds,
            "checked": None,
        }
        super().__init__("hearth:index:HostPreflight", name, inputs, opts)


class AdoptedHost(pulumi.CustomResource):
    """A physical host in this cluster's hands; its delete resets it, its disks stay.

    `network` are the documents that give it its production address, as YAML. Whoever configures it
    takes `address` from here.
    """

    address: Output[str]

    def __init__(
        self,
        name: str,
        *,
        machine: Input[str],
        address: Input[str],
        maintenance_address: str,
        mac: str,
        uuid: str | None,
        install_disk: Mapping[str, Any],
        data_disks: Sequence[Mapping[str, Any]],
        network: str,
        authority: Input[str],
        client_configuration: Output[Any],
        control_planes: Sequence[str],
        data_on_destroy: str,
        deadline_seconds: int,
        hint: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "machine": machine,
            "address": address,
            "maintenanceAddress": maintenance_address,
            "mac": mac,
            "uuid": uuid,
            "installDisk": dict(install_disk),
            "dataDisks": [dict(disk) for disk in data_disks],
            "network": network,
            "authority": authority,
            "clientConfiguration": talos_client(client_configuration),
            "controlPlanes": list(control_planes),
            "dataOnDestroy": data_on_destroy,
            "deadlineSeconds": deadline_seconds,
            "hint": hint,
        }
        super().__init__("hearth:index:AdoptedHost", name, inputs, opts)
