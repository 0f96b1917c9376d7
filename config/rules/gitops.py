"""The hand-over to Flux: its path names the stack, its settings have names that it can use."""

import re
from collections.abc import Iterator

from config.cluster import Cluster
from config.rules.model import Finding, over_cluster

# What Flux' post-build substitution takes as a variable's name.
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@over_cluster("gitops-path", "gitops.path ends with the cluster's name")
def gitops_path(cluster: Cluster) -> Iterator[Finding]:
    """A copied stack file would otherwise make two clusters of one tree."""
    if cluster.gitops.path.rstrip("/").rpartition("/")[2] != cluster.name:
        yield Finding(
            path="gitops.path",
            value=cluster.gitops.path,
            message=f"{cluster.gitops.path} does not end with {cluster.name}, the cluster's name",
            fix=f"use ./gitops/clusters/{cluster.name}",
        )


@over_cluster("settings-names", "Settings have names that Flux can substitute")
def settings_names(cluster: Cluster) -> Iterator[Finding]:
    """Flux leaves `${time-zone}` to fail as a default expression, in every Kustomization."""
    for name in cluster.seeds.settings:
        if not _VARIABLE.fullmatch(name):
            meant = re.sub(r"[^A-Za-z0-9_]", "_", name).lstrip("0123456789")
            yield Finding(
                path=f"seeds.settings.{name}",
                value=name,
                message=f"{name} cannot stand in ${{...}}: letters, digits and _ only",
                fix=f"did you mean {meant}?" if meant else "name it with letters",
            )
