"""The GitOps layer: flux-operator, the deploy key, and the FluxInstance. Then Flux takes over.

What hands over goes with the cluster; the watch over what Flux makes of it does not, because its
end is what suspends Flux before a destroy takes the machines. So they are two components.
"""

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
from pulumi import Input, Output, ResourceOptions

from components import kubernetes
from components import hearth
from components.gitops.instance import DEPLOY_KEY, INSTANCE, spec
from components.naming import child, token
from config import versions
from config.services import Gitops

RELEASE_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class FluxArgs:
    """The repository, both halves of its deploy key, and the namespace the seeds lie in.

    `age_secret` is the Secret that holds the stack's age key there.
    """

    gitops: Gitops
    namespace: Input[str]
    deploy_key: Input[str]
    deploy_key_public: Input[str]
    age_secret: Output[str] | None = None


@dataclass(frozen=True, kw_only=True)
class HandedOver:
    """Where Flux was told what, for whoever watches it; all of it is known when the object is."""

    namespace: Output[str]
    instance: Output[str]
    sync: Output[Any]


class Flux(pulumi.ComponentResource):
    """Flux through its operator."""

    handed_over: HandedOver

    def __init__(self, name: str, args: FluxArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(token("gitops", "Flux"), name, None, opts)
        here = ResourceOptions(parent=self)
        key = kubernetes.Secret(
            child(name, "deploy-key"),
            metadata={"name": DEPLOY_KEY, "namespace": args.namespace},
            string_data={
                "identity": Output.secret(args.deploy_key),
                "identity.pub": args.deploy_key_public,
                "known_hosts": "\n".join(args.gitops.known_hosts) + "\n",
            },
            opts=here,
        )
        chart = versions.FLUX_OPERATOR
        operator = k8s.helm.v3.Release(
            child(name, "operator"),
            name=chart.name,
            namespace=key.metadata["namespace"],
            chart=chart.reference,
            version=chart.version,
            timeout=RELEASE_SECONDS,
            opts=here,
        )
        told = Output.from_input(args.age_secret).apply(
            lambda secret: spec(args.gitops, age_secret=secret)
        )
        instance = k8s.apiextensions.CustomResource(
            child(name, "instance"),
            api_version="fluxcd.controlplane.io/v1",
            kind="FluxInstance",
            metadata={"name": INSTANCE, "namespace": args.namespace},
            spec=told,
            opts=ResourceOptions(
                parent=self,
                # The operator's chart brings the definition of this kind.
                depends_on=[operator],
                # Its deletion prunes all that Flux ever made, stateful applications among it.
                retain_on_delete=True,
            ),
        )
        # Through the object's id, so that whoever takes them comes after it.
        self.handed_over = HandedOver(
            namespace=Output.all(args.namespace, instance.id).apply(lambda known: str(known[0])),
            instance=instance.id.apply(lambda _: INSTANCE),
            sync=Output.all(told, instance.id).apply(lambda known: known[0]["sync"]),
        )
        self.register_outputs({})


@dataclass(frozen=True, kw_only=True)
class ConvergedArgs:
    """What to watch, and how long: nothing getting on, and in all (seconds)."""

    kubeconfig: Input[str]
    handed_over: HandedOver
    stall_seconds: int
    deadline_seconds: int


class Converged(pulumi.ComponentResource):
    """The cluster is as Git says; its end suspends Flux."""

    def __init__(
        self, name: str, args: ConvergedArgs, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__(token("gitops", "Converged"), name, None, opts)
        hearth.Convergence(
            child(name, "flux"),
            kubeconfig=args.kubeconfig,
            namespace=args.handed_over.namespace,
            instance=args.handed_over.instance,
            trigger=args.handed_over.sync,
            stall_seconds=args.stall_seconds,
            deadline_seconds=args.deadline_seconds,
            opts=ResourceOptions(parent=self),
        )
        self.register_outputs({})
