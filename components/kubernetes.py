"""Kubernetes' plainest objects: the vendor's resources under the vendor's names, without its SDK.

To reach one of them the SDK loads all of `core/v1`: half a second of every command, more than all
else that the program loads of it. Types, inputs and what is secret are as there, so the engine and
the plugin cannot tell. What has more than a few inputs (charts) comes from the SDK.
"""

from collections.abc import Mapping
from copy import copy
from typing import Any

import pulumi
from pulumi import Input, Output, ResourceOptions


class Namespace(pulumi.CustomResource):
    """A namespace; `metadata["name"]` is known once it is there."""

    metadata: Output[Mapping[str, Any]]

    def __init__(
        self, name: str, *, metadata: Mapping[str, Any], opts: ResourceOptions | None = None
    ) -> None:
        inputs = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        super().__init__("kubernetes:core/v1:Namespace", name, inputs, opts)


class ConfigMap(pulumi.CustomResource):
    """Plain values for whoever reads them in the cluster."""

    metadata: Output[Mapping[str, Any]]

    def __init__(
        self,
        name: str,
        *,
        metadata: Mapping[str, Any],
        data: Mapping[str, Input[str]],
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
        super().__init__("kubernetes:core/v1:ConfigMap", name, inputs, opts)


class Secret(pulumi.CustomResource):
    """Secret values; they are secret to the engine too, on the way in and as they come back."""

    metadata: Output[Mapping[str, Any]]

    def __init__(
        self,
        name: str,
        *,
        metadata: Mapping[str, Any],
        string_data: Mapping[str, Input[str]],
        type: str | None = None,  # noqa: A002 (the vendor's name)
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata,
            "stringData": Output.secret(string_data),
            "type": type,
        }
        # A copy: the caller's options are often those of its neighbours too.
        opts = copy(opts) if opts else ResourceOptions()
        opts.additional_secret_outputs = ["data", "stringData"]
        super().__init__("kubernetes:core/v1:Secret", name, inputs, opts)
