"""API tokens, a user's and an account's.

`policies[].resources` is JSON in a string for the program and an object for the API, nested
objects included. A token's value is told once, at its creation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from lab.plugins.cloudflare.names import to_api
from lab.plugins.cloudflare.resources import Bridged
from provider.rpc import UNKNOWN, Failure, Properties, Secret, plain

_COMPUTED = (
    "creatorEmailAtCreation",
    "issuedOn",
    "lastUsedOn",
    "modifiedOn",
    "provisionerId",
    "provisionerType",
    "status",
    "value",
)


class ApiToken(Bridged):
    """`ApiToken`: a token of the user."""

    required: ClassVar[Sequence[str]] = ("name", "policies")
    computed = _COMPUTED
    optional_computed = ("status",)
    secret_outputs = ("value",)

    def check(self, olds: Properties, news: Properties) -> tuple[Properties, list[Failure]]:
        """Resources have to be JSON objects; one spelling of them, groups in order."""
        inputs, failures = super().check(olds, news)
        policies = plain(inputs.get("policies"))
        if not isinstance(policies, list):
            return inputs, failures
        inputs["policies"] = [dict(policy) for policy in policies if isinstance(policy, dict)]
        for index, policy in enumerate(inputs["policies"]):
            resources = policy.get("resources")
            if resources is not UNKNOWN and _object(resources) is None:
                text = f"must be a JSON object in a string, got {type(resources).__name__}"
                failures.append(Failure(f"policies[{index}].resources", text))
            elif resources is not UNKNOWN:
                policy["resources"] = _spelled(_object(resources))
            groups = policy.get("permissionGroups")
            if isinstance(groups, list):
                policy["permissionGroups"] = _ordered(groups)
        return inputs, failures

    def path(self, inputs: Mapping[str, Any]) -> str:
        """The user's tokens."""
        del inputs
        return "/user/tokens"

    def body(self, inputs: Mapping[str, Any]) -> Any:
        """The token, its resources as objects."""
        token = super().body(inputs)
        token["policies"] = [
            {**to_api(policy), "resources": _object(policy["resources"])}
            for policy in inputs["policies"]
        ]
        return token

    def outputs(self, live: Mapping[str, Any], inputs: Properties) -> Properties:
        """The token in the program's words; `value` only right after its creation."""
        found = super().outputs({k: v for k, v in live.items() if k != "policies"}, inputs)
        found["policies"] = [
            {
                "effect": policy.get("effect"),
                "permissionGroups": _ordered(
                    [{"id": g["id"]} for g in policy["permission_groups"]]
                ),
                "resources": _spelled(policy.get("resources")),
            }
            for policy in live.get("policies") or []
        ]
        if found.get("value") is not None:
            found["value"] = Secret(plain(found["value"]))
        return found


class AccountToken(ApiToken):
    """`AccountToken`: a token of an account."""

    required: ClassVar[Sequence[str]] = ("accountId", "name", "policies")
    replace_on = ("accountId",)

    def path(self, inputs: Mapping[str, Any]) -> str:
        """The account's tokens."""
        return f"/accounts/{inputs['accountId']}/tokens"


def _object(resources: Any) -> dict[str, Any] | None:
    try:
        found = json.loads(resources) if isinstance(resources, str) else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _spelled(resources: Any) -> str:
    return json.dumps(resources, separators=(",", ":"), sort_keys=True)


def _ordered(groups: list[Any]) -> list[Any]:
    known = all(isinstance(group, dict) and isinstance(group.get("id"), str) for group in groups)
    return sorted(groups, key=lambda group: str(group["id"])) if known else groups
