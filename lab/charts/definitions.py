"""Open CustomResourceDefinitions: group, version and kind are the vendor's, the schema is not.

They take the place of generated ones that are not there, and say so in an annotation. With them an
API server knows the kind and refuses no field.
"""

from collections.abc import Mapping
from typing import Any, Final

OPEN: Final = "lab.hearth/schema"
# Groups that an API server takes from nobody without a word on who allowed it
# (kubernetes/enhancements pull 1111).
PROTECTED: Final = (".k8s.io", ".kubernetes.io")
APPROVED: Final = "api-approved.kubernetes.io"
_ANYTHING: Final = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def open_definition(kind: Mapping[str, Any]) -> dict[str, Any]:
    """A definition of `{group, version, kind, plural, scope}`; Namespaced if unsaid."""
    group, plural, name = kind["group"], kind["plural"], kind["kind"]
    properties = {"spec": _ANYTHING, "status": _ANYTHING}
    schema = {**_ANYTHING, "properties": properties}
    version = {
        "name": kind["version"],
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": schema},
    }
    annotations = {OPEN: "open"}
    if f".{group}".endswith(PROTECTED):
        annotations[APPROVED] = "unapproved, it stands in for the vendor's"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}", "annotations": annotations},
        "spec": {
            "group": group,
            "scope": kind.get("scope", "Namespaced"),
            "names": {
                "kind": name,
                "listKind": f"{name}List",
                "plural": plural,
                "singular": name.lower(),
            },
            "versions": [version],
        },
    }
