"""The field-wise difference between two sets of inputs.

Pure. What a difference *means* (replace, or update in place) is a list of paths declared by the
resource; the paths are the wire's: `a`, `a.b`, `a[0].b`, with `*` for any key or index.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from provider.rpc.wire import Secret, Value, same

_PART = re.compile(r"\[(\d+|\*)\]|\[\"((?:[^\"\\]|\\.)*)\"\]|([^.\[\]]+)")
_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_$-]*")


class Kind(Enum):
    """How a property changes."""

    ADD = "add"
    DELETE = "delete"
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class Diff:
    """A resource's answer to "what would an update do?".

    `replaces` and `detailed` hold paths. `changes` may be True although no path is named (the
    resource knows of drift that has no input); None means "as the paths say".
    """

    replaces: tuple[str, ...] = ()
    delete_before_replace: bool = False
    detailed: Mapping[str, Kind] = field(default_factory=dict)
    changes: bool | None = None

    @property
    def changed(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.replaces or self.detailed) if self.changes is None else self.changes


def compare(old: Value, new: Value, path: str = "") -> Iterator[tuple[str, Kind]]:
    """Every path at which `new` differs from `old`; secrets are compared by value."""
    old, new = _bare(old), _bare(new)
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from _compare_item(old, new, key, join(path, key))
    elif isinstance(old, list) and isinstance(new, list):
        left, right = dict(enumerate(old)), dict(enumerate(new))
        for index in range(max(len(old), len(new))):
            yield from _compare_item(left, right, index, f"{path}[{index}]")
    elif not same(old, new):
        yield path, Kind.UPDATE


def _compare_item(
    old: Mapping[Any, Value], new: Mapping[Any, Value], key: object, path: str
) -> Iterator[tuple[str, Kind]]:
    # The engine leaves a null out of what it stores, so absent and null are the same.
    left, right = old.get(key), new.get(key)
    if _bare(left) is None and _bare(right) is None:
        return
    if _bare(left) is None:
        yield path, Kind.ADD
    elif _bare(right) is None:
        yield path, Kind.DELETE
    else:
        yield from compare(left, right, path)


def _bare(value: Value) -> Value:
    while isinstance(value, Secret):
        value = value.value
    return value


def join(path: str, key: str) -> str:
    """`key` below `path`, quoted when it is not a plain word."""
    if not _BARE.fullmatch(key):
        quoted = key.replace("\\", "\\\\").replace('"', '\\"')
        return f'{path}["{quoted}"]'
    return f"{path}.{key}" if path else key


def parts(path: str) -> tuple[str, ...]:
    """`a.b[0]["c.d"]` as `("a", "b", "0", "c.d")`."""
    return tuple(
        index or name or re.sub(r"\\(.)", r"\1", quoted)
        for index, quoted, name in _PART.findall(path)
    )


def covers(pattern: str, path: str) -> bool:
    """Whether `path` is `pattern` itself or lies below it; `*` stands for one key or index."""
    wanted, given = parts(pattern), parts(path)
    return len(wanted) <= len(given) and all(
        mine in {"*", theirs} for mine, theirs in zip(wanted, given, strict=False)
    )


def touches(pattern: str, path: str) -> bool:
    """Whether a change at `path` concerns `pattern`: either contains the other."""
    return covers(pattern, path) or covers(path, pattern)


def field_wise(
    old: Mapping[str, Value],
    new: Mapping[str, Value],
    *,
    ignore: Sequence[str] = (),
    replace_on: Sequence[str] = (),
    delete_before_replace: bool = False,
) -> Diff:
    """The difference of two sets of inputs, with what `ignoreChanges` names left out."""
    detailed = {
        path: kind
        for path, kind in compare(old, new)
        if not any(covers(pattern, path) for pattern in ignore)
    }
    replaces = tuple(
        path for path in detailed if any(touches(pattern, path) for pattern in replace_on)
    )
    return Diff(
        replaces=replaces,
        delete_before_replace=delete_before_replace and bool(replaces),
        detailed=detailed,
    )
