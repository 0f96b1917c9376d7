"""Names that a stack gives to things outside itself, derived in one place.

Two stacks may share a Proxmox host, so every such name carries the stack's own; the collision
check compares exactly these.
"""

CSI_REALM = "pve"
# Cilium ends a cluster's name at 32 signs; Proxmox' user IDs, which carry it too, at 64.
CLUSTER_NAME_MAX = 32


def csi_role(stack: str) -> str:
    """The Proxmox role of the stack's storage driver."""
    return f"{stack}-csi"


def csi_user(stack: str) -> str:
    """The Proxmox user of the stack's storage driver."""
    return f"{stack}-csi@{CSI_REALM}"


def csi_token(stack: str) -> str:
    """The name of that user's token; Proxmox shows its secret once."""
    return f"{stack}-csi"


def image_file(stack: str, version: str, schematic_id: str) -> str:
    """The Talos image's file name on a datastore; the schematic's first digits tell two apart."""
    return f"{stack}-talos-{version}-{schematic_id[:12]}.qcow2"


def tunnel(stack: str) -> str:
    """The Cloudflare tunnel of the stack."""
    return f"hearth-{stack}"


def api_token(stack: str, user: str) -> str:
    """The Cloudflare API token that somebody in the stack's cluster uses."""
    return f"hearth-{stack}-{user}"


def ownership(stack: str) -> str:
    """What stands in the comment of every record that is the stack's."""
    return f"hearth:{stack}"


def talos_context(stack: str) -> str:
    """The context in talosconfig and the cluster's name in kubeconfig."""
    return stack


def proxmox_names(stack: str) -> dict[str, str]:
    """Every derived name on a Proxmox cluster, by what it names; an image without its version."""
    user = csi_user(stack)
    return {
        "role": csi_role(stack),
        "user": user,
        "token": f"{user}!{csi_token(stack)}",
        "image file": image_file(stack, "", ""),
    }
