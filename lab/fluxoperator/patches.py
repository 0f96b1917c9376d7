"""`spec.kustomize.patches`: what an instance changes of the objects that it is built to. Pure.

Patches of both kinds, by kustomize's rules for targets: names and kinds are whole regular
expressions. A strategic merge patch is merged like plain data; lists are replaced, not joined.
"""

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

from lab.fluxoperator.distribution import BuildError

Object = dict[str, Any]
_SELECTORS: Final = frozenset({"group", "version", "kind", "name", "namespace"})


def patched(objects: Sequence[Object], patches: Sequence[Mapping[str, Any]]) -> list[Object]:
    """The objects with every patch applied, in order; `BuildError` for one that cannot be."""
    made = [copy.deepcopy(item) for item in objects]
    for patch in patches:
        try:
            change = yaml.safe_load(patch["patch"])
        except yaml.YAMLError as error:
            raise BuildError(f"failed to parse kustomize patches: {error}") from None
        target = patch.get("target") or _own_target(change)
        if unknown := set(target) - _SELECTORS:
            raise BuildError(f"this stand-in cannot select a patch's target by {sorted(unknown)}")
        made = [_changed(item, change) if _is_meant(item, target) else item for item in made]
    return made


def _own_target(change: Any) -> Mapping[str, str]:
    """Without a target a merge patch names its object itself."""
    if not isinstance(change, dict):
        raise BuildError("failed to parse kustomize patches: a JSON patch needs a target")
    return {"kind": change.get("kind", ""), "name": change.get("metadata", {}).get("name", "")}


def _is_meant(item: Object, target: Mapping[str, str]) -> bool:
    group, _, version = item["apiVersion"].rpartition("/")
    has = {
        "group": group,
        "version": version,
        "kind": item["kind"],
        "name": item["metadata"]["name"],
        "namespace": item["metadata"].get("namespace", ""),
    }
    return all(re.fullmatch(wanted, has[key]) for key, wanted in target.items() if wanted)


def _changed(item: Object, change: Any) -> Object:
    if isinstance(change, dict):
        kept = {key: item[key] for key in ("apiVersion", "kind")}
        name = item["metadata"]["name"]
        merged: Object = {**_merged(item, change), **kept}
        merged["metadata"]["name"] = name  # kustomize keeps what a patch cannot change
        return merged
    for operation in change:
        _operate(item, operation)
    return item


def _merged(old: Any, new: Any) -> Any:
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    joined = {key: _merged(old.get(key), value) for key, value in new.items()}
    return {key: value for key, value in (old | joined).items() if value is not None}


def _operate(item: Object, operation: Mapping[str, Any]) -> None:
    """One operation of RFC 6902: add, replace or remove."""
    path, kind = str(operation["path"]), operation["op"]
    *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]
    holder: Any = item
    try:
        for part in parents:
            holder = holder[int(part) if isinstance(holder, list) else part]
        if isinstance(holder, list):
            _operate_on_list(holder, last, operation)
        elif kind == "remove":
            del holder[last]
        else:
            if kind == "replace":
                _ = holder[last]  # there has to be something
            holder[last] = operation["value"]
    except (KeyError, IndexError, TypeError, ValueError):
        name = item["metadata"]["name"]
        raise BuildError(f"{kind} operation does not apply to {name}: no path {path}") from None


def _operate_on_list(holder: list[Any], last: str, operation: Mapping[str, Any]) -> None:
    if operation["op"] == "add":
        holder.insert(len(holder) if last == "-" else int(last), operation["value"])
    elif operation["op"] == "remove":
        del holder[int(last)]
    else:
        holder[int(last)] = operation["value"]
