"""What a world needs to know of a stack: read from its committed file, plain facts only.

Whether the facts make sense is decided by the config's own checks, not here.
"""

import ipaddress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from config.cluster import Cluster
from config.identity import IDENTITY_KEY
from config.load import CLUSTER_KEY, load_cluster, no_such_stack, read_stack_file, stack_paths
from lab.world.errors import WorldError


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where a stack expects its Proxmox host."""

    name: str
    port: int


@dataclass(frozen=True, kw_only=True)
class GitServer:
    """Where a stack expects its Git server, and what the repository is called there.

    `client_key` is the public half of the deploy key that may come in over SSH.
    """

    name: str
    port: int
    repository: str
    is_ssh: bool
    client_key: str = ""


@dataclass(frozen=True, kw_only=True)
class StackFacts:
    """A stack's name, the operator's addresses on its LAN, and the vendors it has dealings with.

    `gateways` is where the stack's machines expect their way out, without prefix lengths.
    `passphrase` is the overlay's: the lab's copy of the stack's file is encrypted with it.
    """

    stack: str
    operator: tuple[str, ...]
    proxmox: Endpoint | None
    cloudflare: bool = False
    gateways: tuple[str, ...] = ()
    git: GitServer | None = None
    passphrase: str = ""


def read_facts(root: Path, stack: str) -> StackFacts:
    """Return the facts of one stack.

    WorldError when there is no such stack, ConfigError with all mistakes when its file has any.
    """
    paths = stack_paths(root)
    if stack not in paths:
        raise WorldError(no_such_stack(stack, paths))
    cluster = load_cluster(read_stack_file(paths[stack]).config.get(CLUSTER_KEY), stack)
    operator = tuple(operator_address(str(net)) for net in cluster.network.node_subnets)
    overlay = _overlay(overlay_of(root, stack))
    identity = (overlay.get("config") or {}).get(IDENTITY_KEY) or {}
    git = git_server(cluster.gitops.repository)
    return StackFacts(
        stack=stack,
        operator=operator,
        proxmox=_proxmox(cluster),
        cloudflare=_speaks_to_cloudflare(cluster),
        gateways=tuple(str(gateway) for gateway in cluster.network.gateways),
        git=replace(git, client_key=str(identity.get("deployKeyPublic", ""))),
        passphrase=str(overlay.get("passphrase", "")),
    )


def overlay_of(root: Path, stack: str) -> Path:
    """Return where the lab keeps what it puts in place of a stack's secrets."""
    return root / "lab" / "overlay" / f"{stack}.yaml"


def _overlay(path: Path) -> dict[str, Any]:
    """Return the overlay as data; nothing without one: then nothing can be decrypted."""
    document = yaml.safe_load(path.read_text()) if path.is_file() else None
    return document if isinstance(document, dict) else {}


def git_server(repository: str) -> GitServer:
    """Return where the address of a repository leads."""
    url = urlsplit(repository)
    return GitServer(
        name=url.hostname or "",
        port=url.port or (22 if url.scheme == "ssh" else 443),
        repository=url.path.strip("/"),
        is_ssh=url.scheme == "ssh",
    )


def operator_address(subnet: str) -> str:
    """Return the last usable address of a node net, with its prefix length.

    Engine, talosctl and kubectl speak from there. The first addresses are where gateways, machines
    and VIPs live.
    """
    net = ipaddress.ip_network(subnet)
    return f"{net[-2]}/{net.prefixlen}"


def _proxmox(cluster: Cluster) -> Endpoint | None:
    if cluster.proxmox is None:
        return None
    url = urlsplit(str(cluster.proxmox.endpoint))
    return Endpoint(name=url.hostname or "", port=url.port or 8006)


def _speaks_to_cloudflare(cluster: Cluster) -> bool:
    dns = cluster.dns
    delegated = dns.delegation is not None and dns.delegation.provider == "cloudflare"
    published = any(instance.target == "cloudflare" for instance in dns.external_dns)
    return dns.cloudflare is not None or delegated or published
