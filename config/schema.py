"""The JSON Schema of a whole stack file, for editors: completion, descriptions, red underlines.

It knows forms and keys; what facts may not meet what is said by the rules, which an editor cannot.
"""

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from config.cluster import Cluster
from config.identity import IDENTITY_KEY, Identity
from config.load import CLUSTER_KEY
from config.secret_keys import SECRET_KEYS

SCHEMA_FILE = Path("docs") / "schema" / "stack.schema.json"
FIRST_LINE = f"# yaml-language-server: $schema={SCHEMA_FILE.as_posix()}"
_REFERENCES = "#/$defs/{model}"
_SECURE = {
    "type": "object",
    "properties": {"secure": {"type": "string", "pattern": "^v1:"}},
    "required": ["secure"],
    "additionalProperties": False,
}


class _Untitled(GenerateJsonSchema):
    """Without a title per field: it would only repeat the key, badly."""

    def field_title_should_be_set(self, schema: core_schema.CoreSchema) -> bool:
        """No field has a title."""
        del schema
        return False


def _model(model: type[Cluster] | type[Identity], shared: dict[str, Any]) -> dict[str, Any]:
    """A model's schema, with its definitions moved to the shared ones."""
    schema = model.model_json_schema(
        by_alias=True, ref_template=_REFERENCES, schema_generator=_Untitled
    )
    shared |= schema.pop("$defs", {})
    return schema


def stack_schema() -> dict[str, Any]:
    """The schema of `Pulumi.<stack>.yaml`."""
    shared: dict[str, Any] = {}
    keys: dict[str, Any] = {
        CLUSTER_KEY: _model(Cluster, shared),
        IDENTITY_KEY: _model(Identity, shared),
    }
    keys |= {
        key: {**_SECURE, "description": f"{what}; set it with `pulumi config set --secret {key}`"}
        for key, what in SECRET_KEYS.items()
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A Hearth stack",
        "type": "object",
        "properties": {
            "encryptionsalt": {"type": "string"},
            "encryptedkey": {"type": "string"},
            "secretsprovider": {"type": "string"},
            "config": {
                "type": "object",
                "properties": keys,
                "required": [CLUSTER_KEY],
                "patternProperties": {"^(?!hearth:)": {}},
                "additionalProperties": False,
            },
        },
        "required": ["config"],
        "$defs": dict(sorted(shared.items())),
    }


def schema_text() -> str:
    """The schema as it is committed."""
    return json.dumps(stack_schema(), indent=2) + "\n"
