"""Which nested attributes the provider requires, and how it says that one is missing. Pure.

The framework reports each missing attribute on its own; the bridge turns those of the top level
into failures of the property, logs the others and fails with the first. A nested dict in snake_case
fails here too: its keys are unknown, so they are ignored, and the real ones are missing.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from provider.rpc import Failure, InvalidArguments, Properties, Refused, operation

Tree: TypeAlias = "Mapping[str, Tree]"

_PAIR: Final[Tree] = {"cert": {}, "key": {}}
CLIENT: Final[Tree] = {"caCertificate": {}, "clientCertificate": {}, "clientKey": {}}
MACHINE_SECRETS: Final[Tree] = {
    "certs": {
        "etcd": _PAIR,
        "k8s": _PAIR,
        "k8sAggregator": _PAIR,
        "k8sServiceaccount": {"key": {}},
        "os": _PAIR,
    },
    "cluster": {"id": {}, "secret": {}},
    "secrets": {"bootstrapToken": {}, "secretboxEncryptionSecret": {}},
    "trustdinfo": {"token": {}},
}
_SUMMARY: Final = "Missing Configuration for Required Attribute"


def require(arguments: Properties, wanted: Tree) -> None:
    """Fail as the real plugin does when something that `wanted` names is missing."""
    missing = list(_missing(arguments, wanted, ""))
    top = [path for path in missing if "." not in path]
    if top:
        raise InvalidArguments([Failure(path, f"{_SUMMARY}: {_detail(path)}") for path in top])
    for path in missing:
        operation.current().error(f'[ERROR] property "{path}": {_detail(path)}')
    if missing:
        raise Refused(f"[{missing[0]}] {_SUMMARY}: {_detail(missing[0])}")


def _missing(given: Mapping[str, Any], wanted: Tree, above: str) -> Iterator[str]:
    for name, inner in wanted.items():
        path = f"{above}.{name}" if above else name
        value = given.get(name)
        if value is None:
            yield path
        elif isinstance(value, Mapping):
            yield from _missing(value, inner, path)


def _detail(path: str) -> str:
    head, _, last = path.rpartition(".")
    snake = re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: f"_{found[1].lower()}", last)
    attribute = f"{head}.{snake}" if head else snake
    return (
        f"Must set a configuration value for the {attribute} attribute as the provider has marked "
        "it as required.\n\nRefer to the provider documentation or contact the provider developers "
        "for additional information about configurable attributes that are required."
    )
