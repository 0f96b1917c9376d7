"""Every key of every input is one that the vendor's own package knows.

Python checks arguments that are named, and nobody those that stand in a dict: a misspelt one goes
over the wire, and the provider ignores it or refuses it in the middle of a run.
"""

from collections.abc import Iterator, Mapping
from typing import Any, get_args

import pulumi_kubernetes as k8s
import pulumi_proxmoxve as pve
import pulumi_random as random
import pulumiverse_talos as talos
import pytest
from pulumi import _types

from provider import plugin
from tests.graph.recorded import Graph

pytestmark = pytest.mark.graph

ARGUMENTS: dict[str, type] = {
    "kubernetes:core/v1:ConfigMap": k8s.core.v1.ConfigMapInitArgs,
    "kubernetes:core/v1:Namespace": k8s.core.v1.NamespaceInitArgs,
    "kubernetes:core/v1:Secret": k8s.core.v1.SecretInitArgs,
    "kubernetes:helm.sh/v3:Release": k8s.helm.v3.ReleaseArgs,
    "proxmoxve:download/file:File": pve.download.FileArgs,
    "proxmoxve:index/acl:Acl": pve.AclArgs,
    "proxmoxve:index/poolLegacy:PoolLegacy": pve.PoolLegacyArgs,
    "proxmoxve:index/roleLegacy:RoleLegacy": pve.RoleLegacyArgs,
    "proxmoxve:index/userLegacy:UserLegacy": pve.UserLegacyArgs,
    "proxmoxve:index/vmLegacy:VmLegacy": pve.VmLegacyArgs,
    "proxmoxve:user/token:Token": pve.user.TokenArgs,
    "random:index/randomPassword:RandomPassword": random.RandomPasswordArgs,
    "talos:cluster/kubeconfig:Kubeconfig": talos.cluster.KubeconfigArgs,
    "talos:imageFactory/schematic:Schematic": talos.imagefactory.SchematicArgs,
    "talos:machine/configurationApply:ConfigurationApply": talos.machine.ConfigurationApplyArgs,
    "talos:machine/secrets:Secrets": talos.machine.SecretsArgs,
}
# What the kubernetes package adds itself.
ADDED = {"apiVersion", "kind", "compat"}
# Free-form by nature: a custom resource, and what the engine keeps for us.
FREE = {"kubernetes:fluxcd.controlplane.io/v1:FluxInstance", "pulumi:index:Stash"}


def unknown_keys(given: Any, kind: Any, path: str = "") -> Iterator[str]:
    """Paths in an input that its argument class does not have."""
    if isinstance(given, list):
        inner = next((arg for arg in get_args(kind) if fields(element(arg))), None)
        for number, item in enumerate(given):
            yield from unknown_keys(item, element(inner), f"{path}[{number}]")
    elif isinstance(given, Mapping) and fields(kind):
        known = fields(kind)
        for key, value in given.items():
            where = f"{path}.{key}".lstrip(".")
            if key not in known:
                yield where
            else:
                yield from unknown_keys(value, known[key], where)


def element(kind: Any) -> Any:
    """`X` of the `X | Awaitable[X] | Output[X]` that lists are made of."""
    return next((item for item in get_args(kind) if isinstance(item, type)), kind)


def fields(kind: Any) -> dict[str, Any]:
    """The wire names of an argument class with their types; empty for anything else."""
    if not isinstance(kind, type) or not _types.is_input_type(kind):
        return {}
    found: dict[str, Any] = _types.input_type_types(kind)
    return found


def test_every_key_is_one_that_the_vendors_package_knows(graph: Graph) -> None:
    for item in graph.custom():
        if item.type in ARGUMENTS:
            given = {key: value for key, value in item.inputs.items() if key not in ADDED}
            assert list(unknown_keys(given, ARGUMENTS[item.type])) == [], item.name


def test_every_type_is_looked_at(graph: Graph) -> None:
    vendors = {item.type for item in graph.custom() if not item.type.startswith("hearth:")}
    assert vendors == set(ARGUMENTS) | FREE


def test_our_own_resources_get_what_they_require_and_what_they_speak_of(graph: Graph) -> None:
    for item in graph.custom():
        if item.type.startswith("hearth:"):
            resource = plugin.build().resources[item.type]
            assert set(resource.required) <= set(item.inputs), item.name
            _, failures = resource.check({}, item.inputs)
            assert failures == [], item.name
            said = resource.__class__.__doc__ or ""
            told = [key for key in item.inputs if f"`{key}`" not in said]
            assert told == [], (item.type, "inputs that its documentation does not name")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"cpu": {"corez": 1}}, ["cpu.corez"]),
        ({"disks": [{"interface": "scsi0", "importForm": "x"}]}, ["disks[0].importForm"]),
        ({"initialization": {"ipConfigs": [{"ipv4": {"adress": "x"}}]}}, ["initialization"]),
        ({"stopOnDestory": True}, ["stopOnDestory"]),
        ({"cpu": {"cores": 1}, "tags": ["a"]}, []),
    ],
)
def test_a_misspelt_key_is_found_however_deep(given: Any, expected: list[str]) -> None:
    found = list(unknown_keys(given, pve.VmLegacyArgs))
    assert len(found) == len(expected)
    assert all(path.startswith(start) for path, start in zip(found, expected, strict=True))
