"""What one run of the program registered, and the questions tests ask of it.

Inputs come twice: as values, and as what a reader of the state would see in plain text.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from google.protobuf import json_format
from pulumi.runtime import rpc

HIDDEN = "[secret]"
SIGNATURE = rpc._special_sig_key
SECRET = rpc._special_secret_sig
UNKNOWN = rpc.UNKNOWN


@dataclass(frozen=True, kw_only=True)
class Registered:
    """One registration: what the program asked for, with every option it set."""

    type: str
    name: str
    urn: str
    request: Any

    @cached_property
    def wire(self) -> dict[str, Any]:
        """The inputs as they went over the wire, marks of secrets included."""
        return plain_message(self.request.object)

    @cached_property
    def inputs(self) -> dict[str, Any]:
        """The inputs without the marks of secrets: what most assertions are about."""
        found: dict[str, Any] = unwrapped(self.wire)
        return found

    @cached_property
    def readable(self) -> str:
        """What stands in state, previews and diffs in plain text."""
        return json.dumps(hidden(self.wire), sort_keys=True)

    def is_secret(self, name: str) -> bool:
        """Whether an input as a whole is marked secret."""
        return is_secret(self.wire[name])

    @property
    def is_custom(self) -> bool:
        """A resource with a provider of its own, not a component."""
        return bool(self.request.custom)

    @property
    def is_provider(self) -> bool:
        return self.type.startswith("pulumi:providers:")

    @property
    def provider(self) -> str:
        """The URN of the explicit provider, empty when the engine would choose one."""
        return str(self.request.provider).rpartition("::")[0]

    @property
    def dependencies(self) -> list[str]:
        return list(self.request.dependencies)

    @property
    def ignored(self) -> list[str]:
        return list(self.request.ignoreChanges)

    @property
    def replaced_with(self) -> list[str]:
        return list(self.request.replace_with)

    @property
    def deleted_with(self) -> str:
        return str(self.request.deletedWith)

    @property
    def parent(self) -> str:
        return str(self.request.parent)


@dataclass(frozen=True, kw_only=True)
class Invoked:
    """One call of a provider's function; `after` so many registrations."""

    token: str
    args: dict[str, Any]
    provider: str
    after: int


@dataclass
class Graph:
    """Everything one run registered, asked and exported."""

    resources: list[Registered] = field(default_factory=list)
    invokes: list[Invoked] = field(default_factory=list)
    exports: dict[str, Any] = field(default_factory=dict)
    component_outputs: dict[str, Any] = field(default_factory=dict)

    def of(self, kind: str) -> list[Registered]:
        """Registrations whose type token ends with this."""
        return [item for item in self.resources if item.type.endswith(kind)]

    def one(self, kind: str, name: str = "") -> Registered:
        """The only registration of a type whose name holds `name`."""
        found = [item for item in self.of(kind) if name in item.name]
        assert len(found) == 1, [(item.type, item.name) for item in found]
        return found[0]

    def calls(self, kind: str) -> list[Invoked]:
        """Calls of a function whose token ends with this."""
        return [item for item in self.invokes if item.token.endswith(kind)]

    @cached_property
    def by_urn(self) -> dict[str, Registered]:
        return {item.urn: item for item in self.resources}

    def urns(self) -> list[str]:
        return sorted(item.urn for item in self.resources)

    def custom(self) -> Iterator[Registered]:
        """Resources with a provider; neither components nor providers."""
        return (item for item in self.resources if item.is_custom and not item.is_provider)

    def in_cluster(self) -> list[Registered]:
        """What lives in the Kubernetes cluster."""
        return [item for item in self.custom() if item.type.startswith("kubernetes:")]

    def ancestors(self, item: Registered) -> Iterator[Registered]:
        """The resource itself, then its parents up to the stack."""
        current: Registered | None = item
        while current is not None:
            yield current
            current = self.by_urn.get(current.parent)

    def hangs_on(self, item: Registered) -> str:
        """The `deleted_with` of the resource or, as the engine inherits it, of a parent."""
        targets = (holder.deleted_with for holder in self.ancestors(item))
        return next((target for target in targets if target), "")

    def before(self, item: Registered) -> set[str]:
        """URNs of all that is made before this one: dependencies, parents and providers, deeply."""
        seen: set[str] = set()
        open_ends = [item]
        while open_ends:
            current = open_ends.pop()
            for urn in (*current.dependencies, current.parent, current.provider):
                found = self.by_urn.get(urn)
                if found is not None and urn not in seen:
                    seen.add(urn)
                    open_ends.append(found)
        return seen

    def comes_before(self, first: Registered, then: Registered) -> bool:
        return first.urn in self.before(then)


def plain_message(message: Any) -> dict[str, Any]:
    """A protobuf Struct as a dict; whole numbers as ints."""
    found: dict[str, Any] = json_format.MessageToDict(message)
    return found


def is_secret(value: Any) -> bool:
    return isinstance(value, dict) and value.get(SIGNATURE) == SECRET


def unwrapped(value: Any) -> Any:
    """Without the marks of secrets."""
    if isinstance(value, dict):
        if SIGNATURE in value:
            return unwrapped(value.get("value"))
        return {key: unwrapped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unwrapped(item) for item in value]
    return value


def hidden(value: Any) -> Any:
    """What the engine prints: secrets as one word."""
    if is_secret(value):
        return HIDDEN
    if isinstance(value, dict):
        return {key: hidden(item) for key, item in value.items()}
    if isinstance(value, list):
        return [hidden(item) for item in value]
    return value
