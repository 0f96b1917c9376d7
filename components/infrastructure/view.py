"""What a preview may show of a machine's configuration.

The vendor's provider hides it all, because its input is secret. So the patch documents are kept a
second time in `pulumi.Stash`, redacted: paths on the list below are shown, everything else as a
keyed hash. An allow-list fails closed: a path nobody thought of is a hash, and still shows *that*
it changed. Keyed, because a plain hash of a short secret can be guessed.

Two groups tell a reader what a change costs: what Talos applies live, and what makes it reboot.
"""

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

from components.infrastructure.patches import Document
from components.infrastructure.reboots import reboots
from components.infrastructure.text import dumped

# Kinds whose every field is a plain fact.
OPEN_KINDS = frozenset(
    {"HostnameConfig", "LinkConfig", "ResolverConfig", "TimeSyncConfig", "Layer2VIPConfig"}
)
OPEN_PATHS = (
    "machine.certSANs",
    "machine.install",
    "machine.kubelet.nodeIP",
    "machine.kubelet.extraMounts",
    "machine.nodeLabels",
    "machine.features",
    "machine.sysctls",
    "machine.kernel",
    "machine.udev",
    "cluster.network",
    "cluster.proxy",
    "cluster.allowSchedulingOnControlPlanes",
    "cluster.apiServer.certSANs",
    "cluster.controllerManager.extraArgs",
    "cluster.etcd.advertisedSubnets",
    "provisioning",
    "filesystem",
)
NAMED = ("apiVersion", "kind", "name")


View = dict[str, dict[str, str]]
REBOOTS, LIVE = "reboots", "does not reboot"


def view(documents: list[Document], key: bytes) -> View:
    """Each document by its kind and name, redacted, as YAML that diffs line by line.

    The v1alpha1 document stands in two parts: under `reboots` what the machine reboots for, all
    else under `does not reboot`. Both groups are always there, so that a diff shows which it is.
    """
    shown: View = {REBOOTS: {}, LIVE: {}}
    for document in documents:
        name = ":".join(str(document[part]) for part in ("kind", "name") if part in document)
        for group, body in redacted(document, key).items():
            if body:
                text = dumped(body)
                shown[group][name or "v1alpha1"] = text
    return shown


def redacted(document: Document, key: bytes) -> dict[str, Document]:
    """The document by group, with every value off the list replaced by its keyed hash."""
    if document.get("kind") in OPEN_KINDS:
        return {LIVE: document}
    result: dict[str, Document] = {REBOOTS: {}, LIVE: {}}
    for path, value in leaves(document):
        group = REBOOTS if reboots(document, path) else LIVE
        put(result[group], path, value if is_open(path) else digest(value, key))
    return result


def is_open(path: tuple[str, ...]) -> bool:
    """Whether a path may be shown; names say which document it is only at its top."""
    dotted = ".".join(path)
    return dotted in NAMED or any(
        dotted == open_path or dotted.startswith(f"{open_path}.") for open_path in OPEN_PATHS
    )


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value that is not a map, with the keys that lead to it."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, str(key)))
    else:
        yield path, value


def put(target: Document, path: tuple[str, ...], value: Any) -> None:
    """Set a value deep inside nested maps."""
    for key in path[:-1]:
        target = target.setdefault(key, {})
    target[path[-1]] = value


def digest(value: Any, key: bytes) -> str:
    """A keyed hash: the same value gives the same text, and tells nothing else."""
    text = dumped(value).encode()
    return f"hidden:{hmac.new(key, text, hashlib.sha256).hexdigest()[:12]}"
