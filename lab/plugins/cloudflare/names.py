"""Property names: the API's `snake_case` and Pulumi's `camelCase`; and shapes. Pure."""

from __future__ import annotations

import re
from typing import Any

_HUMP = re.compile(r"(?<!^)(?=[A-Z])")


def snake(name: str) -> str:
    """`accountId` -> `account_id`."""
    return _HUMP.sub("_", name).lower()


def camel(name: str) -> str:
    """`account_id` -> `accountId`."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def to_api(value: Any) -> Any:
    """Names as the API has them, at every depth; absent stays absent."""
    if isinstance(value, dict):
        return {snake(key): to_api(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [to_api(item) for item in value]
    return value


def to_pulumi(value: Any) -> Any:
    """Names as the SDK has them, at every depth."""
    if isinstance(value, dict):
        return {camel(key): to_pulumi(item) for key, item in value.items()}
    if isinstance(value, list):
        return [to_pulumi(item) for item in value]
    return value


def shaped(live: Any, written: Any) -> Any:
    """The live value cut to what the program wrote: what Cloudflare adds is no difference."""
    if isinstance(live, dict) and isinstance(written, dict):
        return {key: shaped(live[key], written[key]) for key in written if key in live}
    if isinstance(live, list) and isinstance(written, list) and len(live) == len(written):
        return [shaped(*pair) for pair in zip(live, written, strict=True)]
    return live
