"""Open CustomResourceDefinitions: group, version and kind are the vendor's, the schema is not.

They take the place of generated ones that are not there, and say so in an annotation. With them an
API server knows the kind and refuses no field.
"""

from collections.abc import Mapping
from typing import Any, Final

OPEN: Final = "lab.hearth/schema"
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
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}", "annotations": {OPEN: "open"}},
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
