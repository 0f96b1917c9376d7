"""YAML as go-yaml writes it: the bytes a schematic's identifier is made of.

Mappings indented by four, sequence items by a dash, strings quoted only where go-yaml would, lines
as literal blocks. Compared with `go.yaml.in/yaml/v4` 4.0.0-rc.4 on the fields of a schematic. It is
no general emitter: keys are plain words, and there are no anchors.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import yaml

# YAML 1.1 booleans that go-yaml quotes although it reads them as strings, Go's octal, base 60.
_OLD_WORDS: Final = re.compile(r"(?i:y|n|yes|no|on|off)|0o[0-7]+|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+")
_STRING: Final = "tag:yaml.org,2002:str"


class _Dumper(yaml.SafeDumper):
    """Decides on quotes as go-yaml's `stringv`."""


def _represent(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    resolve: Callable[..., str] = dumper.resolve
    tag = resolve(yaml.ScalarNode, text, (True, False))
    quoted = not text or tag != _STRING or _OLD_WORDS.fullmatch(text)
    return yaml.ScalarNode(_STRING, text, style='"' if quoted else None)


_Dumper.add_representer(str, _represent)


def dump(content: dict[str, Any]) -> str:
    """The document, with its last newline."""
    return "\n".join(_mapping(content, 0)) + "\n"


def _mapping(content: dict[str, Any], indent: int) -> Iterator[str]:
    for key, value in content.items():
        yield from _entry(" " * indent + f"{key}:", value, indent + 4)


def _entry(head: str, value: Any, indent: int) -> Iterator[str]:
    """One key (or dash) with its value; what does not fit on its line is indented by `indent`."""
    if isinstance(value, dict) and value:
        yield head
        yield from _mapping(value, indent)
    elif isinstance(value, list) and value:
        yield head
        for item in value:
            yield from _item(item, indent)
    elif isinstance(value, str) and "\n" in value:
        yield from _block(head, value, indent)
    else:
        yield f"{head} {_scalar(value)}"


def _item(item: Any, indent: int) -> Iterator[str]:
    dash = " " * indent + "-"
    if isinstance(item, dict) and item:
        # The first key stands behind the dash, the others below it; go-yaml counts from the dash.
        lines = [line for key, value in item.items() for line in _pair(key, value, indent)]
        yield f"{dash} {lines[0].lstrip()}"
        yield from lines[1:]
    else:
        yield from _entry(dash, item, indent + 4)


def _pair(key: str, value: Any, indent: int) -> Iterator[str]:
    yield from _entry(" " * (indent + 2) + f"{key}:", value, indent + 4)


def _block(head: str, text: str, indent: int) -> Iterator[str]:
    hint = "4" if text[0] in " \n" else ""
    chomp = "-" if not text.endswith("\n") else "+" if text.endswith("\n\n") else ""
    yield f"{head} |{hint}{chomp}"
    lines = text.removesuffix("\n").split("\n")
    yield from (" " * indent + line if line else "" for line in lines)


def _scalar(value: Any) -> str:
    if value == {}:
        return "{}"
    if value == []:
        return "[]"
    text = yaml.dump([value], Dumper=_Dumper, width=float("inf"), allow_unicode=True)
    return str(text).removeprefix("- ").removesuffix("\n")
