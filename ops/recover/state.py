"""The stack's state as `pulumi stack export` prints it: what is pending, and the state without it.

Pure. The engine itself keeps a pending create until somebody settles it, and drops every pending
operation in `pulumi stack import`; `--import-pending-creates` only changes the word (CLI 3.253.0),
so what is adopted is written into the list of resources here, and a refresh fills it in.
"""

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from ops.recover.findings import Finding

Document = dict[str, Any]
SIGNATURE = "4dabf18193072939515e22adb298388d"
CREATING = "creating"
IN_CLUSTER = "kubernetes:"


@dataclass(frozen=True, kw_only=True)
class Pending:
    """One operation that was cut off: creating, updating, deleting, reading or importing."""

    urn: str
    kind: str
    operation: str
    inputs: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The resource's type and logical name, for a person."""
        return f"{self.kind.rpartition(':')[2]} {self.urn.rpartition('::')[2]}"


def pending(document: Document) -> list[Pending]:
    """What was cut off, each resource and operation once."""
    found: dict[tuple[str, str], Pending] = {}
    for item in document["deployment"].get("pending_operations") or []:
        resource, operation = item["resource"], str(item["type"])
        found[resource["urn"], operation] = Pending(
            urn=resource["urn"],
            kind=str(resource["type"]),
            operation=operation,
            inputs=plain(resource.get("inputs") or {}),
        )
    return list(found.values())


def has(document: Document, urn: str) -> bool:
    """Whether the state holds a resource that a later run made all the same."""
    return any(
        item["urn"] == urn and not item.get("delete") and not item.get("pendingReplacement")
        for item in document["deployment"].get("resources") or []
    )


def settled(document: Document, adopted: Mapping[str, Finding]) -> Document:
    """The state with nothing pending, and with what was adopted at its end.

    What is pending depends on finished resources only, so the end is a place in good order.
    """
    copy = deepcopy(document)
    deployment = copy["deployment"]
    operations = deployment.pop("pending_operations", None) or []
    creates = {
        item["resource"]["urn"]: item["resource"] for item in operations if item["type"] == CREATING
    }
    resources = [
        item
        for item in deployment.get("resources") or []
        # The place it was deleted for is taken again.
        if not (item["urn"] in adopted and item.get("pendingReplacement"))
    ]
    for urn, finding in adopted.items():
        made, inputs = creates[urn], creates[urn].get("inputs") or {}
        outputs = {**inputs, **finding.outputs}
        if str(made["type"]).startswith(IN_CLUSTER):
            # Without it a refresh would take this for an import, and forget what was asked for.
            outputs["__inputs"] = inputs
        resources.append({**made, "id": finding.identity, "outputs": outputs})
    deployment["resources"] = resources
    return copy


def plain(value: Any) -> Any:
    """A value without the marks of secrets; a cipher text becomes None, it is nobody's name."""
    if isinstance(value, dict):
        if SIGNATURE in value:
            return json.loads(value["plaintext"]) if "plaintext" in value else None
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def output(document: Document, kind: str, name: str) -> str | None:
    """An output of the only resource of a type, None when there is none."""
    for item in document["deployment"].get("resources") or []:
        if item["type"] == kind and name in (item.get("outputs") or {}):
            return str(plain(item["outputs"][name]))
    return None
