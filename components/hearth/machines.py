"""Resources of machines: what they stand on is looked at, and they answer."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi import Input, Output

from components.hearth.wire import camel, snake


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
