"""Which changes of a machine's configuration Talos applies live, and which make it reboot.

Pure, and Talos' own rule: in mode `auto` a machine reboots for every change outside this list
(`CanApplyImmediate` in internal/app/machined/pkg/runtime/v1alpha1/v1alpha1_runtime.go, v1.13.0).
It looks at the v1alpha1 document alone: documents with a `kind` never make a machine reboot. Not
here: whether a live change has its effect at once; an installer image has it at the next upgrade.
"""

from components.infrastructure.patches import Document

LIVE_PATHS = (
    "debug",
    "cluster",
    "machine.ca",
    "machine.acceptedCAs",
    "machine.time",
    "machine.certSANs",
    "machine.install",
    "machine.network",
    "machine.sysfs",
    "machine.sysctls",
    "machine.logging",
    "machine.controlPlane",
    "machine.kubelet",
    "machine.kernel",
    "machine.registries",
    "machine.pods",
    "machine.seccompProfiles",
    "machine.nodeAnnotations",
    "machine.nodeLabels",
    "machine.nodeTaints",
    "machine.features.kubernetesTalosAPIAccess",
    "machine.features.kubePrism",
    "machine.features.hostDNS",
    "machine.features.imageCache",
    "machine.features.nodeAddressSortAlgorithm",
)


def reboots(document: Document, path: tuple[str, ...]) -> bool:
    """Whether a change at `path` of a document makes the machine reboot."""
    if "kind" in document:
        return False
    return not any(path[: len(live)] == live for live in _LIVE)


_LIVE = tuple(tuple(path.split(".")) for path in LIVE_PATHS)
