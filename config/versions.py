"""Every version the program installs, in one place, with the markers Renovate reads.

A stack pins only its Talos *contract* (`talosContract`): what the machine secrets and configs were
generated for. It stays for the cluster's life; raising it renames etcd's encryption key
(siderolabs/talos#13885).
"""

from dataclasses import dataclass

# The Talos provider 0.8.1 was built against machinery 1.13.0, and so are the lab's tools.
# renovate: datasource=github-releases depName=siderolabs/talos
TALOS = "v1.13.0"
# renovate: datasource=github-releases depName=kubernetes/kubernetes
KUBERNETES = "v1.36.3"


@dataclass(frozen=True)
class Chart:
    """A Helm chart: its repository (https, or an `oci://` folder), its name and its version."""

    repository: str
    name: str
    version: str

    @property
    def is_oci(self) -> bool:
        """Whether the chart comes from an OCI registry."""
        return self.repository.startswith("oci://")

    @property
    def reference(self) -> str:
        """What `helm pull` takes: `oci://registry/name`, or the bare name beside `--repo`."""
        return f"{self.repository}/{self.name}" if self.is_oci else self.name


# renovate: datasource=helm registryUrl=https://helm.cilium.io depName=cilium
CILIUM = Chart("https://helm.cilium.io", "cilium", "1.20.2")
# renovate: datasource=docker depName=ghcr.io/sergelogvinov/charts/proxmox-csi-plugin
PROXMOX_CSI = Chart("oci://ghcr.io/sergelogvinov/charts", "proxmox-csi-plugin", "0.5.9")
# renovate: datasource=docker depName=ghcr.io/controlplaneio-fluxcd/charts/flux-operator
FLUX_OPERATOR = Chart("oci://ghcr.io/controlplaneio-fluxcd/charts", "flux-operator", "0.58.1")
# The Flux distribution that flux-operator installs.
# renovate: datasource=github-releases depName=fluxcd/flux2
FLUX = "2.9.x"

# Kubernetes minors that Talos' machinery accepts, from its own compatibility table
# (pkg/machinery/compatibility/talos113, v1.13.0).
TALOS_KUBERNETES: dict[str, tuple[str, str]] = {"1.12": ("1.30", "1.35"), "1.13": ("1.31", "1.36")}
# Kubernetes minors that Cilium's documentation lists as tested
# (Documentation/network/kubernetes/compatibility.rst at v1.20.2: 1.33, 1.34, 1.35, 1.36).
CILIUM_KUBERNETES: dict[str, tuple[str, str]] = {"1.20": ("1.33", "1.36")}


@dataclass(frozen=True, kw_only=True)
class Versions:
    """The versions that must fit each other; rules look at these, never at the constants."""

    talos: str = TALOS
    kubernetes: str = KUBERNETES
    cilium: str = CILIUM.version


def minor(version: str) -> tuple[int, int]:
    """Major and minor of `v1.13.0`, `1.20.2` or `v1.13`, for comparing."""
    major, _, rest = version.removeprefix("v").partition(".")
    return int(major), int(rest.partition(".")[0])
