"""A cluster, layer by layer. Reads top to bottom as the order in which things come to be.

What a layer needs it takes from the one before; where no value flows, `depends_on` says why. On the
way down the same order runs backwards, but for what lives in the cluster: that goes with it.
"""

from dataclasses import dataclass

from pulumi import Output, ResourceOptions

from components.cni import Cni, CniArgs
from components.gitops import Converged, ConvergedArgs, Flux, FluxArgs
from components.infrastructure import Infrastructure, InfrastructureArgs
from components.secrets import SecretSeeds, SecretSeedsArgs
from stacks.cloudflare import Names, names_at_cloudflare
from stacks.protection import Protection
from stacks.special import Facts, Ground, special

__all__ = ["Built", "Facts", "build"]


@dataclass(frozen=True, kw_only=True)
class Built:
    """What a person or the exports want of a cluster."""

    kubeconfig: Output[str]
    talosconfig: Output[str]
    parent_zone_records: Output[list[str]] | None


def build(facts: Facts) -> Built:
    """The seven layers; what is this cluster's alone, its own module says."""
    cluster, own = facts.cluster, special(facts)
    protection = Protection(cluster)

    ground = own.ground()
    names = names_at_cloudflare(facts, ground.hearth)
    infrastructure = machines(facts, ground, names)

    # A destroy drops these from state instead of asking a dying API for each: they go with the
    # cluster, whose life the anchor is.
    life, inside = infrastructure.anchor, [infrastructure.kubernetes, ground.hearth]
    cni = Cni(
        "cni",
        CniArgs(cluster=cluster, kubeconfig=infrastructure.kubeconfig, nodes=infrastructure.nodes),
        opts=ResourceOptions(providers=inside, deleted_with=life),
    )
    # No value flows from a network, but every pod below needs one.
    networked = ResourceOptions(providers=inside, deleted_with=life, depends_on=[cni])
    own.storage(networked)
    seeds = secret_seeds(facts, networked)
    handed_over = [names.hand_over(networked)] if names else []
    # Not as a whole with the cluster: what is asked of a parent zone outlives a destroy.
    zone = own.names(ground, infrastructure, ResourceOptions(providers=inside, depends_on=[cni]))
    keys = zone.keys if zone else ()
    handover = flux(
        facts,
        seeds,
        # Flux reconciles at once: everything its tree reads has to lie there before.
        ResourceOptions(
            providers=inside, deleted_with=life, depends_on=[cni, seeds, *handed_over, *keys]
        ),
    )
    # Not with the cluster: its delete suspends Flux, before any machine goes.
    Converged(
        "converged",
        ConvergedArgs(
            kubeconfig=infrastructure.kubeconfig,
            handed_over=handover.handed_over,
            stall_seconds=cluster.deadlines.flux_stall_seconds,
            deadline_seconds=cluster.deadlines.flux_seconds,
        ),
        opts=ResourceOptions(providers=inside),
    )
    protection.stand()
    return Built(
        kubeconfig=infrastructure.kubeconfig,
        talosconfig=infrastructure.talosconfig,
        parent_zone_records=zone.records if zone else None,
    )


def machines(facts: Facts, ground: Ground, names: Names | None) -> Infrastructure:
    """The machines, made or adopted, with a Kubernetes API."""
    return Infrastructure(
        "infrastructure",
        InfrastructureArgs(
            cluster=facts.cluster,
            step=ground.step,
            tailscale_key=facts.keys.tailscale_auth_key,
            view_key=facts.keys.view_key,
        ),
        # No value flows from names outside, but a tunnel must not go before its connections.
        opts=ResourceOptions(
            providers=list(ground.providers), depends_on=[names.outside] if names else []
        ),
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
            one_password_credentials=(
                keys.one_password_credentials if seeds.one_password_connect else None
            ),
            one_password_token=keys.one_password_token if seeds.one_password_connect else None,
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
            age_secret=seeds.age_secret,
        ),
        opts=opts,
    )
