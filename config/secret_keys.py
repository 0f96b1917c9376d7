"""Which secret keys a stack needs, by its facts: names only, never a value.

Not every run needs every key: one that opens nearly everything is set for the runs that use it, and
taken away again.
"""

from config.cluster import Cluster
from config.identity import AGE_KEY, DEPLOY_KEY, SEALED_SECRETS_KEY

PROXMOX_TOKEN = "hearth:proxmoxToken"  # noqa: S105 - names of keys, here and below
PROXMOX_AUTH = "hearth:proxmoxAuth"
TAILSCALE_AUTH_KEY = "hearth:tailscaleAuthKey"
CLOUDFLARE_TOKEN = "hearth:cloudflareToken"  # noqa: S105
ONE_PASSWORD_CREDENTIALS = "hearth:onePasswordCredentials"  # noqa: S105
ONE_PASSWORD_TOKEN = "hearth:onePasswordToken"  # noqa: S105

# Every secret key there is, with what it holds.
SECRET_KEYS = {
    SEALED_SECRETS_KEY: "sealed-secrets private key (PEM), part of the identity",
    DEPLOY_KEY: "Flux' deploy key (OpenSSH private key), part of the identity",
    AGE_KEY: "SOPS age key (AGE-SECRET-KEY-...), part of the identity",
    PROXMOX_TOKEN: "Proxmox API token for everyday runs, user@realm!name=uuid",
    PROXMOX_AUTH: 'Proxmox login that may make users and roles, {"username": ..., "password": ...}',
    TAILSCALE_AUTH_KEY: "Tailscale or Headscale auth key, tskey-auth-...",
    CLOUDFLARE_TOKEN: "Cloudflare API token for the zone and the tunnel",
    ONE_PASSWORD_CREDENTIALS: "1Password Connect's 1password-credentials.json",
    ONE_PASSWORD_TOKEN: "1Password Connect access token (a JWT)",
}

# Only the runs that make, change or remove what these stand for need them.
OCCASIONAL = frozenset({PROXMOX_AUTH})


def everyday(cluster: Cluster) -> tuple[str, ...]:
    """The keys without which no run of the program can do its work."""
    return tuple(key for key in needed(cluster) if key not in OCCASIONAL)


def needed(cluster: Cluster) -> tuple[str, ...]:
    """All keys that a stack with these facts has a use for, in the order of `SECRET_KEYS`."""
    wanted = {
        SEALED_SECRETS_KEY: cluster.seeds.sealed_secrets,
        DEPLOY_KEY: True,
        AGE_KEY: cluster.seeds.sops_age,
        PROXMOX_TOKEN: cluster.proxmox is not None,
        PROXMOX_AUTH: cluster.proxmox is not None,
        TAILSCALE_AUTH_KEY: cluster.talos.tailscale is not None,
        CLOUDFLARE_TOKEN: cluster.dns.cloudflare is not None,
        ONE_PASSWORD_CREDENTIALS: cluster.seeds.one_password_connect,
        ONE_PASSWORD_TOKEN: cluster.seeds.one_password_connect,
    }
    return tuple(key for key in SECRET_KEYS if wanted[key])
