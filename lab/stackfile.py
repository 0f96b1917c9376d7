"""A stack's file as the lab runs it: the salt, every secret and the identity are the lab's.

Plain facts stay byte for byte, so that a rehearsal tests what is committed; all but one: the Git
server of a lab has a host key of its own. Pure: the world writes the copy, the report shows what
was replaced.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from config.identity import IDENTITY_KEY
from config.stack_edit import SALT, object_lines, secret_lines, with_key, with_salt
from config.yaml_text import parse

PASSPHRASE = "passphrase"  # noqa: S105 - a key of the overlay


KNOWN_HOSTS = "hearth:cluster gitops.knownHosts"  # as the report calls it
_KNOWN_HOSTS_LINE = re.compile(r"^(\s+)knownHosts:(\s|$)")


class OverlayError(ValueError):
    """The overlay does not cover what the stack file holds, or is no overlay."""


def secrets_of(config: Mapping[str, Any]) -> dict[str, str]:
    """The encrypted values among a file's or an overlay's keys."""
    return {
        key: str(value["secure"])
        for key, value in config.items()
        if isinstance(value, Mapping) and set(value) == {"secure"}
    }


def apply_overlay(stack_text: str, overlay: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The stack file's text with the overlay's salt, secrets and identity; and what was replaced.

    `overlay` is `lab/overlay/<stack>.yaml` as data. A secret that the stack file lacks is added:
    it needs one to run. A secret that the overlay lacks is an error: nobody could decrypt it.
    """
    data = parse(stack_text, "stack")
    config = data.get("config") if isinstance(data, Mapping) else None
    theirs = secrets_of(config if isinstance(config, Mapping) else {})
    ours = secrets_of(overlay.get("config", {}))
    identity = overlay.get("config", {}).get(IDENTITY_KEY)
    if SALT not in overlay or not isinstance(identity, Mapping):
        raise OverlayError(f"the overlay needs {SALT} and config.{IDENTITY_KEY}")
    if missing := sorted(set(theirs) - set(ours)):
        raise OverlayError(
            f"the overlay has no value for {', '.join(missing)}: seal one with `python -m lab.seal`"
        )
    text = with_salt(stack_text, str(overlay[SALT]))
    text = with_key(text, IDENTITY_KEY, object_lines(identity))
    for key, cipher in ours.items():
        text = with_key(text, key, secret_lines(cipher))
    return text, [SALT, IDENTITY_KEY, *ours]


def with_known_hosts(stack_text: str, lines: Sequence[str]) -> str:
    """The stack file's text with other `knownHosts`; the same text when it has none.

    Without any there is no SSH, or nobody is known: then the same is to be seen as outside.
    """
    found = stack_text.splitlines()
    start = next((i for i, line in enumerate(found) if _KNOWN_HOSTS_LINE.match(line)), None)
    if start is None:
        return stack_text
    width = len(found[start]) - len(found[start].lstrip())
    end = start + 1
    while end < len(found) and _is_within(found[end], width):
        end += 1
    indent = " " * width
    made = [f"{indent}knownHosts:", *(f"{indent}  - {line}" for line in lines)]
    found[start:end] = made
    return "\n".join(found) + "\n"


def _is_within(line: str, width: int) -> bool:
    """Whether a line belongs to the value of a key at a depth: deeper, or an entry of its list."""
    depth = len(line) - len(line.lstrip())
    return bool(line.strip()) and (depth > width or (depth == width and line[depth:][:2] == "- "))
