"""What a preview may show of a machine's configuration.

The vendor's provider hides it all, because its input is secret. So the patch documents are kept a
second time in `pulumi.Stash`, redacted: paths on the list below are shown, everything else as a
keyed hash. An allow-list fails closed: a path nobody thought of is a hash, and still shows *that*
it changed. Keyed, because a plain hash of a short secret can be guessed.
"""

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

import yaml

from components.infrastructure.patches import Document

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


def view(documents: list[Document], key: bytes) -> dict[str, str]:
    """Each document by its kind and name, redacted, as YAML that diffs line by line."""
    shown: dict[str, str] = {}
    for document in documents:
        name = ":".join(str(document[part]) for part in ("kind", "name") if part in document)
        body = redacted(document, key)
        shown[name or "v1alpha1"] = yaml.safe_dump(body, sort_keys=True, width=100)
    return shown


def redacted(document: Document, key: bytes) -> Document:
    """The document with every value off the list replaced by its keyed hash."""
    if document.get("kind") in OPEN_KINDS:
        return document
    result: Document = {}
    for path, value in leaves(document):
        put(result, path, value if is_open(path) else digest(value, key))
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
    text = yaml.safe_dump(value, sort_keys=True).encode()
    return f"hidden:{hmac.new(key, text, hashlib.sha256).hexdigest()[:12]}"
