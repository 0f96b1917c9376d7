"""How a tool can be missing. One sentence each: what is missing, and what to do."""

import errno
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.tools.model import Tool


class ToolError(Exception):
    """One program could not be had."""


class ToolsMissing(Exception):  # noqa: N818 - read aloud: "tools missing"
    """Some programs could not be had. What was found stays, in `found` and in the cache."""

    def __init__(self, failures: Mapping[str, str], found: Mapping[str, "Tool"]) -> None:
        self.failures = dict(failures)
        self.found = dict(found)
        reasons: dict[str, list[str]] = {}
        for name, message in failures.items():
            reasons.setdefault(message, []).append(name)
        super().__init__("\n".join(f"{', '.join(who)}: {why}" for why, who in reasons.items()))


def explain(error: OSError, doing: str) -> str:
    """Turn the operating system's refusal into a sentence with a remedy."""
    where = f" ({error.filename})" if error.filename else ""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return (
            f"no space left on the disk while {doing}{where}: free some (all tools together take"
            " about 1 GB, building them about 10 GB of Go's own cache), or point XDG_CACHE_HOME"
            " and GOCACHE at a larger disk"
        )
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return (
            f"no right to write while {doing}{where}: {error.strerror}; give it to this user, or"
            " point XDG_CACHE_HOME at a folder of your own"
        )
    return f"{error.strerror or error} while {doing}{where}"
