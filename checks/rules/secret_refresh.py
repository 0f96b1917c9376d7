"""A generated value that is generated again and again.

ExternalSecrets refresh by the hour where they say nothing, and a Password, an SSHKey or a UUID is
another one each time. Generators of tokens that end, for registries and clouds, have to refresh.

Source: external-secrets.io/latest/api/externalsecret, `refreshPolicy`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from checks.finding import Finding, Rule
from checks.tree.model import Tree, View, mapping, sequence

NAME = "secret-refresh"
GROUP = "external-secrets.io"
ONCE_ONLY = {"Password", "SSHKey", "UUID"}
NEVER = re.compile(r"0+[a-z]*")


def find(tree: Tree) -> Iterator[Finding]:
    """One finding for each generator that an ExternalSecret asks again."""
    for secret in tree.of("ExternalSecret"):
        if secret.item.group != GROUP or not refreshes(secret):
            continue
        for number, source in enumerate(sequence(secret.spec, "dataFrom")):
            reference = mapping(source, "sourceRef", "generatorRef")
            kind = generated(tree, reference)
            if kind in ONCE_ONLY:
                yield secret.finding(
                    NAME,
                    f"ExternalSecret {secret.name} asks the {kind} generator "
                    f"{reference.get('name')} again every {every(secret)}, and gets another value "
                    "each time: what was set up with the first one is locked out",
                    "add `refreshPolicy: CreatedOnce` to its spec, and push the value to the "
                    "vault where it must outlive the cluster",
                    *("spec", "dataFrom", number, "sourceRef", "generatorRef"),
                )


def refreshes(secret: View) -> bool:
    """Whether it asks again by the clock."""
    periodic = secret.spec.get("refreshPolicy", "Periodic") == "Periodic"
    return periodic and not NEVER.fullmatch(every(secret))


def every(secret: View) -> str:
    """How often."""
    return str(secret.spec.get("refreshInterval", "1h"))


def generated(tree: Tree, reference: Mapping[str, Any]) -> str:
    """The kind of generator that a reference means in the end."""
    kind = str(reference.get("kind", ""))
    if kind != "ClusterGenerator":
        return kind
    named = (one for one in tree.of(kind) if one.name == reference.get("name"))
    return next((str(one.spec.get("kind", "")) for one in named), "")


RULE = Rule(
    name=NAME,
    forbids="a generated password, key or id that is generated again by the clock",
    outage="an hour after it was set up, the password in the Secret is another one than the "
    "database knows: the next pod that starts cannot log in",
    find=find,
)
