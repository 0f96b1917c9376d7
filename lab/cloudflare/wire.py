"""Documents: the setup people hand in, the envelope and pages Cloudflare answers in."""

import math
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from lab.cloudflare.state.rights import GROUPS, checked, group_id

Identifier = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AccountSetup(_Document):
    """An account that exists at start."""

    id: Identifier
    name: str


class ZoneSetup(_Document):
    """A zone that exists at start."""

    id: Identifier
    name: str
    account: Identifier


class PolicySetup(_Document):
    """What a token may do: permission groups by name, on resources."""

    permissions: list[str] = Field(min_length=1)
    resources: dict[str, Any] = Field(min_length=1)
    effect: str = "allow"

    def as_api(self) -> dict[str, Any]:
        """As the API writes it; `ValueError` for a group there is none of."""
        unknown = [name for name in self.permissions if name not in GROUPS]
        if unknown:
            known = ", ".join(sorted(GROUPS))
            raise ValueError(f"there is no permission group '{unknown[0]}'; known: {known}")
        groups = [{"id": group_id(name)} for name in self.permissions]
        policy = {"effect": self.effect, "resources": self.resources, "permission_groups": groups}
        return checked([policy])[0]


class TokenSetup(_Document):
    """An API token that exists at start."""

    name: str
    value: Annotated[str, Field(min_length=16)]
    policies: list[PolicySetup] = Field(min_length=1)


class Setup(_Document):
    """Cloudflare as it was before anybody's program touched it."""

    accounts: list[AccountSetup] = Field(min_length=1)
    zones: list[ZoneSetup] = []
    tokens: list[TokenSetup] = Field(min_length=1)


def envelope(result: Any) -> dict[str, Any]:
    """A successful answer."""
    return {"success": True, "errors": [], "messages": [], "result": result}


def page(items: list[Any], query: Any, default: int, most: int) -> dict[str, Any]:
    """One page of a list, by `page` and `per_page`."""
    number = _whole(query.get("page"), 1, 1, 10**6)
    size = _whole(query.get("per_page"), default, 1, most)
    chosen = items[(number - 1) * size : number * size]
    info = {
        "page": number,
        "per_page": size,
        "count": len(chosen),
        "total_count": len(items),
        "total_pages": math.ceil(len(items) / size),
    }
    return {**envelope(chosen), "result_info": info}


def _whole(text: Any, default: int, least: int, most: int) -> int:
    number = int(text) if str(text or "").isdigit() else default
    return min(max(number, least), most)
