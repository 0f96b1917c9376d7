"""Which Flux distributions there are, and which images each consists of. Pure.

The tags are those of flux-operator's own list (config/data/flux-images/VERSION/upstream-alpine.yaml
at v0.58.1). Image digests and the enterprise variants are left out.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

CONTROLLERS: Final = (
    "source-controller",
    "kustomize-controller",
    "helm-controller",
    "notification-controller",
)
_TAGS: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "v2.9.0": ("v1.9.1", "v1.9.1", "v1.6.1", "v1.9.1"),
    "v2.9.1": ("v1.9.2", "v1.9.2", "v1.6.2", "v1.9.2"),
    "v2.9.2": ("v1.9.3", "v1.9.3", "v1.6.2", "v1.9.2"),
    "v2.9.3": ("v1.9.3", "v1.9.4", "v1.6.3", "v1.9.2"),
    "v2.9.4": ("v1.9.4", "v1.9.4", "v1.6.3", "v1.9.3"),
}
_RANGE: Final = re.compile(r"v?(\d+)\.(\d+|[xX*])(?:\.(\d+|[xX*]))?")


class BuildError(ValueError):
    """An instance that asks for what cannot be built; the sentence is for its status."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """One controller's image."""

    name: str
    repository: str
    tag: str

    @property
    def reference(self) -> str:
        """What a container names."""
        return f"{self.repository}:{self.tag}"


def resolve(wanted: str) -> str:
    """The newest distribution that a version or a range like `2.9.x` or `2.x` allows."""
    match = _RANGE.fullmatch(wanted.strip())
    if match is None:
        raise BuildError(f"semver '{wanted}' parse error: improper constraint: {wanted}")
    fixed = [int(part) for part in match.groups() if part and part not in "xX*"]
    fitting = [name for name in _TAGS if _parts(name)[: len(fixed)] == fixed]
    if not fitting:
        raise BuildError(f"no match found for semver: {wanted}")
    return max(fitting, key=_parts)


def images(version: str, registry: str, components: list[str]) -> list[Image]:
    """The images of an instance's components."""
    unknown = [name for name in components if name not in CONTROLLERS]
    if unknown:
        raise BuildError(f"invalid component: {unknown[0]}")
    tags = dict(zip(CONTROLLERS, _TAGS[version], strict=True))
    return [
        Image(name=name, repository=f"{registry.rstrip('/')}/{name}", tag=tags[name])
        for name in components
    ]


def _parts(version: str) -> list[int]:
    return [int(part) for part in version.removeprefix("v").split(".")]
