"""What the program makes inside the cluster, as names: known from the facts, before anything runs.

Held against the GitOps tree before any provider is called. A test compares it with what a run of
the program registers, so that neither says more than the other.
"""

from collections.abc import Iterator

from components.cni.component import NAMESPACE as CNI_NAMESPACE
from components.dns import component as zone
from components.dns import handover
from components.gitops.instance import DEPLOY_KEY, INSTANCE
from components.secrets import component as seeds
from components.storage import csi
from config import versions
from config.cluster import Cluster
from config.owned import Owned, OwnedObject, OwnedRelease
from config.services import ProxmoxCsi
from stacks.cloudflare import token_users
from stacks.zone import zone_writers


def owned(cluster: Cluster) -> Owned:
    """Every object and every release of a cluster that the program brings."""
    return Owned(objects=tuple(objects(cluster)), releases=tuple(releases(cluster)))


def releases(cluster: Cluster) -> Iterator[OwnedRelease]:
    """The charts that the program installs."""
    cilium, operator, driver = versions.CILIUM, versions.FLUX_OPERATOR, versions.PROXMOX_CSI
    yield OwnedRelease(namespace=CNI_NAMESPACE, name=cilium.name, chart=cilium.name)
    yield OwnedRelease(namespace=seeds.FLUX_NAMESPACE, name=operator.name, chart=operator.name)
    if isinstance(cluster.storage, ProxmoxCsi):
        yield OwnedRelease(namespace=csi.NAMESPACE, name=driver.name, chart=driver.name)


def objects(cluster: Cluster) -> Iterator[OwnedObject]:
    """Namespaces, seeds and the FluxInstance."""
    yield from in_flux_namespace(cluster)
    if isinstance(cluster.storage, ProxmoxCsi):
        yield from in_namespace(csi.NAMESPACE, csi.CONFIG_SECRET)
    if cluster.seeds.sealed_secrets:
        yield from in_namespace(seeds.SEALED_SECRETS_NAMESPACE, seeds.SEALED_SECRETS_KEY)
    if cluster.seeds.one_password_connect:
        connect = (seeds.CONNECT_CREDENTIALS, seeds.CONNECT_TOKEN)
        yield from in_namespace(seeds.ONE_PASSWORD_NAMESPACE, *connect)
    if cluster.dns.delegation is not None:
        yield from in_namespace(zone.NAMESPACE, zone.TRANSFER_SECRET, zone.API_SECRET)
        for writer in zone_writers(cluster):
            yield from in_namespace(writer, zone.API_SECRET)
    if cluster.dns.cloudflare is not None:
        if cluster.dns.cloudflare.tunnel is not None:
            yield from in_namespace(handover.TUNNEL_NAMESPACE, handover.TUNNEL_SECRET)
        for user in token_users(cluster):
            yield from in_namespace(user, handover.API_SECRET)


def in_flux_namespace(cluster: Cluster) -> Iterator[OwnedObject]:
    """What Flux starts from; its instance makes the source and the root Kustomization."""
    there = seeds.FLUX_NAMESPACE
    yield from in_namespace(there, DEPLOY_KEY)
    if cluster.seeds.sops_age:
        yield OwnedObject(group="", kind="Secret", namespace=there, name=seeds.SOPS_SECRET)
    yield OwnedObject(group="", kind="ConfigMap", namespace=there, name=seeds.SETTINGS)
    for group, kind, name in (
        ("fluxcd.controlplane.io", "FluxInstance", INSTANCE),
        ("source.toolkit.fluxcd.io", "GitRepository", there),
        ("kustomize.toolkit.fluxcd.io", "Kustomization", there),
    ):
        yield OwnedObject(group=group, kind=kind, namespace=there, name=name)


def in_namespace(namespace: str, *secrets: str) -> Iterator[OwnedObject]:
    """A namespace and the Secrets it was made for."""
    yield OwnedObject(group="", kind="Namespace", namespace="", name=namespace)
    for secret in secrets:
        yield OwnedObject(group="", kind="Secret", namespace=namespace, name=secret)
