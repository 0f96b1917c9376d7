"""The FluxInstance that hands the cluster over to Git. Pure.

Its `sync` makes the source and the root Kustomization; the program makes neither, so that each has
one owner.
"""

import json
from typing import Any

from config import versions
from config.services import Gitops

INSTANCE = "flux"
DEPLOY_KEY = "flux-deploy-key"
COMPONENTS = (
    "source-controller",
    "kustomize-controller",
    "helm-controller",
    "notification-controller",
)

# The root Kustomization is named as the namespace. A path or branch that is changed, or a wrong one,
# would have it prune every other Kustomization, and those all that they have made.
ROOT = "flux-system"
KEPT = (
    {"op": "replace", "path": "/spec/prune", "value": False},
    {"op": "add", "path": "/spec/deletionPolicy", "value": "Orphan"},
)


def decrypted(secret: str) -> dict[str, Any]:
    """The operation that has the root decrypt what SOPS encrypted, by the age key in a Secret.

    It concerns the root's own files alone: a Kustomization inherits nothing from who made it.
    """
    value = {"provider": "sops", "secretRef": {"name": secret}}
    return {"op": "add", "path": "/spec/decryption", "value": value}


def spec(gitops: Gitops, age_secret: str | None = None) -> dict[str, Any]:
    """The instance's spec: distribution, controllers, and what is synchronised from where.

    `age_secret` names the Secret with the stack's age key, if it has one.
    """
    changes = [*KEPT, *([decrypted(age_secret)] if age_secret else [])]
    sync: dict[str, Any] = {
        "kind": "GitRepository",
        "url": gitops.repository,
        "ref": f"refs/heads/{gitops.branch}",
        "path": gitops.path,
        "interval": "5m",
    }
    if gitops.repository.startswith("ssh://"):
        sync["pullSecret"] = DEPLOY_KEY
    return {
        "distribution": {"version": versions.FLUX, "registry": "ghcr.io/fluxcd"},
        "components": list(COMPONENTS),
        "cluster": {
            "type": "kubernetes",
            "size": "small",
            "multitenant": False,
            "networkPolicy": True,
            "domain": "cluster.local",
        },
        "sync": sync,
        "kustomize": {
            "patches": [
                {
                    "target": {"kind": "Kustomization", "name": ROOT},
                    "patch": json.dumps(changes),
                }
            ]
        },
    }
