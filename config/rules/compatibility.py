"""Versions that fit: Talos, Kubernetes, Cilium, and the contract a stack was generated under.

The tables stand in `config.versions`, each with the vendor's page it was read from.
"""

from collections.abc import Iterator

from config.cluster import Cluster
from config.rules.model import Finding, over_cluster, over_versions
from config.versions import CILIUM_KUBERNETES, TALOS, TALOS_KUBERNETES, Versions, minor

_FILE = "/config/versions.py"


def _minor_text(version: str) -> str:
    return ".".join(map(str, minor(version)))


def _outside(
    table: dict[str, tuple[str, str]], what: str, version: str, kubernetes: str
) -> Iterator[Finding]:
    """Findings when a version's row is missing, or Kubernetes is not in it."""
    row = table.get(_minor_text(version))
    name = what.upper()
    if row is None:
        yield Finding(
            path=f"{_FILE}: {name}",
            value=version,
            message=f"{version} has no row in {name}_KUBERNETES ({', '.join(table)})",
            fix=f"read {what}'s compatibility page and add its row",
        )
    elif not minor(row[0]) <= minor(kubernetes) <= minor(row[1]):
        yield Finding(
            path=f"{_FILE}: KUBERNETES",
            value=kubernetes,
            message=f"{kubernetes} does not fit {what} {version}, which takes {row[0]} to {row[1]}",
            fix=f"pin a Kubernetes of {row[0]} to {row[1]}, or another {what}",
        )


@over_versions("talos-kubernetes", "Talos supports the pinned Kubernetes")
def talos_kubernetes(versions: Versions) -> Iterator[Finding]:
    """Talos refuses to generate or apply a config for another one."""
    yield from _outside(TALOS_KUBERNETES, "Talos", versions.talos, versions.kubernetes)


@over_versions("cilium-kubernetes", "Cilium is tested with the pinned Kubernetes")
def cilium_kubernetes(versions: Versions) -> Iterator[Finding]:
    """As its documentation lists them."""
    yield from _outside(CILIUM_KUBERNETES, "Cilium", versions.cilium, versions.kubernetes)


@over_cluster("talos-contract", "The Talos contract is not newer than the Talos installed")
def talos_contract(cluster: Cluster) -> Iterator[Finding]:
    """A config may be older than the system that reads it, never newer."""
    contract = cluster.talos.contract
    if minor(contract) > minor(TALOS):
        yield Finding(
            path="talos.contract",
            value=contract,
            message=f"{contract} is newer than Talos {TALOS} (config/versions.py)",
            fix=f"use v{_minor_text(TALOS)} for a new cluster; "
            "a cluster that lives keeps the contract it was made with",
        )
