"""A pod as the standards look at it, and the words in which they speak of it."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Object = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A pod as it is asked for: its spec, and the annotations beside it."""

    spec: Object
    annotations: Object = field(default_factory=dict)

    @property
    def containers(self) -> list[Object]:
        """All of them, in the order in which Kubernetes looks at them."""
        return [
            one
            for key in ("initContainers", "containers", "ephemeralContainers")
            for one in listed(self.spec, key)
        ]

    @property
    def windows(self) -> bool:
        """Whether it says that it is for Windows."""
        return bool(inside(self.spec, "os", "name") == "windows")

    @property
    def own_users(self) -> bool:
        """Whether its root is nobody's root on the node."""
        return self.spec.get("hostUsers") is False

    def named(self, bad: Callable[[Object], object]) -> list[str]:
        """The names of the containers of which something is true."""
        return [str(one.get("name", "")) for one in self.containers if bad(one)]


def inside(found: Any, *path: str) -> Any:
    """What stands at a path; None where nothing does."""
    for step in path:
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def listed(found: Any, key: str) -> list[Object]:
    """The mappings of a list."""
    held = inside(found, key)
    return [one for one in held if isinstance(one, Mapping)] if isinstance(held, list) else []


def set_to(pod: Pod, bad: Callable[[Any], bool], *path: str) -> tuple[list[str], list[str]]:
    """Who sets a field of a security context to something bad, and to what."""

    def wrong(one: Object) -> bool:
        found = inside(one, "securityContext", *path)
        return found is not None and bad(found)

    held = [inside(one, "securityContext", *path) for one in (pod.spec, *pod.containers)]
    values = {str(found) for found in held if found is not None and bad(found)}
    return who(pod, wrong), sorted(values)


def who(pod: Pod, bad: Callable[[Object], bool]) -> list[str]:
    """`pod`, `containers "a", "b"`, both or none of them."""
    names = pod.named(bad)
    return [*(["pod"] * bad(pod.spec)), *([containers(names)] * bool(names))]


def containers(names: Collection[str]) -> str:
    """`container "a"`."""
    return counted(len(names), "container", names)


def counted(number: int, noun: str, names: Iterable[str] = ()) -> str:
    """A noun in its number, and the names of what it means."""
    word = noun if number == 1 else f"{noun}s"
    return " ".join(filter(None, (word, quoted(names))))


def quoted(names: Iterable[str]) -> str:
    """`"a", "b"`."""
    return ", ".join(f'"{name}"' for name in names)


def uses(names: Collection[str]) -> str:
    """The verb for so many."""
    return "uses" if len(names) == 1 else "use"
