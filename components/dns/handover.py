"""What the cluster needs of Cloudflare, in the namespaces of those who need it.

The workloads are the GitOps tree's: cloudflared, external-dns, cert-manager. The names here are the
contract with it; docs/cloudflare.md lists them. Everything goes with the cluster.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi import Input, ResourceOptions

from components import kubernetes, namespaces
from components.naming import child, token

TUNNEL_NAMESPACE = "cloudflare-tunnel"
# As Cloudflare's own guide for Kubernetes has them.
TUNNEL_SECRET, TUNNEL_KEY = "tunnel-token", "token"
# As cert-manager's documentation of its Cloudflare solver has them; external-dns takes any.
API_SECRET, API_KEY = "cloudflare-api-token", "api-token"


@dataclass(frozen=True, kw_only=True)
class HandoverArgs:
    """What cloudflared connects with, and API tokens by who uses them: also their namespaces."""

    tunnel_token: Input[str] | None
    tokens: Mapping[str, Input[str]]


class Handover(pulumi.ComponentResource):
    """Secrets in the cluster, each in the namespace of its user."""

    def __init__(self, name: str, args: HandoverArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(token("dns", "Handover"), name, None, opts)
        self._name = name
        if args.tunnel_token is not None:
            self._seed(TUNNEL_NAMESPACE, TUNNEL_SECRET, TUNNEL_KEY, args.tunnel_token)
        for user, value in args.tokens.items():
            self._seed(user, API_SECRET, API_KEY, value)
        self.register_outputs({})

    def _seed(self, namespace: str, secret: str, key: str, value: Input[str]) -> None:
        here = ResourceOptions(parent=self)
        made = kubernetes.Namespace(
            child(self._name, "namespace", namespace),
            metadata=namespaces.metadata(namespace),
            opts=here,
        )
        kubernetes.Secret(
            child(self._name, namespace, secret),
            metadata={"name": secret, "namespace": made.metadata["name"]},
            string_data={key: value},
            opts=here,
        )
