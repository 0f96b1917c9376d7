"""The secrets layer: what must lie in the cluster before Flux' first reconciliation.

Keys of the identity, credentials of the secret stores, and the settings that Flux substitutes. The
stores themselves come from the GitOps tree.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
from pulumi import Input, Output, ResourceOptions

from components import kubernetes, namespaces
from components.naming import child, token
from components.secrets.settings import settings
from config.cluster import Cluster

FLUX_NAMESPACE = "flux-system"
SETTINGS = "cluster-settings"
SOPS_SECRET = "sops-age"  # noqa: S105 (a name)
SEALED_SECRETS_NAMESPACE = "sealed-secrets"
SEALED_SECRETS_KEY = "sealed-secrets-key"
ONE_PASSWORD_NAMESPACE = "onepassword-connect"  # noqa: S105 (a namespace, no password)
# What Connect's chart looks for unless it is told otherwise (1Password/connect-helm-charts,
# values.yaml: connect.credentialsName, connect.credentialsKey, operator.token).
CONNECT_CREDENTIALS, CONNECT_KEY = "op-credentials", "1password-credentials.json"
CONNECT_TOKEN = "onepassword-token"  # noqa: S105
# The controller takes every Secret with this label as a key, and makes its own only without one.
ACTIVE_KEY = {"sealedsecrets.bitnami.com/sealed-secrets-key": "active"}


@dataclass(frozen=True, kw_only=True)
class SecretSeedsArgs:
    """The facts, the identity's halves, and the stores' credentials by the names of their Secrets.

    `substitutions` are secret values for Flux (`cluster-secrets`).
    """

    cluster: Cluster
    sealed_secrets_certificate: Input[str] | None
    sealed_secrets_key: Input[str] | None
    age_key: Input[str] | None = None
    one_password_credentials: Input[str] | None = None
    one_password_token: Input[str] | None = None
    substitutions: Mapping[str, Input[str]] = field(default_factory=dict)


class SecretSeeds(pulumi.ComponentResource):
    """Seeds of every secret store; `flux_namespace` is where Flux will live.

    `age_secret` is the Secret there with the age key, None for a stack without one.
    """

    flux_namespace: Output[str]
    age_secret: Output[str] | None

    def __init__(
        self, name: str, args: SecretSeedsArgs, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__(token("secrets", "SecretSeeds"), name, None, opts)
        self._name = name
        self.flux_namespace = self._namespace(FLUX_NAMESPACE)
        kubernetes.ConfigMap(
            child(name, SETTINGS),
            metadata={"name": SETTINGS, "namespace": self.flux_namespace},
            data=settings(args.cluster),
            opts=self._inside(),
        )
        if args.substitutions:
            # Not an empty one: the Kubernetes provider would replace it at every run.
            self._secret("cluster-secrets", self.flux_namespace, dict(args.substitutions))
        if args.sealed_secrets_key is not None and args.sealed_secrets_certificate is not None:
            self._sealed_secrets(args.sealed_secrets_certificate, args.sealed_secrets_key)
        self.age_secret = (
            self._secret(SOPS_SECRET, self.flux_namespace, {"age.agekey": args.age_key})
            if args.age_key is not None
            else None
        )
        if args.one_password_credentials is not None and args.one_password_token is not None:
            self._one_password(args.one_password_credentials, args.one_password_token)
        self.register_outputs({"fluxNamespace": self.flux_namespace})

    def _sealed_secrets(self, certificate: Input[str], key: Input[str]) -> None:
        """The key pair that secrets in Git are sealed against, before its controller starts."""
        namespace = self._namespace(SEALED_SECRETS_NAMESPACE)
        data = {"tls.crt": certificate, "tls.key": key}
        self._secret(SEALED_SECRETS_KEY, namespace, data, "kubernetes.io/tls", ACTIVE_KEY)

    def _one_password(self, credentials: Input[str], connect_token: Input[str]) -> None:
        """What 1Password Connect starts with, and what External Secrets asks it with.

        The file as it was downloaded: Connect's chart mounts it, since its version 2.3.0. Before,
        Connect took it from an environment variable, in base64 (connect-helm-charts issue 114).
        """
        namespace = self._namespace(ONE_PASSWORD_NAMESPACE)
        self._secret(CONNECT_CREDENTIALS, namespace, {CONNECT_KEY: credentials})
        self._secret(CONNECT_TOKEN, namespace, {"token": connect_token})

    def _namespace(self, namespace: str) -> Output[str]:
        made = kubernetes.Namespace(
            child(self._name, "namespace", namespace),
            metadata=namespaces.metadata(namespace),
            opts=self._inside(),
        )
        found: Output[str] = made.metadata["name"]
        return found

    def _secret(
        self,
        secret: str,
        namespace: Input[str],
        data: Mapping[str, Input[str]],
        kind: str = "Opaque",
        labels: Mapping[str, str] | None = None,
    ) -> Output[str]:
        made = kubernetes.Secret(
            child(self._name, secret),
            metadata={"name": secret, "namespace": namespace, "labels": labels},
            type=kind,
            string_data={key: Output.secret(value) for key, value in data.items()},
            opts=self._inside(),
        )
        found: Output[str] = made.metadata["name"]
        return found

    def _inside(self) -> ResourceOptions:
        return ResourceOptions(parent=self)
