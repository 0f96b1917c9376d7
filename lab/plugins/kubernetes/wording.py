"""What the vendor's plugin says, word for word: users search for these sentences.

Texts only. The explanation of what to do about them belongs to the program that uses the plugin.
"""

from __future__ import annotations

import json

from lab.plugins.kubernetes.kinds import GroupVersionKind

UNREACHABLE_HINT = (
    "you can remove this resource from Pulumi state by rerunning the operation with the "
    'PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"'
)
DROPPED = (
    "configured Kubernetes cluster is unreachable and the `deleteUnreachable` option is enabled. "
    "Deleting the unreachable resource from Pulumi state"
)
KEEP_OWNED = (
    "this Patch resource is currently managing a required field, so it can't be deleted directly. "
    "Either set the `retainOnDelete` resource option, or transfer ownership of the field before "
    "deleting"
)
LISTS = (
    "list resources exist for compatibility with YAML manifests and Helm charts, and cannot be "
    "created directly. Use the underlying resource type instead"
)
PATCH_NEEDS_APPLY = (
    "patch resources require Server-Side Apply mode, which is enabled using the "
    "`enableServerSideApply` Provider config"
)
PATCH_NEEDS_NAME = "patch resources require the `.metadata.name` field to be set"
NO_GENERATE_NAME = "the `.metadata.generateName` field is not supported in Server-Side Apply mode"
UNREADABLE = (
    "failed to read resource state due to unreachable cluster. If the cluster was deleted, "
    + UNREACHABLE_HINT
)
UNDELETABLE = (
    "configured Kubernetes cluster is unreachable. If the cluster was deleted, " + UNREACHABLE_HINT
)


def quoted(text: str) -> str:
    """As Go's %q prints it."""
    return json.dumps(text, ensure_ascii=False)


def unreachable(reason: str) -> str:
    """The one sentence for every operation on a cluster that did not answer."""
    return f"configured Kubernetes cluster is unreachable: {reason}"


def no_such_kind(verb: str, urn: str, gvk: GroupVersionKind | None, error: object) -> str:
    """A create or update of a kind that the API server does not serve."""
    kind = f" with kind {gvk}" if gvk else ""
    return (
        f"{verb} of resource {quoted(urn)}{kind} failed because the Kubernetes API server "
        "reported that the apiVersion for this resource does not exist. Verify that any required "
        f"CRDs have been created: {error}"
    )


def not_created(urn: str, error: str) -> str:
    """A create that the API server refused."""
    return (
        f"resource {quoted(urn)} was not successfully created by the Kubernetes API server: {error}"
    )


def created_not_live(urn: str, error: object) -> str:
    """A create that succeeded and a wait that did not."""
    return (
        f"resource {quoted(urn)} was successfully created, but the Kubernetes API server "
        f"reported that it failed to fully initialize or become live: {error}"
    )


def not_live(identifier: str, error: object) -> str:
    """An update whose object is not ready."""
    return (
        f"the Kubernetes API server reported that {quoted(identifier)} failed to fully initialize "
        f"or become live: {error}"
    )
