"""Resources of what Flux does with a cluster once it is handed over."""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import Input, Output


class Convergence(pulumi.CustomResource):
    """Waits in its create until the cluster is as Git says; its delete suspends Flux.

    It gives up when nothing has got on for `stall_seconds`, or after `deadline_seconds`. `trigger`
    is what must make it watch again once it has changed; `expected` are objects, as
    Kind/namespace/name, that are known not to become Ready, with the reason.
    """

    def __init__(
        self,
        name: str,
        *,
        kubeconfig: Input[str],
        namespace: Input[str],
        instance: Input[str],
        stall_seconds: int,
        deadline_seconds: int,
        trigger: Input[Any] = None,
        expected: Mapping[str, str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "kubeconfig": Output.secret(kubeconfig),
            "namespace": namespace,
            "instance": instance,
            "stallSeconds": stall_seconds,
            "deadlineSeconds": deadline_seconds,
            "trigger": trigger,
            "expected": dict(expected) if expected else None,
        }
        super().__init__("hearth:index:Convergence", name, inputs, opts)
