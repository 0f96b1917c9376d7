"""From a stack's raw config to a `Cluster` that every rule has passed, or all its mistakes.

Knows nothing of the engine: it takes what the engine read, or the file's own text.
"""

from collections.abc import Collection, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from config.base import CANONICAL
from config.cluster import Cluster
from config.errors import ConfigError, from_pydantic, known_keys
from config.rules import Finding, over_cluster, over_stacks, over_versions
from config.spelling import meant
from config.versions import Versions
from config.yaml_text import Placeholder, parse, placeholders

CLUSTER_KEY = "hearth:cluster"
# Rules over stacks that one stack can break alone: `examine` has asked them already.
ALONE = frozenset({"stack-name"})
_PREFIX, _SUFFIX = "Pulumi.", ".yaml"


@dataclass(frozen=True, kw_only=True)
class StackFile:
    """A stack file as text and as data: `config` its namespaced keys, `settings` all the others."""

    stack: str
    text: str
    config: Mapping[str, Any]
    settings: Mapping[str, Any]

    @property
    def cluster(self) -> object:
        """The raw value of `hearth:cluster`, None when it is missing."""
        return self.config.get(CLUSTER_KEY)

    @property
    def placeholders(self) -> list[Placeholder]:
        """The facts that only the owner knows."""
        return placeholders(self.text)


def stack_of(path: Path) -> str:
    """The stack that a file `Pulumi.<stack>.yaml` belongs to."""
    return path.name.removeprefix(_PREFIX).removesuffix(_SUFFIX)


def stack_paths(root: Path) -> dict[str, Path]:
    """The stack files of a project by stack, sorted."""
    return {stack_of(path): path for path in sorted(root.glob(f"{_PREFIX}*{_SUFFIX}"))}


def no_such_stack(stack: str, known: Collection[str]) -> str:
    """What to say of a stack that has no file: the one that was meant, and those there are."""
    near = meant(stack, known)
    question = f"; did you mean {near}?" if near else "."
    return f"there is no stack {stack}{question} Known are: {', '.join(sorted(known)) or 'none'}"


def read_stack_text(text: str, stack: str) -> StackFile:
    """A stack file from its text; raises ConfigError when it is no YAML or repeats a key."""
    data = parse(text, stack)
    settings = dict(data) if isinstance(data, Mapping) else {}
    config = settings.pop("config", None)
    keys = config if isinstance(config, Mapping) else {}
    return StackFile(stack=stack, text=text, config=keys, settings=settings)


def read_stack_file(path: Path) -> StackFile:
    """A stack file from its path."""
    return read_stack_text(path.read_text(encoding="utf-8"), stack_of(path))


def _mended(raw: Mapping[str, Any], error: ValidationError) -> object:
    """The raw config as if every misspelt key had been the one that was meant.

    Only to let the rules run and report all mistakes in one go; a key nobody meant is dropped.
    """
    copy = deepcopy(dict(raw))
    for details in error.errors(include_url=False, include_context=False):
        if details["type"] != "extra_forbidden":
            continue
        node: Any = copy
        for part in details["loc"][:-1]:
            if isinstance(node, Mapping) and part not in node:
                continue  # the tag of a union is no key
            node = node[part]
        key = str(details["loc"][-1])
        value, near = node.pop(key), meant(key, known_keys(details["loc"]))
        if near and near not in node:
            node[near] = value
    return copy


def _shape(raw: object, off: Collection[str]) -> tuple[Cluster | None, list[Finding]]:
    """The cluster as far as it can be read, and what its types refuse."""
    if not isinstance(raw, Mapping):
        said = "is missing" if raw is None else f"is a {type(raw).__name__}, not a mapping"
        fix = f"give the stack its facts: `{CLUSTER_KEY}:` below `config:`"
        rule = "missing-key" if raw is None else "wrong-value"
        return None, [
            Finding(rule=rule, path="", value=raw, message=f"{CLUSTER_KEY} {said}", fix=fix)
        ]
    try:
        return Cluster.model_validate(raw, context={"off": off}), []
    except ValidationError as error:
        found = from_pydantic(error, raw)
        try:
            lenient = {"off": [*off, CANONICAL]}
            return Cluster.model_validate(_mended(raw, error), context=lenient), found
        except ValidationError:
            return None, found


def examine(
    raw: object, stack: str, off: Collection[str] = (), versions: Versions | None = None
) -> tuple[Cluster | None, list[Finding]]:
    """The cluster, when it can be read at all, and every mistake in it; `off` names rules."""
    cluster, found = _shape(raw, off)
    if cluster is not None:
        found += over_cluster.run(cluster, off)
        found += over_stacks.run({stack: cluster}, off)
    found += over_versions.run(versions or Versions(), off)
    return cluster, found


def load_cluster(raw: object, stack: str) -> Cluster:
    """The cluster of a stack; raises ConfigError with all mistakes at once."""
    cluster, found = examine(raw, stack)
    if cluster is None or found:
        raise ConfigError(stack, found)
    return cluster


def collisions(root: Path, stack: str) -> list[Finding]:
    """What a stack shares with the other stacks of a project, as far as those can be read.

    A neighbour that cannot be read is refused when it is brought up itself.
    """
    clusters: dict[str, Cluster] = {}
    for name, path in stack_paths(root).items():
        try:
            cluster, _ = examine(read_stack_file(path).cluster, name)
        except ConfigError:
            continue
        if cluster is not None:
            clusters[name] = cluster
    return [finding for finding in over_stacks.run(clusters, ALONE) if finding.stack == stack]


__all__ = [
    "ALONE",
    "CLUSTER_KEY",
    "Placeholder",
    "StackFile",
    "collisions",
    "examine",
    "load_cluster",
    "no_such_stack",
    "placeholders",
    "read_stack_file",
    "read_stack_text",
    "stack_of",
    "stack_paths",
]
