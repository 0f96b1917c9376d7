"""API tokens: permission groups, policies, and what a token may do where. Pure.

A policy allows (or denies) permission groups on resources. The identifiers of permission groups are
the lab's own, made of their names: programs look them up by name.
"""

import fnmatch
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lab.cloudflare.errors import invalid_policy

ACCOUNT: Final = "com.cloudflare.api.account"
ZONE: Final = "com.cloudflare.api.account.zone"
USER: Final = "com.cloudflare.api.user"
# Name -> scope.
GROUPS: Final = {
    "Zone Read": ZONE,
    "Zone Write": ZONE,
    "Zone Settings Read": ZONE,
    "Zone Settings Write": ZONE,
    "DNS Read": ZONE,
    "DNS Write": ZONE,
    "SSL and Certificates Read": ZONE,
    "SSL and Certificates Write": ZONE,
    "Account Settings Read": ACCOUNT,
    "Account Settings Write": ACCOUNT,
    "Account API Tokens Read": ACCOUNT,
    "Account API Tokens Write": ACCOUNT,
    "Cloudflare Tunnel Read": ACCOUNT,
    "Cloudflare Tunnel Write": ACCOUNT,
    "Access: Apps and Policies Read": ACCOUNT,
    "Access: Apps and Policies Write": ACCOUNT,
    "API Tokens Read": USER,
    "API Tokens Write": USER,
}


def group_id(name: str) -> str:
    """The lab's identifier of a permission group."""
    return hashlib.sha256(f"permission group {name}".encode()).hexdigest()[:32]


_NAMES: Final = {group_id(name): name for name in GROUPS}


def groups(name: str | None = None, scope: str | None = None) -> list[dict[str, Any]]:
    """The permission groups there are."""
    return [
        {"id": group_id(known), "name": known, "scopes": [where]}
        for known, where in GROUPS.items()
        if name in {None, known} and scope in {None, where}
    ]


@dataclass
class ApiToken:
    """An API token; its value is shown once and kept by the store."""

    id: str
    name: str
    policies: list[dict[str, Any]]
    issued_on: str
    modified_on: str
    status: str = "active"
    account: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        """As the API shows it, without its value."""
        return {
            "id": self.id,
            "name": self.name,
            "status": self.status,
            "issued_on": self.issued_on,
            "modified_on": self.modified_on,
            "last_used_on": None,
            "policies": self.policies,
            **self.extra,
        }

    def allows(self, group: str, resource: str, within: Iterable[str] = ()) -> bool:
        """Whether a policy allows the group on the resource, and none denies it.

        `within` are the resources the resource lies in, outermost first. Write includes read.
        """
        wanted = {group, group.removesuffix("Read") + "Write"}
        effects = {
            policy["effect"]
            for policy in self.policies
            if wanted & {_NAMES.get(entry["id"], "") for entry in policy["permission_groups"]}
            and _covers(policy["resources"], resource, list(within))
        }
        return effects == {"allow"}


def _covers(resources: Mapping[str, Any], resource: str, within: list[str]) -> bool:
    for pattern, value in resources.items():
        if value == "*" and _matches(pattern, resource):
            return True
        # An account entry covers what lies in the account; a nested one narrows that.
        if value == "*" and any(_matches(pattern, outer) for outer in within):
            return True
        if isinstance(value, dict) and any(_matches(pattern, outer) for outer in within):
            return _covers(value, resource, [])
    return False


def _matches(pattern: str, resource: str) -> bool:
    return fnmatch.fnmatchcase(resource, pattern)


def checked(policies: Any) -> list[dict[str, Any]]:
    """Policies as they are kept; refuses what cannot be one."""
    if not isinstance(policies, list) or not policies:
        raise invalid_policy("Policies must be a non-empty list")
    return list(_checked(policies))


def _checked(policies: list[Any]) -> Iterator[dict[str, Any]]:
    for policy in policies:
        if not isinstance(policy, dict) or policy.get("effect") not in {"allow", "deny"}:
            raise invalid_policy("Policy effect must be 'allow' or 'deny'")
        chosen, resources = policy.get("permission_groups"), policy.get("resources")
        if not chosen or not resources:
            raise invalid_policy("Policy needs permission_groups and resources")
        for entry in chosen:
            if entry.get("id") not in _NAMES:
                raise invalid_policy(f"Permission group {entry.get('id')} not found")
        named = [{"id": entry["id"], "name": _NAMES[entry["id"]]} for entry in chosen]
        identifier = hashlib.sha256(repr((policy["effect"], named, resources)).encode())
        yield {
            "id": policy.get("id") or identifier.hexdigest()[:32],
            "effect": policy["effect"],
            "permission_groups": named,
            "resources": resources,
        }
