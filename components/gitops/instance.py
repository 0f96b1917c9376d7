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


def spec(gitops: Gitops) -> dict[str, Any]:
    """The instance's spec: distribution, controllers, and what is synchronised from where."""
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
                    "patch": json.dumps(KEPT),
                }
            ]
        },
    }
