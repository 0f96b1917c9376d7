"""YAML and JSON as talosctl reads and writes them. Pure."""

import json
from typing import Any


def load(text: str | bytes) -> Any:
    """The one YAML document in `text`."""
    import yaml  # noqa: PLC0415 (25 ms, and most starts of the plugin read none)

    return yaml.safe_load(text)


def dump(document: Any) -> bytes:
    """`document` for a program that reads YAML, of which JSON is a part."""
    return json.dumps(document).encode()


def dump_readable(document: Any) -> str:
    """`document` as YAML for people, indented as Talos does."""
    import yaml  # noqa: PLC0415

    return str(yaml.safe_dump(document, sort_keys=False, indent=4, width=2**20))


def stream(text: bytes) -> list[Any]:
    """The JSON values that stand one after the other in `text` (`talosctl get -o json`)."""
    decoder = json.JSONDecoder()
    rest = text.decode().strip()
    found = []
    while rest:
        value, end = decoder.raw_decode(rest)
        found.append(value)
        rest = rest[end:].lstrip()
    return found
