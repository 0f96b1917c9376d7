"""What becomes of each type of resource whose create was cut off: the table of docs/recovery.md.

Pure. `asks` names the vendor whose world is looked at; without one the create is simply done again
by the next `up`. A type that no row covers is named and left.
"""

from dataclasses import dataclass
from enum import StrEnum


class Vendor(StrEnum):
    """Whom recover asks."""

    PROXMOX = "Proxmox VE"
    KUBERNETES = "Kubernetes"
    CLOUDFLARE = "Cloudflare"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One type token, or all that begin with it where it ends with `*`."""

    types: str
    then: str
    asks: Vendor | None = None
    ours: str = ""

    def covers(self, kind: str) -> bool:
        """Whether this row is about a type token."""
        prefix = self.types.removesuffix("*")
        return kind.startswith(prefix) if prefix != self.types else kind == self.types


VM = "proxmoxve:index/vmLegacy:VmLegacy"
FILE = "proxmoxve:download/file:File"
POOL = "proxmoxve:index/poolLegacy:PoolLegacy"
ROLE = "proxmoxve:index/roleLegacy:RoleLegacy"
USER = "proxmoxve:index/userLegacy:UserLegacy"
TOKEN = "proxmoxve:user/token:Token"  # noqa: S105 - a type
DNS_RECORD = "cloudflare:index/dnsRecord:DnsRecord"
TUNNEL = "cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared"
TUNNEL_CONFIG = "cloudflare:index/zeroTrustTunnelCloudflaredConfig:ZeroTrustTunnelCloudflaredConfig"
ACCOUNT_TOKEN = "cloudflare:index/accountToken:AccountToken"  # noqa: S105 - a type
ADOPTED_HOST = "hearth:index:AdoptedHost"
CONVERGENCE = "hearth:index:Convergence"
HOST_PREFLIGHT = "hearth:index:HostPreflight"
RELEASE = "kubernetes:helm.sh/v3:Release"
OBJECT = "kubernetes:*"

ROWS = (
    Row(types="pulumi:providers:*", then="cleared: a provider is configuration, made nowhere"),
    Row(types="pulumi:index:Stash", then="cleared: it lives in the state alone"),
    Row(
        types=ADOPTED_HOST,
        then="cleared: made again, it takes a host that is adopted already as it is, and goes on "
        "with one that still waits in maintenance mode",
    ),
    Row(
        types=CONVERGENCE,
        then="cleared: it only watches, and watches again; what a destroy suspended is taken back",
    ),
    Row(types=HOST_PREFLIGHT, then="cleared: it only looks, and looks again"),
    Row(
        types="hearth:index:*",
        then="cleared: they wait, check, or ask first what is there; a gate waits again",
    ),
    Row(types="random:*", then="cleared: it lives in the state alone, and nothing has used it yet"),
    Row(
        types="talos:machine/secrets:Secrets",
        then="cleared: it lives in the state alone, and no machine has seen it yet",
    ),
    Row(
        types="talos:imageFactory/schematic:Schematic",
        then="cleared: the factory knows a schematic by its content",
    ),
    Row(
        types="talos:machine/configurationApply:ConfigurationApply",
        then="cleared: the same configuration again changes nothing",
    ),
    Row(types="talos:cluster/kubeconfig:Kubeconfig", then="cleared: it is asked for again"),
    Row(
        types=VM,
        asks=Vendor.PROXMOX,
        ours="VMID, name and description",
        then="adopted when it runs with its disks in full size and no lock, else removed: nothing "
        "was ever installed on it",
    ),
    Row(
        types=FILE,
        asks=Vendor.PROXMOX,
        ours="its file name, which carries the stack's",
        then="adopted: Proxmox VE gives a download its name when it is whole",
    ),
    Row(types=POOL, asks=Vendor.PROXMOX, ours="name and comment", then="adopted"),
    Row(types=ROLE, asks=Vendor.PROXMOX, ours="name and privileges", then="adopted"),
    Row(types=USER, asks=Vendor.PROXMOX, ours="name and comment", then="adopted"),
    Row(
        types=TOKEN,
        asks=Vendor.PROXMOX,
        ours="user, name and comment",
        then="removed: its secret was shown once, to nobody",
    ),
    Row(types="proxmoxve:index/acl:Acl", then="cleared: the same entry again changes nothing"),
    Row(types=DNS_RECORD, asks=Vendor.CLOUDFLARE, ours="name, type and comment", then="adopted"),
    Row(
        types=TUNNEL,
        asks=Vendor.CLOUDFLARE,
        ours="name, which carries the stack's",
        then="adopted",
    ),
    Row(types=TUNNEL_CONFIG, then="cleared: the same rules again change nothing"),
    Row(
        types=ACCOUNT_TOKEN,
        asks=Vendor.CLOUDFLARE,
        ours="name, which carries the stack's",
        then="removed: its value was told once, to nobody",
    ),
    Row(
        types=RELEASE,
        asks=Vendor.KUBERNETES,
        ours="name, namespace, and the chart in Helm's record",
        then="adopted when deployed; else Helm's record is removed, and the next install takes "
        "over the objects that carry the release's annotations",
    ),
    Row(
        types=OBJECT,
        asks=Vendor.KUBERNETES,
        ours="name, namespace, and a field manager of Pulumi's",
        then="adopted",
    ),
)


def row_of(kind: str) -> Row | None:
    """The first row that covers a type token."""
    return next((row for row in ROWS if row.covers(kind)), None)


def markdown() -> str:
    """The table as docs/recovery.md shows it."""
    head = "| type | asked | ours when these agree | then |\n|---|---|---|---|\n"
    return head + "".join(
        f"| `{row.types}` | {row.asks or '-'} | {row.ours or '-'} | {row.then} |\n" for row in ROWS
    )
