"""A field that an object's kind does not have, or one that cannot be what it is.

Held against the definition of the version that the tree installs, and for Kubernetes' own kinds
against the client's models. Flux applies server-side, which refuses what the schema does not have.
"""

from collections.abc import Iterator

from checks.finding import Finding, Rule
from checks.gitops_tree import Placed
from checks.kubernetes_kinds import kind_schema, metadata_schema
from checks.schema import Schema, Wrong, misfits
from checks.tree.model import Tree, finding

NAME = "unknown-field"
# Written by the cluster, or judged as what every object has.
NOT_OWN = frozenset({"apiVersion", "kind", "metadata", "status"})


def find(tree: Tree) -> Iterator[Finding]:
    """One finding for each field."""
    for item in tree.objects:
        schema = schema_of(tree, item)
        if schema is None or "sops" in item.document:
            # What SOPS has encrypted is text wherever it stands, until Flux decrypts it.
            continue
        for wrong in misfits_of(item, schema):
            yield finding(
                item,
                NAME,
                f"{item.kind} {item.name}: {wrong.message}; the cluster refuses it, and Flux then "
                f"applies nothing of Kustomization {item.brought_by}",
                wrong.fix,
                *wrong.path,
            )


def schema_of(tree: Tree, item: Placed) -> Schema | None:
    """The schema of an object's kind in its version; None where it is not known."""
    version = str(item.document.get("apiVersion", "")).rpartition("/")[2]
    known = tree.definitions.get((item.group, item.kind))
    if known is not None:
        return known.versions.get(version)
    return kind_schema(item.group, version, item.kind)


def misfits_of(item: Placed, schema: Schema) -> Iterator[Wrong]:
    """What does not fit of an object's metadata, and of the rest."""
    yield from misfits(item.document.get("metadata"), metadata_schema(), ("metadata",))
    own = {key: value for key, value in item.document.items() if key not in NOT_OWN}
    required = [key for key in schema.get("required") or () if key not in NOT_OWN]
    yield from misfits(own, {**schema, "required": required})


RULE = Rule(
    name=NAME,
    forbids="a field that the kind does not have, or a value of another type than it takes",
    outage="CloudNativePG's Backup has no field `immediate`: nothing of the Home Assistant stack "
    "could be deployed until it was taken out",
    find=find,
)
