"""The secret half of a stack's config: one flat key per secret, never part of the cluster object.

A secret inside a structured value comes back as plain text without a warning (pulumi/pulumi#7127),
so each one is a key of its own and is read here and nowhere else.
"""

import json
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import Output

from config import one_password, secret_keys
from config.cluster import Cluster
from config.identity import AGE_KEY, DEPLOY_KEY, SEALED_SECRETS_KEY

IDENTITY_KEYS = (SEALED_SECRETS_KEY, DEPLOY_KEY, AGE_KEY)


@dataclass(frozen=True, kw_only=True)
class StackKeys:
    """Every secret a stack may carry; None where the stack does not need it."""

    sealed_secrets_key: Output[str] | None
    deploy_key: Output[str]
    age_key: Output[str] | None
    proxmox_token: Output[str] | None
    proxmox_admin: Output[dict[str, str]] | None
    tailscale_auth_key: Output[str] | None
    cloudflare_token: Output[str] | None
    one_password_credentials: Output[str] | None
    one_password_token: Output[str] | None
    view_key: Output[str]


def read(config: pulumi.Config, cluster: Cluster) -> StackKeys:
    """The stack's secrets as Outputs; those that its facts ask for are there."""
    refuse_missing(config, cluster)
    refuse_malformed(config, cluster)
    deploy_key = config.require_secret("deployKey")
    admin = config.get_secret("proxmoxAuth")
    return StackKeys(
        sealed_secrets_key=config.get_secret("sealedSecretsKey"),
        deploy_key=deploy_key,
        age_key=config.get_secret("ageKey"),
        proxmox_token=config.get_secret("proxmoxToken"),
        proxmox_admin=admin.apply(parsed) if admin else None,
        tailscale_auth_key=config.get_secret("tailscaleAuthKey"),
        cloudflare_token=config.get_secret("cloudflareToken"),
        one_password_credentials=config.get_secret("onePasswordCredentials"),
        one_password_token=config.get_secret("onePasswordToken"),
        # Keys the hashes that stand for hidden values in previews; never leaves the program.
        view_key=deploy_key,
    )


def bare(config: pulumi.Config, key: str) -> str:
    """A key as its own namespace knows it: `deployKey` of `hearth:deployKey`."""
    return key.removeprefix(f"{config.name}:")


def private_halves(config: pulumi.Config) -> dict[str, str]:
    """The identity's private halves that are set, in clear: to be compared, never to be kept."""
    found = {key: config.get(bare(config, key)) for key in IDENTITY_KEYS}
    return {key: value for key, value in found.items() if value is not None}


def refuse_missing(config: pulumi.Config, cluster: Cluster) -> None:
    """All missing secrets at once: without one, what it is for would quietly be left out."""
    missing = [
        key for key in secret_keys.everyday(cluster) if config.get_secret(bare(config, key)) is None
    ]
    if missing:
        lines = [f"{len(missing)} secrets of {cluster.name} are not set:"]
        for key in missing:
            lines += [f"  {key}: {secret_keys.SECRET_KEYS[key]}", f"    {remedy(key, cluster)}"]
        raise pulumi.RunError("\n".join(lines))


def refuse_malformed(config: pulumi.Config, cluster: Cluster) -> None:
    """All secrets that cannot be what they are to be, at once and before any provider is called.

    Connect would take a malformed one and never serve, and all that waits for a secret with it.
    """
    values = {key: config.get(bare(config, key)) for key in secret_keys.needed(cluster)}
    found = one_password.problems({key: text for key, text in values.items() if text is not None})
    if found:
        lines = [f"{len(found)} secrets of {cluster.name} are not what their keys say:"]
        lines += [f"  {key}: {problem}" for key, problem in found.items()]
        raise pulumi.RunError("\n".join(lines))


def remedy(key: str, cluster: Cluster) -> str:
    """The command that sets a secret, without the secret on it."""
    if key in IDENTITY_KEYS:
        return f"`./hearth identity init {cluster.name}` makes the identity as a whole"
    return f"`pulumi config set -s {cluster.name} --secret {key}` asks for it"


def parsed(text: str) -> dict[str, str]:
    """`hearth:proxmoxAuth` as {username, password}; says what is wrong without quoting it."""
    try:
        found: Any = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not {"username", "password"} <= found.keys():
        raise pulumi.RunError(
            'hearth:proxmoxAuth is not {"username": "...", "password": "..."}; set it with '
            "`pulumi config set --secret hearth:proxmoxAuth` and type the JSON at the prompt"
        )
    return {"username": str(found["username"]), "password": str(found["password"])}


def needed(key: Output[Any] | None, name: str, reason: str) -> Output[Any]:
    """The key, or a sentence that says what it is for."""
    if key is None:
        raise pulumi.RunError(
            f"hearth:{name} is not set, but {reason}: `pulumi config set --secret hearth:{name}`"
        )
    return key
