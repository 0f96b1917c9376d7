"""What changed between the object last seen and the object now wanted, and what that costs.

The vendor's plugin does not compare old inputs with new ones: it prunes the *live* object in the
state to the shape of the old inputs and compares that, which is how drift that a refresh found
becomes a change. It builds an RFC 7386 merge patch and turns the patch into Pulumi's detailed diff;
both steps are here, with the same rules for lists, deletions and unknown values. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lab.plugins.kubernetes import kinds
from provider.rpc import diff, wire

Path = tuple[str | int, ...]
_MISSING: Any = object()


def merge_patch(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The RFC 7386 merge patch from `old` to `new`; lists are replaced as a whole."""
    patch: dict[str, Any] = {}
    for key, value in new.items():
        before = old.get(key, _MISSING)
        if before is _MISSING:
            patch[key] = value
        elif isinstance(value, dict) and isinstance(before, dict):
            if nested := merge_patch(before, value):
                patch[key] = nested
        elif not wire.same(before, value):
            patch[key] = value
    patch.update({key: None for key in old if key not in new})
    return patch


def path_text(path: Path) -> str:
    """A path as Pulumi writes it: `metadata.labels["a.b/c"]`, `spec.ports[0].port`."""
    text = ""
    for step in path:
        text = f"{text}[{step}]" if isinstance(step, int) else diff.join(text, step)
    return text


class _Walk:
    """One conversion of a merge patch into changes."""

    def __init__(self, replacing: Sequence[str], ignore: Sequence[str]) -> None:
        self.replacing = replacing
        self.ignore = ignore
        self.detailed: dict[str, diff.Kind] = {}
        self.replaces: list[str] = []

    def value(self, path: Path, patch: Any, old: Any, new: Any, *, in_list: bool) -> None:
        """Record what `patch` does to the value at `path`."""
        if new is _MISSING and (patch is not None or old is _MISSING):
            return  # a field that only the cluster fills
        if patch is None and new is not wire.UNKNOWN:
            self.record(path, None, diff.Kind.DELETE)
        elif old is _MISSING or old is None:
            self.record(path, patch, diff.Kind.ADD)
        elif isinstance(patch, dict) and isinstance(old, dict):
            self.mapping(path, patch, old, new, in_list=in_list)
        elif isinstance(patch, list) and isinstance(old, list):
            self.items(path, patch, old, new)
        elif not wire.same(patch, old):
            self.record(path, patch, diff.Kind.UPDATE)

    def mapping(
        self, path: Path, patch: dict[str, Any], old: dict[str, Any], new: Any, *, in_list: bool
    ) -> None:
        """Each key of the patch; inside a list also the keys that are gone."""
        wanted = new if isinstance(new, dict) else {}
        for key, value in patch.items():
            before, after = old.get(key, _MISSING), wanted.get(key, _MISSING)
            self.value((*path, key), value, before, after, in_list=in_list)
        if in_list:  # a merge patch replaces lists whole and so never says what is gone from them
            for key in old.keys() - patch.keys():
                after = wanted.get(key, _MISSING)
                self.value((*path, key), None, old[key], after, in_list=True)

    def items(self, path: Path, patch: list[Any], old: list[Any], new: Any) -> None:
        """Each position of a list, by index."""
        wanted = new if isinstance(new, list) else []
        for index in range(max(len(patch), len(old))):
            after = wanted[index] if index < len(wanted) else None
            value = patch[index] if index < len(patch) else None
            before = old[index] if index < len(old) else _MISSING
            self.value((*path, index), value, before, after, in_list=True)

    def record(self, path: Path, value: Any, kind: diff.Kind) -> None:
        """Keep one change unless the program ignores it."""
        text = path_text(path)
        if any(diff.covers(pattern, text) for pattern in self.ignore):
            return
        self.detailed[text] = kind
        whole_metadata = kind is diff.Kind.DELETE and text == "metadata"
        if whole_metadata or kinds.replaces(path, value, self.replacing):
            self.replaces.append(text)


def three_way(before: dict[str, Any], wanted: dict[str, Any], live: Any) -> dict[str, Any]:
    """A merge patch from `live` to `wanted` that deletes only what `before` had."""
    patch: dict[str, Any] = {}
    current = live if isinstance(live, dict) else {}
    for key, value in wanted.items():
        there = current.get(key, _MISSING)
        if isinstance(value, dict) and isinstance(there, dict):
            old = before.get(key)
            if nested := three_way(old if isinstance(old, dict) else {}, value, there):
                patch[key] = nested
        elif there is _MISSING or not wire.same(there, value):
            patch[key] = value
    patch.update({key: None for key in before if key not in wanted and key in current})
    return patch


def changes_of(
    patch: dict[str, Any],
    old: dict[str, Any],
    new: dict[str, Any],
    replacing: Sequence[str],
    ignore: Sequence[str] = (),
) -> diff.Diff:
    """What a merge patch from `old` to `new` changes, path by path."""
    walk = _Walk(replacing, ignore)
    walk.mapping((), patch, old, new, in_list=False)
    return diff.Diff(replaces=tuple(walk.replaces), detailed=walk.detailed)


def changes(
    old: dict[str, Any],
    new: dict[str, Any],
    replacing: Sequence[str],
    ignore: Sequence[str] = (),
) -> diff.Diff:
    """Every change from the pruned live object to the wanted one."""
    return changes_of(merge_patch(old, new), old, new, replacing, ignore)
