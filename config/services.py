"""What the cluster is seeded with before Flux takes over: storage, secret stores, GitOps, DNS.

Only names and switches stand here. Credentials are secret keys of the stack.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from config.base import Fqdn, Hostname, IpAddress, Model, Name


class DataOnDestroy(StrEnum):
    """What a destroy does with volumes the cluster made; a person has to choose."""

    KEEP = "keep"
    SWEEP = "sweep"


class ProxmoxCsi(Model):
    """Volumes on a Proxmox datastore, through its CSI driver."""

    kind: Literal["proxmoxCsi"]
    datastore: str
    shared_datastore: bool = Field(
        description="true when other stacks keep volumes there: then a sweep only lists"
    )
    storage_class: Name
    data_on_destroy: DataOnDestroy


class Longhorn(Model):
    """The machine-side prerequisites of Longhorn, which itself comes from the GitOps tree."""

    kind: Literal["longhorn"]
    volume: Name
    v2_data_engine: bool = False
    data_on_destroy: DataOnDestroy


Storage = Annotated[ProxmoxCsi | Longhorn, Field(discriminator="kind")]


class Seeds(Model):
    """Which secret stores are seeded, and the plain settings Flux substitutes."""

    sealed_secrets: bool = True
    sops_age: bool = False
    one_password_connect: bool = False
    settings: dict[str, str] = Field(default_factory=dict)


class Gitops(Model):
    """The repository Flux reconciles; its deploy key is part of the identity."""

    repository: str = Field(pattern=r"^(ssh|https)://\S+$")
    branch: str = "main"
    path: str = Field(pattern=r"^\./\S+$")
    known_hosts: tuple[str, ...] = Field(
        default=(), description="the Git server's host keys, as lines of an OpenSSH known_hosts"
    )


class Delegation(Model):
    """How the parent zone comes to point at the cluster's own name server.

    `manual` prints the records wanted and checks that they resolve. The name server is the public
    secondary: the primary's address is private.
    """

    provider: Literal["manual", "cloudflare"]
    nameserver: Fqdn
    secondary: IpAddress
    transfer_from: IpAddress


class Tunnel(Model):
    """A Cloudflare tunnel whose in-cluster half gets its token from us."""

    hostnames: tuple[Hostname, ...] = Field(min_length=1)
    service: str


class CloudflareDns(Model):
    """Records and tunnel in a Cloudflare zone; the token is `hearth:cloudflareToken`."""

    zone: Fqdn
    account: str = Field(pattern=r"^[0-9a-f]{32}$")
    tunnel: Tunnel | None = None


class ExternalDns(Model):
    """One external-dns instance of the GitOps tree: owner and filter, so that none overlap."""

    name: Name
    target: Literal["cloudflare", "powerdns", "unifi", "internal"]
    owner_id: Name
    domain_filters: tuple[Fqdn, ...] = Field(min_length=1)


class Dns(Model):
    """Everything that makes the cluster's names resolve."""

    delegation: Delegation | None = None
    cloudflare: CloudflareDns | None = None
    external_dns: tuple[ExternalDns, ...] = ()
