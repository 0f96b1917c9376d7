"""The GitOps layer: flux-operator, the deploy key, and the FluxInstance. Then Flux takes over."""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s
from pulumi import Input, Output, ResourceOptions

from components import kubernetes
from components.gitops.instance import DEPLOY_KEY, INSTANCE, spec
from components.naming import child, token
from config import versions
from config.services import Gitops

RELEASE_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class FluxArgs:
    """The repository, both halves of its deploy key, and the namespace the seeds lie in."""

    gitops: Gitops
    namespace: Input[str]
    deploy_key: Input[str]
    deploy_key_public: Input[str]


class Flux(pulumi.ComponentResource):
    """Flux through its operator."""

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
        k8s.apiextensions.CustomResource(
            child(name, "instance"),
            api_version="fluxcd.controlplane.io/v1",
            kind="FluxInstance",
            metadata={"name": INSTANCE, "namespace": args.namespace},
            spec=spec(args.gitops),
            opts=ResourceOptions(
                parent=self,
                # The operator's chart brings the definition of this kind.
                depends_on=[operator],
                # Its deletion prunes all that Flux ever made, stateful applications among it.
                retain_on_delete=True,
            ),
        )
        self.register_outputs({})
