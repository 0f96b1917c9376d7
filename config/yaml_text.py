"""The text of a stack file: parsed as the engine parses it, with its placeholders.

PyYAML reads YAML 1.1, where `52:54:00:12:34:56` is a number in base 60, `on` is true, and the last
of two equal keys wins in silence. The engine's Go parser has none of that, and here neither.
Reading only: nothing is ever written back through a YAML library, which would drop comments.
libyaml reads ten times faster than the pure parser: every start of the program reads every stack.
"""

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass

import yaml

from config.errors import ConfigError
from config.rules.model import Finding

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # a PyYAML that was built without libyaml
    from yaml import SafeLoader  # type: ignore[assignment]

# Dates, digits after a zero or around `_`, other bases and other spellings: the engine's parser
# makes something else of them than this one does, or than a reader would.
_AMBIGUOUS = re.compile(
    r"\d{4}-\d\d?-\d\d?([Tt ].*)?"
    r"|[-+]?0[0-9_]+|[-+]?[0-9][0-9_]*_[0-9_]*|[-+]?0[xob][0-9a-fA-F_]+"
    r"|[-+]?(\.[0-9]+|[0-9]+\.)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
    r"|True|TRUE|False|FALSE|Null|NULL"
)
_PLACEHOLDER = re.compile(r"^\s*[^#\s].*\s#\s*PLACEHOLDER\b")


@dataclass(frozen=True)
class Placeholder:
    """A fact that only the owner knows: its line (from 1) and its key path as text."""

    line: int
    text: str

    def __str__(self) -> str:
        """`line 17: hearth:cluster.network.gateways`."""
        return f"line {self.line}: {self.text}"


class _Loader(SafeLoader):
    """PyYAML's safe loader with the scalars of YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(~|null|)$"), ["~", "n", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(true|false)$"), ["t", "f"])
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^[-+]?(0|[1-9][0-9]*)$"), list("-+0123456789")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?[0-9]+(\.[0-9]+([eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)$"),
    list("-+0123456789"),
)


def _walk(node: yaml.Node, path: str = "") -> Iterator[tuple[str, yaml.Node, yaml.Node | None]]:
    """Every key and list item below a node: its path, the node that opens it, its value."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = f"{path}.{key.value}" if path else str(key.value)
            yield inner, key, value
            yield from _walk(value, inner)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            inner = f"{path}[{index}]"
            yield inner, item, None
            yield from _walk(item, inner)


def _bare(path: str) -> str:
    """A path below `config`, which every fact of a stack stands under."""
    return path.removeprefix("config.")


def _duplicates(root: yaml.Node) -> Iterator[Finding]:
    seen: dict[Hashable, int] = {}
    for path, key, value in _walk(root):
        line = key.start_mark.line + 1
        if value is not None and path in seen:
            yield Finding(
                rule="duplicate-key",
                path=f"/{_bare(path)}",
                value=path,
                message=f"line {line} repeats the key of line {seen[path]}; YAML keeps the last",
                fix="merge the two, or drop one",
            )
        seen.setdefault(path, line)


def _ambiguous(root: yaml.Node) -> Iterator[Finding]:
    for path, key, value in _walk(root):
        node = key if value is None else value
        if (
            isinstance(node, yaml.ScalarNode)
            and not node.style
            and _AMBIGUOUS.fullmatch(node.value)
        ):
            yield Finding(
                rule="ambiguous-value",
                path=f"/{_bare(path)}",
                value=node.value,
                message=f"{node.value} is read differently by different YAML parsers",
                fix=f'write "{node.value}" for a text, or the number or word in its plain form',
            )


def parse(text: str, stack: str) -> object:
    """The file's data; raises ConfigError for broken YAML, repeated keys, ambiguous values."""
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        found = [] if root is None else [*_duplicates(root), *_ambiguous(root)]
        data: object = None if root is None else loader.construct_document(root)
    except yaml.YAMLError as error:
        said = " ".join(str(error).split())
        found = [
            Finding(
                rule="wrong-value",
                path=f"/Pulumi.{stack}.yaml",
                value=None,
                message=f"not YAML: {said}",
                fix="correct the line that it names",
            )
        ]
        raise ConfigError(stack, found) from None
    if found:
        raise ConfigError(stack, found)
    return data


def placeholders(text: str) -> list[Placeholder]:
    """The lines marked `# PLACEHOLDER`, each with the outermost key or item that it opens."""
    marked = [n for n, line in enumerate(text.splitlines(), 1) if _PLACEHOLDER.match(line)]
    if not marked:
        return []
    opened: dict[int, str] = {}
    root = yaml.compose(text, Loader=_Loader)
    for path, node, _ in _walk(root) if root else ():
        opened.setdefault(node.start_mark.line + 1, _bare(path))
    return [Placeholder(line, opened.get(line, "")) for line in marked]
