"""Changes to a stack file's text that leave every other byte as it was.

A YAML library would drop comments and with them the PLACEHOLDER marks, and so does the engine's own
`config set`. So keys below `config:` are found by their indentation, replaced or added as lines.
"""

import re
from collections.abc import Mapping

import yaml

SALT = "encryptionsalt"
_CONFIG = re.compile(r"^config:\s*(#.*)?$")


def secret_lines(cipher: str) -> list[str]:
    """The value of a secret key, as the engine writes it."""
    return [f"secure: {cipher}"]


def object_lines(value: Mapping[str, object]) -> list[str]:
    """A flat object of texts; a text of several lines as a block that keeps them."""
    lines: list[str] = []
    for key, item in value.items():
        text = str(item)
        if "\n" in text:
            mark = "|" if text.endswith("\n") else "|-"
            lines += [f"{key}: {mark}", *(f"  {line}" for line in text.rstrip("\n").split("\n"))]
        else:
            lines += yaml.safe_dump({key: text}, width=80).splitlines()
    return lines


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _is_key(line: str, key: str) -> bool:
    return re.match(rf"""^\s+(['"]?){re.escape(key)}\1\s*:(\s|$)""", line) is not None


def _block_end(lines: list[str], start: int) -> int:
    """The line after a key's block: as far as lines are indented deeper, without blank tails."""
    end = start + 1
    for index in range(start + 1, len(lines)):
        line = lines[index]
        deeper = _indent(line) > _indent(lines[start])
        if line.strip() and deeper:
            end = index + 1
        elif line.strip() and not line.lstrip().startswith("#"):
            break  # a comment may stand at any depth
    return end


def _section(lines: list[str]) -> tuple[int, int, int]:
    """The `config:` section: its first line, the line after it, and its keys' indentation."""
    start = next((i for i, line in enumerate(lines) if _CONFIG.match(line)), None)
    if start is None:
        raise ValueError("the file has no line `config:`")
    end = _block_end(lines, start)
    inner = [line for line in lines[start + 1 : end] if not line.lstrip().startswith("#")]
    return start, end, _indent(inner[0]) if inner else 2


def with_key(text: str, key: str, value: list[str]) -> str:
    """The text with a namespaced key's whole value replaced, or the key added at the end.

    `value` are the lines below the key, without their indentation.
    """
    lines = text.splitlines()
    start, end, width = _section(lines)
    found = next((i for i in range(start + 1, end) if _is_key(lines[i], key)), None)
    step = " " * (width + 2)
    block = [f"{' ' * width}{key}:", *(f"{step}{line}" if line else "" for line in value)]
    if found is None:
        lines[end:end] = block
    else:
        lines[found : _block_end(lines, found)] = block
    return "\n".join(lines) + "\n"


def without_key(text: str, key: str) -> str:
    """The text without a namespaced key; the same text when it has none."""
    lines = text.splitlines()
    start, end, _ = _section(lines)
    found = next((i for i in range(start + 1, end) if _is_key(lines[i], key)), None)
    if found is None:
        return text
    del lines[found : _block_end(lines, found)]
    return "\n".join(lines) + "\n"


def with_salt(text: str, salt: str) -> str:
    """The text with its `encryptionsalt` replaced, or put above `config:`."""
    lines = text.splitlines()
    found = next((i for i, line in enumerate(lines) if line.startswith(f"{SALT}:")), None)
    if found is None:
        start = _section(lines)[0]
        lines.insert(start, f"{SALT}: {salt}")
    else:
        lines[found] = f"{SALT}: {salt}"
    return "\n".join(lines) + "\n"
