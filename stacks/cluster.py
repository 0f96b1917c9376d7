"""A cluster, layer by layer. Reads top to bottom as the order in which things come to be.

What a layer needs it takes from the one before; where no value flows, `depends_on` says why. On the
way down the same order runs backwards, but for what lives in the cluster: that goes with it.
"""

from dataclasses import dataclass

import pulumi
import pulumi_random as random
from pulumi import Output, ResourceOptions

from components.auth import Auth, AuthArgs
from components.cni import Cni, CniArgs
from components.dns import DelegatedZone, DelegatedZoneArgs
from components.gitops import Flux, FluxArgs
from components.infrastructure import Infrastructure, InfrastructureArgs
from components.secrets import SecretSeeds, SecretSeedsArgs
from components.storage import Storage, StorageArgs, VolumeClaim, VolumeClaimArgs
from config.cluster import Cluster
from config.identity import Identity
from config.proxmox import Proxmox
from config.services import ProxmoxCsi
from stacks.keys import StackKeys, needed


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that a stack is made from: the facts, the identity's public halves, the secrets."""

    cluster: Cluster
    identity: Identity
    keys: StackKeys


@dataclass(frozen=True, kw_only=True)
class Built:
    """What a person or the exports want of a cluster."""

    kubeconfig: Output[str]
    talosconfig: Output[str]
    parent_zone_records: Output[list[str]] | None


def build(facts: Facts) -> Built:
    """The seven layers."""
    cluster = facts.cluster
    proxmox = made_on(cluster)
    csi = cluster.storage if isinstance(cluster.storage, ProxmoxCsi) else None

    auth = access(facts, proxmox, csi)
    infrastructure = machines(facts, proxmox, csi, auth)

    # A destroy drops these from state instead of asking a dying API for each: they go with the
    # cluster, whose life the anchor is.
    life, inside = infrastructure.anchor, [infrastructure.kubernetes, auth.hearth]
    cni = Cni(
        "cni",
        CniArgs(cluster=cluster, kubeconfig=infrastructure.kubeconfig, nodes=infrastructure.nodes),
        opts=ResourceOptions(providers=inside, deleted_with=life),
    )
    # No value flows from a network, but every pod below needs one.
    networked = ResourceOptions(providers=inside, deleted_with=life, depends_on=[cni])
    if csi and auth.csi_token is not None:
        Storage(
            "storage",
            StorageArgs(cluster=cluster, proxmox=proxmox, csi=csi, token=auth.csi_token),
            opts=networked,
        )
    seeds = secret_seeds(facts, networked)
    flux(
        facts,
        seeds,
        # Flux reconciles at once: everything its tree reads has to lie there before.
        ResourceOptions(providers=inside, deleted_with=life, depends_on=[cni, seeds]),
    )
    zone = delegated_zone(
        cluster,
        auth,
        infrastructure,
        # Not as a whole with the cluster: what it asks of the parent zone outlives a destroy.
        ResourceOptions(providers=inside, depends_on=[cni]),
    )
    return Built(
        kubeconfig=infrastructure.kubeconfig,
        talosconfig=infrastructure.talosconfig,
        parent_zone_records=zone.records if zone else None,
    )


def access(facts: Facts, proxmox: Proxmox, csi: ProxmoxCsi | None) -> Auth:
    """Providers, the stack's pool, and the storage driver's own rights."""
    keys = facts.keys
    admin = keys.proxmox_admin
    return Auth(
        "auth",
        AuthArgs(
            stack=facts.cluster.name,
            proxmox=proxmox,
            csi=csi,
            token=needed(keys.proxmox_token, "proxmoxToken", "machines are made on Proxmox VE"),
            admin_username=admin["username"] if admin is not None else None,
            admin_password=admin["password"] if admin is not None else None,
        ),
    )


def machines(facts: Facts, proxmox: Proxmox, csi: ProxmoxCsi | None, auth: Auth) -> Infrastructure:
    """The machines with a Kubernetes API; the claim on their volumes stands before them."""
    outside = ResourceOptions(providers=[auth.proxmox, auth.hearth])
    volumes = (
        VolumeClaim(
            "volumes",
            VolumeClaimArgs(cluster=facts.cluster, proxmox=proxmox, csi=csi),
            opts=outside,
        )
        if csi
        else None
    )
    return Infrastructure(
        "infrastructure",
        InfrastructureArgs(
            cluster=facts.cluster,
            proxmox=proxmox,
            pool=auth.pool,
            datastore=volumes.datastore if volumes else None,
            tailscale_key=facts.keys.tailscale_auth_key,
            view_key=facts.keys.view_key,
        ),
        opts=outside,
    )


def secret_seeds(facts: Facts, opts: ResourceOptions) -> SecretSeeds:
    """The keys of every secret store that the stack's facts name."""
    seeds, keys = facts.cluster.seeds, facts.keys
    return SecretSeeds(
        "secrets",
        SecretSeedsArgs(
            cluster=facts.cluster,
            sealed_secrets_certificate=facts.identity.sealed_secrets_certificate,
            sealed_secrets_key=keys.sealed_secrets_key if seeds.sealed_secrets else None,
            age_key=keys.age_key if seeds.sops_age else None,
        ),
        opts=opts,
    )


def flux(facts: Facts, seeds: SecretSeeds, opts: ResourceOptions) -> Flux:
    """Flux, with both halves of its deploy key."""
    return Flux(
        "gitops",
        FluxArgs(
            gitops=facts.cluster.gitops,
            namespace=seeds.flux_namespace,
            deploy_key=facts.keys.deploy_key,
            deploy_key_public=facts.identity.deploy_key_public,
        ),
        opts=opts,
    )


def delegated_zone(
    cluster: Cluster, auth: Auth, infrastructure: Infrastructure, opts: ResourceOptions
) -> DelegatedZone | None:
    """The sub-zone that the cluster serves itself, where the stack has one."""
    if cluster.dns.delegation is None:
        return None
    return DelegatedZone(
        "dns",
        DelegatedZoneArgs(
            zone=cluster.domain,
            delegation=cluster.dns.delegation,
            random=random.Provider("random"),
            hearth=auth.hearth,
            life=infrastructure.anchor,
        ),
        opts=opts,
    )


def made_on(cluster: Cluster) -> Proxmox:
    """The Proxmox VE that the machines are made on."""
    if cluster.proxmox is None or any(machine.vm is None for machine in cluster.machines):
        adopted = ", ".join(machine.name for machine in cluster.machines if machine.vm is None)
        raise pulumi.RunError(
            f"{cluster.name}: {adopted} are to be adopted, and this program only makes virtual "
            "machines so far; see docs/scope.md"
        )
    return cluster.proxmox
