"""What every machine's Talos is told: contract, extensions, kernel arguments, Tailscale.

The versions themselves stand in `config.versions`; here is what may differ between stacks.
"""

from enum import StrEnum

from pydantic import Field

from config.base import Cidr, HttpsUrl, Model

# Where every machine's own load balancer for the API servers listens: the machines' configuration
# opens it, and Cilium reaches the API through it.
KUBEPRISM_PORT = 7445


class Extension(StrEnum):
    """Official system extensions the stacks use, by their image-factory names."""

    QEMU_GUEST_AGENT = "siderolabs/qemu-guest-agent"
    TAILSCALE = "siderolabs/tailscale"
    ISCSI_TOOLS = "siderolabs/iscsi-tools"
    UTIL_LINUX_TOOLS = "siderolabs/util-linux-tools"
    LLDPD = "siderolabs/lldpd"
    ZFS = "siderolabs/zfs"
    NFS_UTILS = "siderolabs/nfs-utils"
    GVISOR = "siderolabs/gvisor"
    I915 = "siderolabs/i915"
    INTEL_UCODE = "siderolabs/intel-ucode"
    THUNDERBOLT = "siderolabs/thunderbolt"
    USB_MODEM_DRIVERS = "siderolabs/usb-modem-drivers"


class Tailscale(Model):
    """Control planes as subnet routers, so that the VPS reaches the cluster's addresses.

    The auth key is the secret `hearth:tailscaleAuthKey`. Routes the cluster itself uses are never
    accepted from the tailnet: traffic for the VIP would vanish into the tunnel.
    """

    advertise_routes: tuple[Cidr, ...] = Field(min_length=1)
    tags: tuple[str, ...] = Field(min_length=1)
    login_server: HttpsUrl | None = None


class Lldp(Model):
    """LLDP announcements, as an extension's own config document in every machine's main config."""

    description: str = "Talos Node"


class Talos(Model):
    """Talos settings of a cluster."""

    contract: str = Field(pattern=r"^v1\.\d+$")
    extensions: tuple[Extension, ...] = ()
    kernel_args: tuple[str, ...] = ()
    sysctls: dict[str, str] = Field(default_factory=dict)
    kernel_modules: tuple[str, ...] = ()
    udev_rules: tuple[str, ...] = ()
    encrypt_system_disks: bool = False
    schedule_on_control_planes: bool = False
    host_dns_forwarding: bool = True
    tailscale: Tailscale | None = None
    lldp: Lldp | None = None
