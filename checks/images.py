"""The parts of a container image's name. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Image:
    """`registry/path`, and what says which one of it is meant."""

    name: str
    tag: str
    digest: str


def parsed(text: str) -> Image:
    """An image as containers name it; parts that are not there are empty."""
    rest, _, digest = text.partition("@")
    folder, _, last = rest.rpartition("/")
    base, _, tag = last.partition(":")
    return Image(name="/".join(filter(None, (folder, base))), tag=tag, digest=digest)
