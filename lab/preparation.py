"""What has to lie in a lab's folder before its world starts: the stack's file, the vendors' set-up.

The stack's plain facts are used byte for byte, but for the Git server's host key, which is the
lab's; the overlay replaces salt, secrets and identity. The
Proxmox VE host starts as its owner would have set it up by docs/proxmox.md: the bridges and
datastores of the facts, an everyday token with just the rights it needs, and an administrator.
Cloudflare's account is `cloudflare_setup`'s.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from config.cluster import Cluster
from config.load import CLUSTER_KEY, load_cluster, read_stack_file
from config.secret_keys import PROXMOX_AUTH, PROXMOX_TOKEN
from lab.cloudflare_setup import cloudflare_setup
from lab.git_setup import host_key, known_hosts
from lab.seal import lab_values
from lab.stackfile import KNOWN_HOSTS, apply_overlay, with_known_hosts
from lab.world.facts import git_server, overlay_of

MACHINE_ROLE, IMAGE_ROLE = "HearthMachines", "HearthImages"
MACHINE_PRIVILEGES = (
    "Datastore.AllocateSpace", "Datastore.AllocateTemplate", "Datastore.Audit", "Pool.Audit",
    "SDN.Use", "Sys.AccessNetwork", "Sys.Audit", "VM.Allocate", "VM.Audit", "VM.Config.CDROM",
    "VM.Config.CPU", "VM.Config.Cloudinit", "VM.Config.Disk", "VM.Config.HWType",
    "VM.Config.Memory", "VM.Config.Network", "VM.Config.Options", "VM.GuestAgent.Audit",
    "VM.PowerMgmt",
)  # fmt: skip
# Deleting an image, and freeing volumes on a datastore of the stack's own.
IMAGE_PRIVILEGES = (
    "Datastore.Allocate", "Datastore.AllocateSpace", "Datastore.AllocateTemplate",
    "Datastore.Audit",
)  # fmt: skip
LOCAL_GIB, POOL_GIB = 200, 2000


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """The stack's file as the lab runs it, and which of its values the lab put there."""

    cluster: Cluster
    stack_file: Path
    replaced: tuple[str, ...]


def prepare(root: Path, stack: str, state: Path) -> Prepared:
    """Write everything; raises ConfigError for a stack that no world can be made for."""
    source = root / f"Pulumi.{stack}.yaml"
    cluster = load_cluster(read_stack_file(source).config.get(CLUSTER_KEY), stack)
    overlay: dict[str, Any] = yaml.safe_load(overlay_of(root, stack).read_text())
    text, replaced = apply_overlay(source.read_text(), overlay)
    git = git_server(cluster.gitops.repository)
    if git.is_ssh:
        line = known_hosts(git.name, git.port, host_key(state))
        text, replaced = with_known_hosts(text, [line]), [*replaced, KNOWN_HOSTS]
    target = state / source.name
    write_private(target, text)
    if cluster.proxmox is not None:
        setup = proxmox_setup(cluster, lab_values(stack))
        write_private(state / "setup" / "proxmox.json", json.dumps(setup, indent=2))
    if cluster.dns.cloudflare is not None:
        setup = cloudflare_setup(cluster, lab_values(stack))
        write_private(state / "setup" / "cloudflare.json", json.dumps(setup, indent=2))
    return Prepared(cluster=cluster, stack_file=target, replaced=tuple(replaced))


def write_private(path: Path, text: str) -> None:
    """A file that only its owner reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)


def proxmox_setup(cluster: Cluster, values: Mapping[str, str]) -> dict[str, Any]:
    """The host before anybody's program touched it, in the simulator's own words.

    `values` are the lab's secrets by their keys: the accounts that exist before the first `up`.
    """
    proxmox = cluster.proxmox
    if proxmox is None:
        raise ValueError(f"{cluster.name} has no Proxmox VE")
    administrator = json.loads(values[PROXMOX_AUTH])
    token_id, _, secret = values[PROXMOX_TOKEN].partition("=")
    user, _, token = token_id.partition("!")
    return {
        "nodes": [host.name for host in proxmox.hosts],
        "bridges": [{"name": name} for name in sorted({host.bridge for host in proxmox.hosts})],
        "storages": list(storages(cluster)),
        "users": [
            {"id": administrator["username"], "password": administrator["password"]},
            {"id": user, "tokens": [{"id": token, "secret": secret, "privsep": False}]},
        ],
        "roles": [
            {"id": MACHINE_ROLE, "privileges": list(MACHINE_PRIVILEGES)},
            {"id": IMAGE_ROLE, "privileges": list(IMAGE_PRIVILEGES)},
        ],
        "acl": [{"path": path, "role": role, "user": user} for path, role in granted(cluster)],
    }


def storages(cluster: Cluster) -> Iterator[dict[str, Any]]:
    """The datastores the facts name: the image one with Import switched on, the others as ZFS."""
    proxmox = cluster.proxmox
    if proxmox is None:
        return
    content = ["iso", "vztmpl", "backup", "import"]
    yield {"name": proxmox.image_datastore, "type": "dir", "content": content, "sizeGiB": LOCAL_GIB}
    pools = {proxmox.machine_datastore}
    if cluster.storage.kind == "proxmoxCsi":
        pools.add(cluster.storage.datastore)
    for name in sorted(pools - {proxmox.image_datastore}):
        images = ["images", "rootdir"]
        yield {"name": name, "type": "zfspool", "content": images, "sizeGiB": POOL_GIB}


def granted(cluster: Cluster) -> Iterator[tuple[str, str]]:
    """The paths the everyday token works on, and the role it has there; nothing at the root."""
    proxmox = cluster.proxmox
    if proxmox is None:
        return
    yield "/vms", MACHINE_ROLE
    # Not on the pool itself: its entries go with it when a destroy removes it.
    yield "/pool", MACHINE_ROLE
    yield "/sdn/zones/localnetwork", MACHINE_ROLE
    yield from ((f"/nodes/{host.name}", MACHINE_ROLE) for host in proxmox.hosts)
    for storage in storages(cluster):
        name = storage["name"]
        own = frees_volumes(cluster) == name or name == proxmox.image_datastore
        yield f"/storage/{name}", IMAGE_ROLE if own else MACHINE_ROLE


def frees_volumes(cluster: Cluster) -> str | None:
    """The datastore whose volumes a destroy frees, when there is one."""
    storage = cluster.storage
    if storage.kind != "proxmoxCsi" or storage.shared_datastore:
        return None
    return storage.datastore
