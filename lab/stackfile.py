"""A stack's file as the lab runs it: the salt, every secret and the identity are the lab's.

Plain facts stay byte for byte, so that a rehearsal tests what is committed. Pure: the world writes
the copy, the report shows what was replaced.
"""

from collections.abc import Mapping
from typing import Any

from config.identity import IDENTITY_KEY
from config.stack_edit import SALT, object_lines, secret_lines, with_key, with_salt
from config.yaml_text import parse

PASSPHRASE = "passphrase"  # noqa: S105 - a key of the overlay


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
